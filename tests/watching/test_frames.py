"""Pictures come whole, in order, the newest first where they come too fast, or with an error."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hanging import HANGS_S
from holotype.errors import DataError, MissingExtraError
from holotype.watching import frames
from holotype.watching.frames import camera_frames, folder_frames, newest, video_frames


def picture(path: Path, tone: int = 100) -> None:
    Image.fromarray(np.full((40, 40), tone, np.uint8)).save(path)


def test_what_is_in_a_folder_and_what_comes_is_given_once(tmp_path: Path) -> None:
    stop = threading.Event()
    picture(tmp_path / "1.png")
    (tmp_path / "notes.txt").write_text("no picture")
    picture(tmp_path / ".hidden.png")
    source = folder_frames(tmp_path, stop)
    assert next(source).name == str(tmp_path / "1.png")
    picture(tmp_path / "2.png")
    assert next(source).name == str(tmp_path / "2.png")
    picture(tmp_path / "1.png", tone=7)  # changed: it counts anew
    assert next(source).name == str(tmp_path / "1.png")
    stop.set()
    assert list(source) == []


def test_a_file_that_grows_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "whole.png")
    content = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "whole.png").unlink()
    size = 1 + len(content) // 8
    parts = [content[byte : byte + size] for byte in range(0, len(content), size)]
    look = frames._files

    def look_while_it_grows(folder: Path) -> list[tuple[Path, tuple[int, int]]]:
        if parts:
            with open(folder / "slow.png", "ab") as file:
                file.write(parts.pop(0))
        return look(folder)

    monkeypatch.setattr(frames, "_files", look_while_it_grows)
    source = folder_frames(tmp_path, threading.Event())
    assert next(source).name.endswith("slow.png")
    assert parts == []
    assert (tmp_path / "slow.png").read_bytes() == content


def test_of_too_many_files_the_oldest_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "_BACKLOG", 3)
    picture(tmp_path / "before.png")
    source = folder_frames(tmp_path, threading.Event())
    assert Path(next(source).name).stem == "before"
    for number in range(5):
        picture(tmp_path / f"{number}.png")
        os.utime(tmp_path / f"{number}.png", (number, number))
    given = [next(source) for _ in range(3)]
    assert [Path(frame.name).stem for frame in given] == ["2", "3", "4"]
    assert [frame.dropped for frame in given] == [2, 0, 0]


def test_of_those_that_were_there_before_none_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "_BACKLOG", 3)
    for number in range(9):
        picture(tmp_path / f"{number}.png")
    source = folder_frames(tmp_path, threading.Event())
    given = [next(source) for _ in range(9)]
    assert sorted(Path(frame.name).stem for frame in given) == [str(n) for n in range(9)]
    assert {frame.dropped for frame in given} == {0}


def test_a_link_to_itself_is_given_once_and_one_to_nothing_never(tmp_path: Path) -> None:
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "nothing.png").symlink_to("none")
    source = folder_frames(tmp_path, threading.Event())
    assert Path(next(source).name).name == "loop.png"
    picture(tmp_path / "later.png")
    assert Path(next(source).name).name == "later.png"


def test_a_folder_that_vanishes_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    picture(folder / "1.png")
    source = folder_frames(folder, threading.Event())
    next(source)
    (folder / "1.png").unlink()
    folder.rmdir()
    with pytest.raises(DataError, match="cannot be read any more"):
        next(source)


class Camera:
    """Gives as many pictures as were let through, until it is unplugged."""

    def __init__(self, pictures: int) -> None:
        self.left, self.released = pictures, False
        self.let_through = threading.Semaphore(0)
        self.asked, self.was_asked = 0, threading.Condition()

    def wait_until_asked(self, times: int) -> None:
        with self.was_asked:
            assert self.was_asked.wait_for(lambda: self.asked >= times, HANGS_S)

    def read(self) -> tuple[bool, Any]:
        with self.was_asked:
            self.asked += 1
            self.was_asked.notify()
        self.let_through.acquire()
        self.left -= 1
        there = self.left >= 0
        return there, np.full((4, 4, 3), max(self.left, 0), np.uint8) if there else None

    def release(self) -> None:
        self.released = True


def test_a_camera_gives_its_newest_picture_and_counts_what_was_dropped() -> None:
    camera, stop = Camera(200), threading.Event()
    source = newest(camera, "camera", stop)
    camera.let_through.release()
    first = next(source)
    camera.let_through.release(7)
    camera.wait_until_asked(9)  # so the eighth has been taken
    second = next(source)
    assert (first.name, first.dropped) == ("frame 0", 0)
    assert (second.name, second.dropped) == ("frame 7", 6)
    stop.set()
    camera.let_through.release()
    assert list(source) == []
    assert camera.released


def test_a_camera_that_is_unplugged_is_an_error() -> None:
    camera = Camera(2)
    camera.let_through.release(3)
    with pytest.raises(DataError, match="gives no more pictures"):
        list(newest(camera, "camera", threading.Event()))
    assert camera.released


def test_a_camera_that_is_not_there_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("cv2", reason="needs the extra `video`")
    with pytest.raises(DataError, match="camera 63 is not there"):
        next(camera_frames(63, threading.Event()))
    assert capfd.readouterr().err == ""


def test_a_number_that_no_camera_has_is_refused() -> None:
    with pytest.raises(DataError, match="no camera 99999999999999999999"):
        next(camera_frames(99999999999999999999, threading.Event()))


def video(path: Path, count: int = 30) -> Path:
    cv2 = pytest.importorskip("cv2", reason="needs the extra `video`")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for number in range(count):
        writer.write(np.full((48, 64, 3), (0, 0, 8 * number), np.uint8))
    writer.release()
    return path


def test_a_video_is_read_whole(tmp_path: Path) -> None:
    given = list(video_frames(video(tmp_path / "door.avi")))
    assert [frame.name for frame in given[:2]] == ["frame 0", "frame 1"]
    assert len(given) == 30
    assert given[10].seconds == pytest.approx(1.0)
    red = np.asarray(given[20].source).mean(axis=(0, 1))
    np.testing.assert_allclose(red, (160, 0, 0), atol=12)


def test_a_video_that_ends_in_the_middle_is_an_error_at_its_end(tmp_path: Path) -> None:
    path = video(tmp_path / "door.avi")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    given: list[frames.Frame] = []
    with pytest.raises(DataError, match=r"ends at frame \d+ of 30"):
        given.extend(video_frames(path))
    assert len(given) < 30


@pytest.mark.parametrize("lost", [[19], [0], [5, 6, 7, 20]])
def test_frames_after_a_damaged_one_are_read(tmp_path: Path, lost: list[int]) -> None:
    path = video(tmp_path / "door.avi")
    content = bytearray(path.read_bytes())
    chunks = [m.start() for m in re.finditer(rb"00dc(?=....\xff\xd8)", bytes(content), re.DOTALL)]
    for number in lost:
        start = chunks[number] + 8
        size = int.from_bytes(content[start - 4 : start], "little")
        content[start : start + size] = bytes(size)
    path.write_bytes(content)
    given = list(video_frames(path))
    assert [frame.name for frame in given] == [f"frame {n}" for n in range(30) if n not in lost]
    assert sum(frame.damaged for frame in given) == len(lost)
    red = np.asarray(given[-1].source).mean(axis=(0, 1))
    np.testing.assert_allclose(red, (232, 0, 0), atol=12)  # the 30th


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("cv2", reason="needs the extra `video`")
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(DataError, match="not a video that can be read"):
        next(video_frames(tmp_path / "a.mp4"))


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[video\]"):
        next(video_frames(tmp_path / "a.mp4"))
