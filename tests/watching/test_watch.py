"""A watch tells what comes, with any model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import holotype
from hanging import HANGS_S
from holotype.errors import DataError, GalleryError
from holotype.recognizer import Recognizer
from holotype.watching.events import Ended, Seen, Warned
from holotype.watching.watch import watch
from toy_packs import toy_drawing

FPIR = 0.2


def drawing(path: Path, character: int) -> None:
    Image.fromarray(toy_drawing(character)).save(path)


def test_each_picture_of_a_folder_is_told_of(desk: Recognizer, tmp_path: Path) -> None:
    inbox, stop = tmp_path / "inbox", threading.Event()
    inbox.mkdir()
    drawing(inbox / "1.png", 1)
    events = watch(desk, inbox, fpir=FPIR, keep_unknown=tmp_path / "kept", stop=stop)
    first = next(events)
    assert isinstance(first, Seen)
    assert (first.decision.label, first.kept) == ("one", None)
    (inbox / "2.png").write_bytes((inbox / "1.png").read_bytes()[:60])
    second = next(events)
    assert isinstance(second, Warned)
    assert "2.png" in second.text
    drawing(inbox / "2.png", 77)  # now it is whole
    third = next(events)
    assert isinstance(third, Seen)
    assert third.decision.answer == "unknown"
    assert third.kept is not None
    with Image.open(third.kept) as kept:
        assert kept.size == (40, 40)
    stop.set()
    assert list(events) == [Ended(pictures=3, dropped=0)]
    assert os.listdir(tmp_path / "kept") == [Path(third.kept).name]


def test_what_is_told_of_can_hold_for_most_galleries(desk: Recognizer, tmp_path: Path) -> None:
    inbox, stop = tmp_path / "inbox", threading.Event()
    inbox.mkdir()
    for character in range(2, 30):
        desk.enroll(str(character), toy_drawing(character))
    drawing(inbox / "1.png", 1)
    plain, sure = (
        next(watch(desk, inbox, fpir=FPIR, confidence=share, stop=stop)) for share in (None, "0.8")
    )
    assert isinstance(plain, Seen)
    assert isinstance(sure, Seen)
    assert (plain.decision.confidence, sure.decision.confidence) == (None, 0.8)
    asked = desk.identify(toy_drawing(1), FPIR, confidence=0.8)
    assert sure.decision.threshold == asked.threshold
    assert sure.vector is not None
    visitor = desk.identify_visitor(sure.vector, FPIR, confidence=0.8)
    assert visitor.threshold == asked.threshold
    assert plain.decision.threshold is not None
    assert asked.threshold is not None
    assert plain.decision.threshold < asked.threshold


def test_a_gallery_that_is_replaced_is_opened_again(desk: Recognizer, tmp_path: Path) -> None:
    inbox, stop = tmp_path / "inbox", threading.Event()
    inbox.mkdir()
    drawing(inbox / "1.png", 1)
    events = watch(desk, inbox, fpir=FPIR, stop=stop)
    first = next(events)
    assert isinstance(first, Seen)
    assert first.decision.label == "one"
    with holotype.open(tmp_path / "new.gallery", tmp_path / "toy") as new:
        new.enroll("two", toy_drawing(2))
    (tmp_path / "new.gallery").replace(tmp_path / "desk.gallery")
    for name, answer in (("2", None), ("3", "two")):
        drawing(inbox / f"{name}.png", {"2": 1, "3": 2}[name])
        seen = next(events)
        if name == "2":
            assert isinstance(seen, Warned)
            assert "opened again" in seen.text
            seen = next(events)
        assert isinstance(seen, Seen)
        assert seen.decision.label == answer
    stop.set()


def test_a_gallery_that_is_gone_ends_the_watch(
    desk: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holotype.watching.watch._RETURN_S", 0.2)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    drawing(inbox / "1.png", 1)
    (tmp_path / "desk.gallery").unlink()
    events = watch(desk, inbox, fpir=FPIR)
    assert isinstance(next(events), Warned)
    with pytest.raises(GalleryError, match="there is no gallery"):
        next(events)


def test_what_is_kept_is_not_watched_and_only_its_owner_reads_it(
    desk: Recognizer, tmp_path: Path
) -> None:
    inbox, kept, stop = tmp_path / "inbox", tmp_path / "kept", threading.Event()
    inbox.mkdir()
    (tmp_path / "link").symlink_to(inbox)
    for same in (inbox, tmp_path / "link", inbox / ".." / "inbox"):
        with pytest.raises(DataError, match="the folder that is watched"):
            next(watch(desk, inbox, keep_unknown=same))
    drawing(inbox / "1.png", 77)
    seen = next(watch(desk, inbox, fpir=FPIR, keep_unknown=kept, stop=stop))
    assert isinstance(seen, Seen)
    assert seen.kept is not None
    assert Path(seen.kept).stat().st_mode & 0o777 == 0o600
    assert kept.stat().st_mode & 0o777 == 0o700


def test_an_empty_name_is_no_source(desk: Recognizer) -> None:
    with pytest.raises(DataError, match="name of the source is empty"):
        next(watch(desk, ""))


def test_a_link_to_itself_is_a_warning(desk: Recognizer, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "loop.png").symlink_to("loop.png")
    warned = next(watch(desk, inbox, fpir=FPIR))
    assert isinstance(warned, Warned)
    assert "loop.png" in warned.text


def test_a_video_tells_of_each_thing_once(desk: Recognizer, tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2", reason="needs the extra `video`")
    path = tmp_path / "desk.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (160, 160))
    for character in (1, 1, 1, None, 77, 77):
        grey = np.full((40, 40), 255, np.uint8) if character is None else toy_drawing(character)
        large = np.asarray(Image.fromarray(grey).resize((160, 160)))
        writer.write(np.stack([large] * 3, axis=-1))
    writer.release()
    *seen, end = watch(desk, path, fpir=FPIR)
    assert end == Ended(pictures=6, dropped=0)
    told = [(e.picture, e.decision.answer) for e in seen if isinstance(e, Seen)]
    assert told == [("frame 0", "match"), ("frame 4", "unknown")]


def test_a_source_that_is_not_there_is_an_error(desk: Recognizer, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not there"):
        next(watch(desk, tmp_path / "nothing"))


def test_the_command_prints_a_line_for_each_event_and_ends_with_ctrl_c(
    desk: Recognizer, tmp_path: Path
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    drawing(inbox / "1.png", 1)
    command = [sys.executable, "-m", "holotype", "watch", str(inbox), "--fpir", str(FPIR)]
    command += ["--gallery", str(tmp_path / "desk.gallery"), "--json"]
    # Where the tests run in the background, Ctrl-C is ignored, and a child would inherit that.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        assert process.stdout is not None
        event = json.loads(process.stdout.readline())
        assert (event["event"], event["answer"], event["label"]) == ("seen", "match", "one")
        assert event["promised"] is True
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=HANGS_S) == 130


def test_the_command_speaks_to_people(desk: Recognizer, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "holotype", "watch", "nothing"),
            *("--gallery", str(tmp_path / "desk.gallery")),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 8
    assert done.stdout == ""
    assert "Name a folder, a video file, or the number of a camera" in done.stderr


def test_a_file_that_is_no_video_is_one_line_on_stderr(desk: Recognizer, tmp_path: Path) -> None:
    pytest.importorskip("cv2", reason="needs the extra `video`")
    (tmp_path / "a.mp4").write_bytes(b"no video")
    command = [sys.executable, "-m", "holotype", "watch", str(tmp_path / "a.mp4"), "--gallery"]
    done = subprocess.run(
        [*command, str(tmp_path / "desk.gallery")], capture_output=True, text=True
    )
    assert done.returncode == 8
    (line,) = done.stderr.splitlines()
    assert "is not a video that can be read" in line
