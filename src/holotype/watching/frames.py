"""Pictures as they come, from a folder, a video file or a camera."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from holotype.errors import DataError
from holotype.extras import Extra
from holotype.image.formats import SUFFIXES
from holotype.image.prepare import ImageSource
from holotype.watching.events import Back, Lost

_LOOK_S = 0.2  # between two looks at a folder
_SETTLED_S = 0.5  # a file that did not change for so long is whole
_BACKLOG = 64  # files that may wait; of more, the oldest are left out
# A video that ends before this share of the frames that its header announces was cut off.
_WHOLE = 0.98
# So many frames in a row that cannot be read are the end, whatever the header announces.
_LOST = 250
_MOST_CAMERAS = 2**31 - 1  # the numbers that the system counts them by
_QUIET = -8  # AV_LOG_QUIET
STREAMS = ("rtsp://", "rtsps://", "http://", "https://")
_PATIENCE_MS = 5000  # for a stream that says nothing
_JOIN_S = 12.0  # for a read that is under way
_FIRST_S, _LONGEST_S = 0.5, 30.0  # between two tries to open a source that broke off
_LONG_S = 60.0  # broken off for longer, who is in view then is somebody new


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a source."""

    name: str
    seconds: float  # since the beginning: of the video's own time, or of the clock
    source: ImageSource
    dropped: int = 0  # pictures left out just before it
    damaged: int = 0  # frames just before it that could not be read


def folder_frames(folder: Path, stop: threading.Event) -> Iterator[Frame]:
    """The pictures of a folder, those that are there and those that come, oldest first.

    A file counts once it has stopped growing. Names that begin with a dot are left alone. None
    that is there at the beginning is left out; of those that come faster than they are taken, the
    oldest are.

    Raises:
        DataError: the folder vanishes.
    """
    began = time.monotonic()
    there_before = {path.name for path, _ in _files(folder)}
    known: dict[str, tuple[int, int]] = {}  # files that were given out, or left out
    growing: dict[str, tuple[tuple[int, int], float]] = {}  # its state, and since when
    while not stop.is_set():
        ready = []
        for path, state in _files(folder):
            if known.get(path.name) == state:
                continue
            before, since = growing.get(path.name, (None, 0.0))
            if before != state:
                growing[path.name] = (state, time.monotonic())
            elif time.monotonic() - since >= _SETTLED_S:
                ready.append((state[1], path, state))
        ready.sort()
        come = [path.name for _, path, _ in ready if path.name not in there_before]
        left_out = set(come[: max(len(come) - _BACKLOG, 0)])
        dropped = len(left_out)
        for _, path, state in ready:
            known[path.name] = state
            growing.pop(path.name, None)
            there_before.discard(path.name)
            if path.name not in left_out:
                yield Frame(str(path), time.monotonic() - began, path, dropped)
                dropped = 0
                if stop.is_set():
                    return
        stop.wait(_LOOK_S)


def _files(folder: Path) -> list[tuple[Path, tuple[int, int]]]:
    """The pictures in a folder, each with its size and time of change."""
    found = []
    try:
        for path in folder.iterdir():
            if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
                try:
                    status = path.stat()
                except FileNotFoundError:  # removed or renamed in between, or a link to nothing
                    continue
                except OSError:  # a link to itself, say: whoever reads it finds out why
                    found.append((path, (0, 0)))
                    continue
                found.append((path, (status.st_size, status.st_mtime_ns)))
    except OSError as error:
        raise DataError(
            f"the folder {str(folder)!r} cannot be read any more ({error.strerror})",
            "Put it back, and watch it again",
        ) from error
    return found


def video_frames(path: Path) -> Iterator[Frame]:
    """Every frame of a video file that can be read.

    Raises:
        DataError: it is no video, or ends before the end that it announces.
        MissingExtraError: what reads videos is not installed.
    """
    cv2 = require_video()
    video = cv2.VideoCapture(str(path))
    try:
        if not video.isOpened():
            raise DataError(
                f"{str(path)!r} is not a video that can be read", "Save it as MP4, MKV or AVI"
            )
        announced = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        per_second = video.get(cv2.CAP_PROP_FPS) or 25.0
        number = damaged = 0
        while damaged < _LOST:
            there, pixels = video.read()
            if there:
                at = number + damaged
                yield Frame(f"frame {at}", at / per_second, _rgb(pixels), damaged=damaged)
                number, damaged = at + 1, 0
            elif number + damaged < announced:  # one that is damaged; others may follow
                damaged += 1
            else:
                break
    finally:
        video.release()
    if number < _WHOLE * announced:
        raise DataError(
            f"the video {str(path)!r} ends at frame {number} of {announced}: it was cut off, or is "
            "damaged",
            "Copy it again; what was seen until then stands",
        )


