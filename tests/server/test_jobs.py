"""Long work over HTTP: it is done, can be watched, ends when told, and says what became of it."""

from __future__ import annotations

import io
import json
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.datastructures import UploadFile

import holotype
from hanging import HANGS_S
from holotype.client import Client
from holotype.errors import GalleryError, ImageError, PackError, ServingError
from holotype.gallery.job_log import forget
from holotype.recognizer import enroll_many
from holotype.server import upload
from holotype.server.answers import RefusedError
from holotype.server.jobs import Jobs, Outcome, Progress, Work
from holotype.server.repeats import request
from holotype.server.upload import Upload
from real_server import Server, drawing, files

Start = Callable[..., Server]


def packed(content: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, one in content.items():
            archive.writestr(zipfile.ZipInfo(name), one)  # of no time: the same bytes each time
    return file.getvalue()


def people(count: int, each: int = 2) -> dict[str, bytes]:
    return {
        f"faces/n{who}/{number}.png": drawing(50 + who, number)
        for who in range(count)
        for number in range(each)
    }


def test_a_zip_of_folders_is_enrolled_once_and_what_cannot_be_is_named(
    start: Start, gallery: Path
) -> None:
    server = start()
    clerk = server.new_key("clerk", "enroll")
    content = packed(
        {**people(3), "n0/x.png": b"broken", "alone.png": drawing(40), "__MACOSX/n0/._0.png": b"?"}
    )
    with Client(server.url, clerk) as desk:
        done = desk.wait(desk.begin_enroll(content, consent="asked"))
        assert (done.kind, done.state, done.actor) == ("enroll", "done", "clerk"), done
        assert (done.done, done.total) == (8, 8)
        assert done.result is not None
        assert (done.result["added"], done.result["labels"]) == (7, 4)
        ((name, label),) = [(one["name"], one["label"]) for one in done.result["left_out"]]
        assert (name, label) == ("picture 7", "n0")
        again = desk.wait(desk.begin_enroll(content))
        assert again.result is not None
        assert (again.result["added"], again.result["already"]) == (0, 7)
        assert {one.id for one in desk.jobs()} == {done.id, again.id}
    with holotype.open(gallery, create=False) as recognizer:
        assert recognizer.list() == {f"c{i}": 1 for i in range(4)} | {
            "n0": 2, "n1": 2, "n2": 2, "alone": 1
        }  # fmt: skip
        actors = {one.actor for one in recognizer.gallery.audit() if one.identity and one.facts}
        assert "clerk" in actors


def test_pictures_with_labels_are_taken_as_well(start: Start) -> None:
    server = start()
    with Client(server.url, server.key) as desk:
        pictures = [(f"n / {i % 70}", drawing(i, i)) for i in range(100)]  # more than other calls
        done = desk.wait(desk.begin_enroll(pictures, tags=["new"]))
        assert done.result is not None
        assert done.result["added"] == 100
        with pytest.raises(ImageError, match="neither pictures nor a ZIP"):
            desk.begin_enroll([])
    uneven = server.client.post(
        "/v1/jobs/enroll", files=files(drawing(1), drawing(2)), data={"labels": "one"}
    )
    assert (uneven.status_code, uneven.json()["error"]["code"]) == (422, "image")
    broken = server.client.post("/v1/jobs/enroll", files=[("archive", ("a.zip", b"no ZIP"))])
    assert (broken.status_code, broken.json()["error"]["code"]) == (422, "archive")


def test_sent_again_it_is_the_same_job(start: Start) -> None:
    server = start()

    def begin(content: dict[str, bytes]) -> httpx.Response:
        return server.client.post(
            "/v1/jobs/enroll",
            files=[("archive", ("a.zip", packed(content)))],
            headers={"idempotency-key": "one"},
        )

    first, again = begin(people(1)), begin(people(1))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["idempotent-replay"] == "true"
    assert again.headers["location"] == f"/v1/jobs/{first.json()['id']}"
    assert begin(people(2)).json()["error"]["code"] == "another_content"


def test_it_is_told_as_it_goes_and_erased_when_told(start: Start) -> None:
    server = start()
    with Client(server.url, server.key) as desk:
        job = desk.begin_enroll(packed(people(5)))
        accept = {"accept": "text/event-stream"}
        with server.client.stream("GET", f"/v1/jobs/{job.id}", headers=accept) as told:
            lines = [line for line in told.iter_lines() if line.startswith("data: ")]
        last = json.loads(lines[-1].removeprefix("data: "))
        assert (last["state"], last["done"], last["total"]) == ("done", 10, 10)
        assert desk.cancel(job).state == "done"
        assert desk.jobs() == ()
        with pytest.raises(ServingError, match="no such job"):
            desk.job(job)


def test_a_measurement_on_your_own_pictures_has_figures_and_a_page(start: Start) -> None:
    server = start()
    content = {f"d{who}/{n}.png": drawing(who, n) for who in range(12) for n in range(3)}
    with Client(server.url, server.key) as desk:
        before = desk.list()
        done = desk.wait(desk.begin_evaluate(packed(content), galleries=4))
        assert (done.state, done.page) == ("done", True), done.problem
        assert done.result
        assert "<html" in desk.report(done)
        assert desk.list() == before
        thin = desk.wait(desk.begin_evaluate(packed({"d/1.png": drawing(1)})))
        assert (thin.state, thin.code) == ("failed", "data")
        broken = desk.wait(desk.begin_evaluate(packed({**content, "d0/x.png": b"?"})))
        assert (broken.state, broken.code) == ("failed", "image")
        assert "'d0/" in str(broken.problem)  # and not where the server had laid it


def test_a_measurement_tells_the_rates_of_each_group(start: Start) -> None:
    server = start()

    def begin(groups: list[str]) -> httpx.Response:
        return server.client.post(
            "/v1/jobs/evaluate",
            files=files(*(drawing(who, n) for who in range(32) for n in range(2))),
            data={
                "labels": [f"d / {who}" for who in range(32) for _ in range(2)],
                "groups": groups,
                "galleries": 4,
            },
        )

    with Client(server.url, server.key) as desk:
        begun = begin([("pen", "brush")[who % 2] for who in range(32) for _ in range(2)])
        assert begun.status_code == 202, begun.text
        done = desk.wait(begun.json()["id"])
    assert done.result is not None, done.problem
    found = {(one["group"], one["classes"]) for one in done.result["groups"]}
    assert found == {("pen", 16), ("brush", 16)}
    few, two = begin(["pen"]), begin(["pen", "brush"] * 32)
    assert (few.status_code, few.json()["error"]["code"]) == (422, "image")
    assert (two.status_code, two.json()["error"]["code"]) == (422, "data")


@pytest.mark.slow
def test_a_gallery_moves_to_another_model_while_it_is_served(start: Start) -> None:
    server = start()
    with Client(server.url, server.key) as desk:
        with pytest.raises(PackError, match="no pack named '/etc' comes with"):
            desk.begin_reembed("/etc")
        done = desk.wait(desk.begin_reembed("characters"))
        assert done.state == "done", done.problem
        assert server.client.get("/v1/gallery").json()["model"] == "characters"
        assert desk.identify(drawing(1)).label in ("c1", None)
        assert desk.wait(desk.begin_reembed("characters")).code == "gallery"


def test_what_ended_is_still_told_after_a_restart(start: Start, gallery: Path) -> None:
    server = start()
    with Client(server.url, server.key) as desk:
        done = desk.wait(desk.begin_enroll(packed(people(1))))
    server.kill()
    again = start()
    with Client(again.url, server.key) as desk:
        assert desk.job(done) == done
    assert stat.S_IMODE(gallery.with_name("desk.gallery.jobs").stat().st_mode) == 0o600


MISTAKES = {f"c{who}/{n}.png": drawing(who, n) for who in range(4) for n in range(3)}
Leaving = Callable[[Server, Path], object]


def by_command(*words: str) -> Leaving:
    """What an owner types on the machine, whether a server runs or not."""

    def leave(_: Server, gallery: Path) -> None:
        command = [sys.executable, "-m", "holotype", words[0], str(gallery), *words[1:]]
        subprocess.run(command, check=True, capture_output=True)

    return leave


def by_call(method: str, path: str, **body: object) -> Leaving:
    return lambda server, _: server.client.request(method, path, **body).raise_for_status()  # type: ignore[arg-type]


def cut_short(_: Server, gallery: Path) -> None:
    """The command is killed when the row is gone, and before it has erased anything."""
    program = (
        "import os, sys, holotype\n"
        "with holotype.open(sys.argv[1], create=False) as recognizer:\n"
        "    recognizer.gallery._erase_now = lambda *_: os._exit(0)\n"
        "    recognizer.forget('c0')\n"
    )
    subprocess.run([sys.executable, "-c", program, str(gallery)], check=True)


@pytest.mark.parametrize(
    ("leave", "restarted"),
    [
        (by_call("DELETE", "/v1/identities/c0"), False),
        (by_call("POST", "/v1/identities/c0/rename", json={"to": "new"}), False),
        (by_call("POST", "/v1/identities/c0/merge", json={"to": "c1"}), False),
        (by_command("forget", "c0"), False),
        (by_command("rename", "c0", "new"), False),
        (by_command("forget", "c0"), True),
        (cut_short, True),
    ],
    ids=["forget", "rename", "merge", "command", "renamed by command", "stopped", "cut short"],
)
def test_the_result_that_names_somebody_goes_with_them_at_once(
    start: Start, gallery: Path, leave: Leaving, restarted: bool
) -> None:
    server = start()
    key = server.key
    with Client(server.url, key) as desk:
        named = desk.wait(desk.begin_enroll(packed({"c0/0.png": drawing(0), "c0/x.png": b"?"})))
        other = desk.wait(desk.begin_enroll(packed({"c2/0.png": drawing(2), "c2/x.png": b"?"})))
        page = desk.wait(desk.begin_evaluate(packed(MISTAKES), galleries=2))
        assert named.result is not None
        assert page.state == "done", page.problem
        assert page.result is not None
        assert "data:image" in desk.report(page)
    if restarted:
        server.stop()
    leave(server, gallery)
    if restarted:
        server = start()
    with Client(server.url, key) as desk:
        for gone in (desk.job(named), desk.job(page)):
            assert (gone.state, gone.result, gone.page) == ("done", None, False)
            assert (gone.code, "asked" in str(gone.remedy)) == ("forgotten", False)
        assert desk.job(other) == other
        with pytest.raises(ServingError, match="no report of such a job"):
            desk.report(page)
    assert b"c0/x.png" not in (noted := gallery.with_name("desk.gallery.jobs").read_bytes())
    assert b'"c0"' not in noted
    assert b"<html" not in noted


def test_who_leaves_while_the_work_runs_is_not_named_by_its_result(tmp_path: Path) -> None:
    enrolled = {"Ada", "Bob"}
    jobs = Jobs(tmp_path / "jobs", lambda: enrolled)
    begun, go = threading.Event(), threading.Event()

    def work(progress: Progress) -> Outcome:
        begun.set()
        go.wait(HANGS_S)
        return Outcome({"worst": "Ada"}, "<html>Ada</html>", frozenset({"Ada"}))

    first, _ = jobs.add("evaluate", "me", None, work, ["Bob"])
    assert begun.wait(HANGS_S)
    second, _ = jobs.add("enroll", "me", None, lambda progress: Outcome({"left": "Bob"}), ["Bob"])
    enrolled.remove("Ada")
    forget(tmp_path / "jobs", enrolled)
    go.set()
    assert (ended(jobs, first.id), ended(jobs, second.id)) == ("done", "done")
    gone, kept = jobs.find(first.id), jobs.find(second.id)
    assert gone is not None
    assert kept is not None
    assert (gone.result, gone.page, gone.code) == (None, False, "forgotten")
    assert (kept.result, kept.code) == ({"left": "Bob"}, None)
    jobs.close()


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    opened = Jobs(tmp_path / "jobs", lambda: ())
    yield opened
    opened.close()


def ended(jobs: Jobs, name: str) -> str:
    waiting = threading.Event()
    for _ in range(int(HANGS_S * 100)):
        job = jobs.find(name)
        assert job is not None
        if job.ended is not None:
            return job.state
        waiting.wait(0.01)
    raise AssertionError("it does not end")


def until_told() -> tuple[Work, threading.Event]:
    begun = threading.Event()

    def work(progress: Progress) -> Outcome:
        begun.set()
        while True:
            progress(1, 2)

    return work, begun


def test_a_job_that_is_canceled_ends_and_the_next_one_goes_on(jobs: Jobs) -> None:
    work, begun = until_told()
    first, _ = jobs.add("enroll", "me", None, work)
    second, _ = jobs.add("enroll", "me", None, lambda progress: Outcome({"all": 1}))
    assert begun.wait(HANGS_S)
    jobs.remove(first.id)
    assert ended(jobs, first.id) == "canceled"
    assert ended(jobs, second.id) == "done"


def test_only_so_many_wait(jobs: Jobs) -> None:
    work, _ = until_told()
    with pytest.raises(RefusedError, match="as many as are accepted"):  # noqa: PT012
        for _ in range(20):
            jobs.add("enroll", "me", None, work)
    assert len(jobs.all()) == 9


def test_a_server_that_stops_says_what_was_interrupted(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs", lambda: ())
    work, begun = until_told()
    asked = request("me", "key", "content")
    running, _ = jobs.add("enroll", "me", asked, work)
    waiting, _ = jobs.add("enroll", "me", None, work)
    assert begun.wait(HANGS_S)
    jobs.close()
    again = Jobs(tmp_path / "jobs", lambda: ())
    assert {one.id: one.state for one in again.all()} == dict.fromkeys(
        (running.id, waiting.id), "interrupted"
    )
    found, before = again.add("enroll", "me", asked, work)
    assert (found.id, before) == (running.id, True)
    assert "not stored twice" in str(found.remedy)
    again.close()
    assert {one.name for one in tmp_path.iterdir()} == {"jobs"}


_DYING = """
import sys, time
from pathlib import Path
from holotype.server.jobs import Jobs
def work(progress):
    print("begun", flush=True)
    time.sleep(1000)
Jobs(Path(sys.argv[1]), lambda: ()).add("enroll", "me", None, work)
time.sleep(1000)
"""


def test_of_two_servers_the_one_that_is_killed_leaves_interrupted_jobs(tmp_path: Path) -> None:
    path = tmp_path / "jobs"
    mine = Jobs(path, lambda: ())
    with subprocess.Popen(
        [sys.executable, "-c", _DYING, str(path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "begun\n"
        (running,) = mine.all()
        assert running.state == "running"
        with pytest.raises(RefusedError, match="another server runs this job"):
            mine.remove(running.id)
        other.kill()
        other.communicate()
    assert ended(mine, running.id) == "interrupted"
    mine.close()


def test_a_disk_that_fills_fails_the_job_and_stores_no_half(gallery: Path, jobs: Jobs) -> None:
    with holotype.open(gallery, create=False) as recognizer:
        connection = recognizer.gallery._connection  # type: ignore[attr-defined]
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        pictures = [(f"n{i}", drawing(i, i)) for i in range(300)]
        job, _ = jobs.add(
            "enroll", "me", None, lambda progress: Outcome(enroll_many(recognizer, pictures))
        )
        assert ended(jobs, job.id) == "failed"
        (found,) = jobs.all()
        assert found.code == "gallery"
        assert "disk is full" in str(found.problem)
        assert sorted(recognizer.list()) == [f"c{i}" for i in range(4)]


def test_where_the_end_of_a_job_cannot_be_written_it_is_told_all_the_same(jobs: Jobs) -> None:
    go = threading.Event()

    def work(progress: Progress) -> Outcome:
        go.wait(HANGS_S)
        return Outcome({"long": "x" * 100_000})

    job, _ = jobs.add("enroll", "me", None, work)
    with jobs._session() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    go.set()
    assert ended(jobs, job.id) == "done"
    found = jobs.find(job.id)
    assert found is not None
    assert found.result == {"long": "x" * 100_000}


@pytest.mark.parametrize(
    "error", [GalleryError("no", "go"), OSError(28, "No space left"), KeyError()]
)
def test_whatever_goes_wrong_the_job_says_it(jobs: Jobs, error: Exception) -> None:
    def work(progress: Progress) -> Outcome:
        raise error

    job, _ = jobs.add("enroll", "me", None, work)
    assert ended(jobs, job.id) == "failed"
    found = jobs.find(job.id)
    assert found is not None
    assert (found.code, bool(found.problem), bool(found.remedy)) == (
        {"GalleryError": "gallery", "OSError": "disk"}.get(type(error).__name__, "internal"),
        True,
        True,
    )


def opened(content: bytes) -> Upload:
    return Upload([], [], UploadFile(io.BytesIO(content)))


def test_a_zip_that_would_grow_or_is_damaged_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = packed({"a/2.png": drawing(2), "../../Ada/1.png": drawing(1)})
    assert [label for label, _ in opened(whole)] == ["a"]
    opened(whole).unpack(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a"]
    locked = bytearray(whole)
    for place in (whole.index(b"PK\x03\x04") + 6, whole.index(b"PK\x01\x02") + 8):
        locked[place] |= 1  # says that it is encrypted
    with pytest.raises(RefusedError, match="cannot be read"):
        list(opened(bytes(locked)))
    with pytest.raises(ImageError, match="holds no files"):
        opened(packed({".hidden/1.png": b""}))
    with pytest.raises(RefusedError, match="cannot be read"):
        opened(whole[:-30])
    monkeypatch.setattr(upload, "MAX_UNPACKED_BYTES", 100)
    with pytest.raises(RefusedError, match=r"1 files of .* bytes; taken are 20,000"):
        opened(whole)
