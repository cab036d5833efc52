"""Live sources: real streams over RTSP, cut off and back, each visitor told of once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from films import Streams, film, require_streams
from holotype.errors import DataError
from holotype.recognizer import Recognizer
from holotype.watching import frames
from holotype.watching.events import Back, Event, Lost, Seen
from holotype.watching.frames import Frame, lasting, stream_frames
from holotype.watching.watch import watch
from toy_packs import toy_drawing

FPIR = 0.2


def without_drops(events: Iterator[Event]) -> Iterator[Event]:
    return (event for event in events if isinstance(event, Seen | Lost | Back))


def test_who_is_in_view_when_a_stream_is_cut_is_one_visitor(
    desk: Recognizer, tmp_path: Path
) -> None:
    require_streams()
    before = film(tmp_path / "before.mkv", [(None, 1), (toy_drawing(1), 60)])
    after = film(
        tmp_path / "after.mkv", [(toy_drawing(1), 2), (None, 4), (toy_drawing(77), 3), (None, 60)]
    )
    stop = threading.Event()
    streams = Streams(door=before)
    events = without_drops(watch(desk, streams.url("door"), fpir=FPIR, stop=stop))
    first = next(events)
    assert isinstance(first, Seen)
    assert first.decision.label == "one"
    assert first.best is not None
    assert first.best.shape == (160, 160, 3)
    streams.cut()
    assert isinstance(next(events), Lost)
    streams = Streams(streams.port, door=after)
    assert isinstance(next(events), Back)
    second = next(events)
    assert isinstance(second, Seen)
    assert second.decision.answer == "unknown"
    assert second.track > first.track
    stop.set()
    events.close()  # type: ignore[attr-defined]
    streams.cut()


def test_no_password_of_a_stream_is_told() -> None:
    pytest.importorskip("cv2", reason="needs the extra `video`")
    with pytest.raises(DataError) as refused:
        next(stream_frames("rtsp://me:secret@127.0.0.1:9/door", threading.Event()))
    assert "127.0.0.1" in refused.value.problem
    assert "secret" not in str(refused.value)


def frame(seconds: float) -> Frame:
    return Frame("frame", seconds, np.zeros((4, 4, 3), np.uint8))


class Source:
    """Gives some frames each time it is opened, and then breaks off; None: it is not there."""

    def __init__(self, stop: threading.Event, *openings: list[float] | None) -> None:
        self.stop, self.openings = stop, list(openings)

    def __call__(self) -> Iterator[Frame]:
        opening = self.openings.pop(0)
        if opening is None:
            raise DataError("the camera is not there", "Plug it in")
        yield from map(frame, opening)
        if not self.openings:
            self.stop.set()
            return
        raise DataError("the camera gives no more pictures", "Plug it in")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_FIRST_S", 0.0)


def kinds(events: list[Frame | Lost | Back]) -> str:
    return " ".join(type(event).__name__ for event in events)


@pytest.mark.usefixtures("at_once")
def test_time_in_which_nobody_could_look_does_not_count() -> None:
    stop = threading.Event()
    source = Source(stop, [0.0, 1.0, 2.0], None, None, [0.0, 0.5])
    given = list(lasting(source, stop, patient=False))
    assert kinds(given) == "Frame Frame Frame Lost Back Frame Frame"
    assert [one.seconds for one in given if isinstance(one, Frame)] == [0, 1, 2, 2, 2.5]


@pytest.mark.usefixtures("at_once")
def test_after_long_who_is_in_view_is_somebody_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_LONG_S", -1.0)
    clock = iter(range(0, 1000, 100))
    monkeypatch.setattr("holotype.watching.frames.time.monotonic", lambda: float(next(clock)))
    stop = threading.Event()
    given = list(lasting(Source(stop, [0.0, 1.0], [0.0]), stop, patient=False))
    assert [one.seconds for one in given if isinstance(one, Frame)] == [0, 1, 101]


@pytest.mark.usefixtures("at_once")
def test_a_source_that_is_not_there_at_first_is_waited_for_where_that_is_asked() -> None:
    stop = threading.Event()
    with pytest.raises(DataError, match="is not there"):
        list(lasting(Source(stop, None, [0.0]), stop, patient=False))
    given = list(lasting(Source(stop, None, None, [0.0]), stop, patient=True))
    assert kinds(given) == "Lost Back Frame"
    given = list(lasting(Source(threading.Event(), [0.0]), threading.Event(), patient=True))
    assert kinds(given) == "Back Frame"
