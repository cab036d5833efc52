"""Cameras of a server: real streams, an event a visitor, a picture as long as that is wished."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from films import Streams, film, require_streams
from hanging import until
from holotype.errors import ServingError
from holotype.server.cameras import Cameras
from real_server import Server
from toy_packs import toy_drawing

SEEN = ("identified", "unknown", "cannot_tell")


def told(server: Server) -> list[dict[str, Any]]:
    return list(server.client.get("/v1/events", params={"limit": 1000}).json()["events"])


def wait_for(server: Server, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    def ask() -> list[dict[str, Any]]:
        events = told(server)
        return events if holds(events) else []

    return until(ask, lambda: told(server), every_s=0.2)


def kinds(events: list[dict[str, Any]], camera: str) -> list[str]:
    return [event["kind"] for event in events if event["facts"].get("camera") == camera]


def test_two_streams_one_cut_one_event_a_visitor(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    require_streams()
    door = film(tmp_path / "door.mkv", [(None, 1), (toy_drawing(1), 90)], seed=1)
    back = film(
        tmp_path / "back.mkv",
        [(toy_drawing(1), 2), (None, 4), (toy_drawing(2), 3), (None, 90)],
        seed=2,
    )
    gate = film(
        tmp_path / "gate.mkv",
        [(None, 1), (toy_drawing(3), 3), (None, 4), (toy_drawing(77), 3), (None, 90)],
        seed=3,
    )
    first, second = Streams(door=door), Streams(gate=gate)
    server = start(
        *("--camera", f"door={first.url('door')}", "--camera", f"gate={second.url('gate')}"),
        *("--fpir", "10%", "--keep-seen", "1", "--tell", "match", "--tell", "unknown"),
        *("--tell", "cannot_tell"),
    )
    wait_for(server, lambda events: "identified" in kinds(events, "door"))
    first.cut()
    wait_for(server, lambda events: "camera_lost" in kinds(events, "door"))
    again = Streams(first.port, door=back)
    events = wait_for(
        server,
        lambda events: (
            kinds(events, "door").count("identified") == 2
            and sum(kind in SEEN for kind in kinds(events, "gate")) == 2
        ),
    )
    assert kinds(events, "door") == [
        "camera_back",
        "identified",
        "camera_lost",
        "camera_back",
        "identified",
    ]
    assert kinds(events, "gate")[:2] == ["camera_back", "identified"]
    labels = [event["label"] for event in events if event["kind"] in SEEN]
    assert sorted(label or "" for label in labels) == ["", "c1", "c2", "c3"]
    known = next(event for event in events if event["label"] == "c2")
    assert known["facts"]["rate"] == 0.1
    assert known["picture"] is True
    place = f"/v1/events/{known['id']}/picture"
    shown = server.client.get(place)
    assert shown.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(shown.content)) as picture:
        assert picture.size == (160, 160)
    server.client.delete("/v1/identities/c2")
    assert server.client.get(place).status_code == 404
    assert server.stop() == 0
    for streams in (again, second):
        streams.cut()


def test_a_camera_that_is_not_there_is_told_and_waited_for(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    require_streams()
    streams = Streams(door=film(tmp_path / "door.mkv", [(toy_drawing(1), 3)]))
    streams.cut()
    server = start("--camera", f"door=rtsp://me:secret@127.0.0.1:{streams.port}/door")
    (lost,) = wait_for(server, lambda events: len(events) == 1)
    assert lost["kind"] == "camera_lost"
    assert "secret" not in str(lost)
    assert server.client.get("/v1/ready").status_code == 200
    assert server.stop() == 0
    assert "secret" not in server.log.read_text()


def test_who_gets_no_match_lies_in_the_inbox(start: Callable[..., Server], tmp_path: Path) -> None:
    require_streams()
    gate = film(tmp_path / "gate.mkv", [(None, 1), (toy_drawing(77), 3), (None, 90)], seed=3)
    streams = Streams(gate=gate)
    server = start("--camera", f"gate={streams.url('gate')}", "--fpir", "10%", "--inbox", "1")
    wait_for(server, lambda events: "unknown" in [event["kind"] for event in events])
    (one,) = server.client.get("/v1/inbox").json()["visitors"]
    assert (one["camera"], one["actor"]) == ("gate", None)
    shown = server.client.get(f"/v1/inbox/{one['id']}/picture")
    assert shown.headers["content-type"] == "image/jpeg"
    done = server.client.post(f"/v1/inbox/{one['id']}/enroll", json={"label": "New one"})
    assert done.status_code == 200, done.text
    assert server.stop() == 0
    streams.cut()


def test_two_cameras_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match="two cameras"):
        Cameras(None, None, [("door", "0"), ("door", "1")], {})  # type: ignore[arg-type]
