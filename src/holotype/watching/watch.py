"""Identify what comes, picture by picture."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.errors import DataError, GalleryError, GalleryReplacedError, ImageError
from holotype.files import create
from holotype.image import prepare
from holotype.recognizer import Recognizer
from holotype.records import Decision, Sighting
from holotype.watching.events import Back, Dropped, Ended, Event, Lost, Seen, Warned
from holotype.watching.frames import (
    STREAMS,
    Frame,
    camera_frames,
    folder_frames,
    lasting,
    stream_frames,
    video_frames,
)
from holotype.watching.tracks import Tracks, Visit

Folder = str | os.PathLike[str]

_RETURN_S = 10.0  # for so long a gallery may be gone, while it is replaced
_LOOK_S = 0.1
_AROUND = 0.5  # of the width of a face, kept around it


def watch(
    recognizer: Recognizer,
    source: str | os.PathLike[str] | int,
    *,
    fpir: float | str | None = 0.01,
    confidence: float | str | None = None,
    keep_unknown: str | os.PathLike[str] | None = None,
    stop: threading.Event | None = None,
    patient: bool = False,
) -> Iterator[Event]:
    """Identify the pictures of a source as they come.

    Of a video or a camera, one who stays in view is told of once, about a second after coming or
    when gone before, and decided on its first fit frames together: so the stated rate is one of
    visitors. Frames without a face are passed over. Of a folder, each picture is told of. A
    camera gives its newest picture whenever the one before is done, and what came in between is
    dropped. One that breaks off is opened again until it is back, and so is a stream; who is in
    view before and after is told of once. Of a folder's waiting pictures the oldest are dropped,
    beyond some dozens, but none that was there when the watch began. A video file is not live, and
    is looked at whole. When the gallery's file is replaced, the new one is opened.

    Args:
        recognizer: with any model; it is not closed.
        source: a folder, a video file, the number of a camera (0 is the first), or the address of
            a stream (`rtsp://...`).
        fpir: the share of strangers that may be accepted: of those who come into view, or of the
            pictures or faces of a folder; None as for `Recognizer.identify`.
        confidence: as for `Recognizer.identify`.
        keep_unknown: a folder for pictures of who is told of as unknown; None keeps none.
        stop: ends the watch of a folder, camera or stream when it is set.
        patient: whether a camera or stream that is not there at first is waited for.

    Yields:
        Events, the last of them `Ended`.

    Raises:
        DataError: the source is not there, or breaks off.
        RateError: the rate is no fraction, or cannot be promised for this gallery.
        MissingExtraError: what reads videos, or what finds faces, is not installed.
    """
    stop = stop or threading.Event()
    if keep_unknown is not None and _is_same(source, keep_unknown):
        raise DataError(
            f"the unknown would be kept in {os.fspath(keep_unknown)!r}, the folder that is watched",
            "Name another folder to keep them in",
        )
    asked: dict[str, Any] = {"fpir": fpir, "confidence": confidence}
    frames, moving = _frames(source, stop, patient)
    tracks, looked_at, dropped = Tracks(), 0, 0
    for frame in frames:
        if not isinstance(frame, Frame):
            yield frame
            for visit in tracks.interrupt():
                yield _told(recognizer, visit, asked, keep_unknown, stop)
            continue
        if frame.dropped:
            dropped += frame.dropped
            yield Dropped(frame.dropped)
        if frame.damaged:
            lost = "1 frame" if frame.damaged == 1 else f"{frame.damaged} frames"
            yield Warned(frame.name, f"damaged and passed over, before {frame.name}: {lost}")
        looked_at += 1
        try:
            try:
                sightings = recognizer.identify_all(frame.source, **asked)
            except GalleryReplacedError as error:
                yield Warned(frame.name, f"{error.problem}. It is opened again.")
                _reopen(recognizer, stop)
                sightings = recognizer.identify_all(frame.source, **asked)
        except ImageError as error:
            if not moving:  # a frame that shows nothing is no news
                yield Warned(frame.name, str(error))
            continue
        if moving:
            for visit in tracks.follow(sightings, frame):
                yield _told(recognizer, visit, asked, keep_unknown, stop)
        else:
            for sighting in sightings:
                yield _seen(frame, looked_at, sighting, keep_unknown, moving)
    for visit in tracks.end():
        yield _told(recognizer, visit, asked, keep_unknown, stop)
    yield Ended(looked_at, dropped)


def _told(
    recognizer: Recognizer,
    visit: Visit,
    asked: dict[str, Any],
    keep_unknown: Folder | None,
    stop: threading.Event,
) -> Seen:
    """Decide one visit, by the frame that is most like the others."""
    if not visit.fit:
        assert visit.doubtful is not None
        frame, sighting = visit.doubtful
        return _seen(frame, visit.number, sighting, keep_unknown)
    vectors = np.stack([one.vector for _, one in visit.fit if one.vector is not None])
    frame, shown = visit.fit[int(np.argmax(np.round(vectors @ vectors.mean(axis=0), 3)))]
    try:
        decision = recognizer.identify_visitor(vectors, **asked)
    except GalleryReplacedError:
        _reopen(recognizer, stop)
        decision = recognizer.identify_visitor(vectors, **asked)
    sighting = Sighting(replace(decision, box=shown.decision.box), shown.vector)
    visit.fit.clear()  # who stays in view keeps no pictures in memory
    return _seen(frame, visit.number, sighting, keep_unknown)


def _seen(
    frame: Frame,
    track: int,
    sighting: Sighting,
    keep_unknown: Folder | None,
    moving: bool = True,
) -> Seen:
    keep = keep_unknown is not None and sighting.decision.answer == "unknown"
    best = cut(frame.source, sighting.decision) if moving or keep else None
    kept = None
    if keep_unknown is not None and keep and best is not None:
        kept = _keep(Path(keep_unknown), track, best)
    return Seen(
        frame.name, round(frame.seconds, 2), track, sighting.decision, kept, best, sighting.vector
    )


def _reopen(recognizer: Recognizer, stop: threading.Event) -> None:
    """Go on with the gallery that lies at the path now, or is put there within some seconds."""
    until = time.monotonic() + _RETURN_S
    while True:
        try:
            recognizer.gallery.reopen()
            return
        except GalleryError:
            if time.monotonic() > until or stop.wait(_LOOK_S):
                raise


def _frames(
    source: str | os.PathLike[str] | int, stop: threading.Event, patient: bool
) -> tuple[Iterator[Frame | Lost | Back], bool]:
    """The pictures of a source, and whether they show one place over time."""
    name = str(source)
    if name.isdecimal():
        return lasting(lambda: camera_frames(int(name), stop), stop, patient), True
    if name.lower().startswith(STREAMS):
        return lasting(lambda: stream_frames(name, stop), stop, patient), True
    if not str(source):
        raise DataError(
            "the name of the source is empty",
            "Name a folder, a video file, or the number of a camera; `.` is the folder you are in",
        )
    path = Path(name)
    if path.is_dir():
        return folder_frames(path, stop), False
    if not path.exists():
        raise DataError(
            f"{os.fspath(path)!r} is not there",
            "Name a folder, a video file, or the number of a camera",
        )
    return video_frames(path), True


def _is_same(source: str | os.PathLike[str] | int, folder: str | os.PathLike[str]) -> bool:
    return not isinstance(source, int) and os.path.realpath(source) == os.path.realpath(folder)


def cut(image: prepare.ImageSource, decision: Decision) -> NDArray[np.uint8]:
    """What a picture shows of the one decided on: uint8 RGB [H, W, 3], around a face, or all."""
    pixels = np.rint(255 * prepare.read(image).transpose(1, 2, 0)).astype(np.uint8)
    left, top, right, bottom = _around(decision, pixels.shape[1], pixels.shape[0])
    return pixels[top:bottom, left:right]


def _keep(folder: Path, track: int, pixels: NDArray[np.uint8]) -> str:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    moment = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    path = folder / f"{moment}-{track}.png"
    with create(path, private=True) as file:
        Image.fromarray(pixels).save(file, "PNG")
    return str(path)


def _around(decision: Decision, width: int, height: int) -> tuple[int, int, int, int]:
    """The box of a face with something around it, or the whole picture."""
    if decision.box is None:
        return 0, 0, width, height
    left, top, right, bottom = decision.box
    margin = round(_AROUND * (right - left))
    return (
        max(left - margin, 0),
        max(top - margin, 0),
        min(right + margin, width),
        min(bottom + margin, height),
    )