def camera_frames(device: int, stop: threading.Event) -> Iterator[Frame]:
    """The newest picture of a camera, each time one is asked for; those between are dropped.

    Raises:
        DataError: there is no such camera, or it stops to give pictures.
        MissingExtraError: what reads cameras is not installed.
    """
    if device > _MOST_CAMERAS:
        raise DataError(f"there is no camera {device}", "Give its number; 0 is the first")
    camera = require_video().VideoCapture(device)
    if not camera.isOpened():
        raise DataError(
            f"camera {device} is not there, or another program uses it",
            "Check that it is plugged in, and its number; 0 is the first",
        )
    yield from newest(camera, f"camera {device}", stop)


def stream_frames(url: str, stop: threading.Event) -> Iterator[Frame]:
    """The newest picture of a stream, each time one is asked for; those between are dropped.

    Args:
        url: `rtsp://...`, or another of `STREAMS`.
        stop: ends it.

    Raises:
        DataError: there is no such stream, or it stops to give pictures.
        MissingExtraError: what reads streams is not installed.
    """
    cv2 = require_video()
    patience = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _PATIENCE_MS]
    patience += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, _PATIENCE_MS]
    stream = cv2.VideoCapture(url, cv2.CAP_FFMPEG, patience)
    host = urlsplit(url).hostname  # without the password that may stand beside it
    if not stream.isOpened():
        raise DataError(
            f"the stream of {host} cannot be opened",
            "Check its address, its password, and that the camera is on",
        )
    yield from newest(stream, f"the stream of {host}", stop)


def lasting(
    opened: Callable[[], Iterator[Frame]], stop: threading.Event, patient: bool
) -> Iterator[Frame | Lost | Back]:
    """A live source that is opened again whenever it breaks off, less and less often.

    The time in which nobody could look does not count, up to a minute: who stays in view
    meanwhile is no new visitor.

    Args:
        opened: opens the source.
        stop: ends it.
        patient: whether one that is not there at first is waited for too.

    Raises:
        DataError: the source is not there at first.
    """
    last, base, tries = 0.0, 0.0, 0
    lost_s = time.monotonic() if patient else None
    begun = told = False
    while not stop.is_set():
        try:
            for frame in opened():
                if lost_s is not None:
                    gap = time.monotonic() - lost_s if begun else 0.0
                    yield Back(round(gap, 1))
                    base = last + (gap if gap > _LONG_S else 0.0)
                begun, told, tries, lost_s = True, False, 0, None
                last = base + frame.seconds
                yield replace(frame, seconds=last)
            return
        except DataError as error:
            if not (begun or patient):
                raise
            if not told:
                told, lost_s = True, time.monotonic()
                yield Lost(error.problem)
            stop.wait(min(_FIRST_S * 2 ** min(tries, 10), _LONGEST_S))
            tries += 1


def newest(camera: Any, name: str, stop: threading.Event) -> Iterator[Frame]:
    """The newest picture of a live source, read in a thread of its own.

    Args:
        camera: with `read() -> (there, BGR pixels)` and `release()`.
        name: of the source.
        stop: ends it.

    Raises:
        DataError: the source stops to give pictures.
    """
    began, fresh = time.monotonic(), threading.Condition()
    latest: list[NDArray[np.uint8] | None] = []  # at most one; None: the source has ended
    taken, done = 0, threading.Event()

    def read() -> None:
        nonlocal taken
        while not done.is_set():
            there, pixels = camera.read()
            with fresh:
                latest[:] = [pixels if there else None]
                taken += bool(there)
                fresh.notify()
            if not there:
                return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    seen = 0
    try:
        while not stop.is_set():
            with fresh:
                while not latest and not stop.is_set():
                    fresh.wait(_LOOK_S)
                if not latest:
                    return
                pixels, count = latest.pop(), taken
            if pixels is None:
                raise DataError(
                    f"{name} gives no more pictures", "Check that it is plugged in, and start again"
                )
            number, dropped = count - 1, count - seen - 1
            seen = count
            yield Frame(f"frame {number}", time.monotonic() - began, _rgb(pixels), dropped)
    finally:
        done.set()
        reader.join(timeout=_JOIN_S)
        if not reader.is_alive():  # it would be taken away under its hands
            camera.release()


def _rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(pixels[:, :, ::-1])


def require_video() -> Any:
    """OpenCV.

    Raises:
        MissingExtraError: it is not installed.
    """
    # Errors arrive as exceptions; FFmpeg's own lines on stderr would stand between the events.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", str(_QUIET))
    with Extra("video", ("cv2",), "videos and cameras need opencv-python-headless").required():
        import cv2
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2
