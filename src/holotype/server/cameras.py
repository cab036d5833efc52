"""The cameras of a served gallery: who comes by is an event, decided once for each visitor."""

from __future__ import annotations

import io
import threading
from collections.abc import Collection, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import holotype
from holotype.errors import HolotypeError, ServingError
from holotype.recognizer import Recognizer
from holotype.recognizer.visitors import Visitors
from holotype.records import Answer
from holotype.server.event_stream import Feed
from holotype.watching.events import Back, Ended, Event, Lost, Seen
from holotype.watching.frames import require_video
from holotype.watching.watch import watch

ANSWERS: tuple[Answer, ...] = ("match", "unknown")
_AGAIN_S = 5.0  # after what no waiting for the camera mends
_SIDE_PX = 480  # of a picture that is kept, at most
_QUALITY = 85


class Cameras:
    """Watches several cameras, each in a thread of its own.

    Args:
        feed: the events.
        model: as for `holotype.open`.
        sources: the name of each camera, and what it is, as for `holotype.watching.watch.watch`.
        connected: is told of each whether it gives pictures.
        fpir: the share of strangers among the visitors that may be accepted; None as for
            `Recognizer.identify`.
        answers: of which of them events are made.
        pictures: whether events have the best picture.
        visitors: who keeps those that get no match; None: nobody does.

    Raises:
        ServingError: two have one name.
        MissingExtraError: what reads cameras is not installed.
    """

    def __init__(
        self,
        feed: Feed,
        model: str | None,
        sources: Sequence[tuple[str, str]],
        connected: dict[str, bool],
        fpir: float | str | None = None,
        answers: Collection[Answer] = ANSWERS,
        pictures: bool = False,
        visitors: Visitors | None = None,
    ) -> None:
        if sources:
            require_video()
        if len({name for name, _ in sources}) < len(sources):
            raise ServingError("two cameras have one name", "Give each a name of its own")
        self._connected = connected
        self._feed, self._model, self._fpir = feed, model, fpir
        self._answers, self._pictures, self._visitors = answers, pictures, visitors
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=one, name=f"camera {one[0]}", daemon=True)
            for one in sources
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, name: str, source: str) -> None:
        said = ""
        while not self._stop.is_set():
            try:
                # One of its own: a watch opens it anew by itself when the gallery is replaced.
                with holotype.open(self._feed.desk.path, self._model, create=False) as recognizer:
                    for event in watch(
                        recognizer, source, fpir=self._fpir, stop=self._stop, patient=True
                    ):
                        self._told(recognizer, name, event)
                        said = ""
                        if isinstance(event, Ended):
                            return
            except HolotypeError as error:
                # A film that ends, a rate that the gallery cannot promise, a gallery that is gone.
                if said != error.problem and not self._stop.is_set():
                    said = error.problem
                    with suppress(HolotypeError):  # the events cannot be stored either
                        self._lost(name, f"{error.problem}. {error.remedy}")
                self._stop.wait(_AGAIN_S)

    def _told(self, recognizer: Recognizer, name: str, event: Event) -> None:
        match event:
            case Seen(track=track, decision=decision, best=best, vector=vector):
                where = {"camera": name, "visit": track}
                wanted = self._pictures or self._visitors is not None
                picture = jpeg(best) if wanted and best is not None else None
                told = picture if self._pictures else None
                self._feed.seen(recognizer, [decision], self._answers, where, told)
                if self._visitors is not None:
                    facts = {"camera": name, "cut": True}
                    self._visitors.keep(recognizer, [decision], [vector], [picture], facts)
            case Lost(text):
                self._lost(name, text)
            case Back(seconds):
                self._connected[name] = True
                self._feed.add("camera_back", {"camera": name, "seconds": seconds})
            case Ended() if not self._stop.is_set():
                self._lost(name, "the film is at its end")

    def _lost(self, name: str, why: str) -> None:
        self._connected[name] = False
        self._feed.add("camera_lost", {"camera": name, "why": why})


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """A picture as it is kept: small."""
    picture, file = Image.fromarray(pixels), io.BytesIO()
    picture.thumbnail((_SIDE_PX, _SIDE_PX))
    picture.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()
