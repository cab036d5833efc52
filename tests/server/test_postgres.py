"""All that a server does beside answering, over a gallery in PostgreSQL: nothing differs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import holotype
from films import film
from hanging import HANGS_S
from ports import free_port
from postgres import PostgresServer, require_server
from real_server import Server, drawing, files
from receivers import Receiver
from toy_packs import toy_drawing


@pytest.fixture
def database() -> Iterator[PostgresServer]:
    require_server()
    server = PostgresServer()
    yield server
    server.stop()


@pytest.fixture
def receiver() -> Iterator[tuple[int, Receiver]]:
    port = free_port()
    running = Receiver(port)
    yield port, running
    running.stop()


def until(server: Server, path: str, holds: Callable[[Any], bool]) -> Any:
    end = time.monotonic() + HANGS_S
    while True:
        answer = server.client.get(path)
        if answer.status_code == 200 and holds(answer.json()):
            return answer.json()
        assert time.monotonic() < end, answer.text
        time.sleep(0.2)


def test_camera_inbox_webhook_and_a_database_that_is_gone_for_a_moment(
    database: PostgresServer, receiver: tuple[int, Receiver], pack: Path, tmp_path: Path
) -> None:
    pytest.importorskip("cv2", reason="needs the extra `video`")
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs FFmpeg, such as Debian's package `ffmpeg`")
    port, heard = receiver
    url = database.url("postgres", more="?gallery=desk")
    with holotype.open(url, pack, keep_pictures=True) as recognizer:
        for character in range(4):
            recognizer.enroll(f"c{character}", drawing(character))
    scenes = [(None, 1.0), (toy_drawing(1), 3.0), (None, 4.0), (toy_drawing(77), 3.0), (None, 5.0)]
    server = Server(
        url,
        *("--camera", f"door={film(tmp_path / 'door.mkv', scenes)}", "--fpir", "10%"),
        *("--webhook", f"hook=http://127.0.0.1:{port}/", "--inbox", 1, "--keep-seen", 1),
        folder=tmp_path,
    )
    try:
        waiting = until(server, "/v1/inbox", lambda inbox: inbox["visitors"])["visitors"]
        events = server.client.get("/v1/events").json()["events"]
        (known,) = (event for event in events if event["kind"] == "identified")
        assert (known["label"], known["facts"]["camera"]) == ("c1", "door")
        assert server.client.get(f"/v1/events/{known['id']}/picture").status_code == 200
        named = server.client.post(
            f"/v1/inbox/{waiting[0]['pictures'][0]}/enroll", json={"label": "Ada"}
        )
        assert named.status_code == 200, named.text
        heard.wait_for("Ada")

        job = server.client.post(
            "/v1/jobs/enroll",
            files=files(drawing(2), b"no picture"),
            data={"labels": ["c2", "c2"]},
        ).json()["id"]
        done = until(server, f"/v1/jobs/{job}", lambda job: job["ended"])
        assert [one["label"] for one in done["result"]["left_out"]] == ["c2"]
        forget = [sys.executable, "-m", "holotype", "forget", url, "c2"]
        subprocess.run(forget, check=True, capture_output=True, cwd=tmp_path)
        gone = server.client.get(f"/v1/jobs/{job}").json()
        assert (gone["result"], gone["code"]) == (None, "forgotten")

        database.kill()
        refused = server.client.post("/v1/identify", files=files(drawing(1)))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "gallery")
        database.start()
        until(server, "/v1/ready", lambda _: True)
        assert server.enroll("Bob", drawing(61)).status_code == 200
        heard.wait_for("Bob")
        assert server.stop() == 0
    finally:
        server.kill()
    assert {one.name for one in tmp_path.glob("postgres-desk.*")} == {
        f"postgres-desk.{kind}"
        for kind in ("delivery", "events", "inbox", "jobs", "keys", "webhooks")
    }
