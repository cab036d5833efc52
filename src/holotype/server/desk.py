"""The open gallery of a server: who works on it, and what happens when it is replaced."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import holotype
from holotype.errors import GalleryError, GalleryReplacedError, PackError
from holotype.gallery import exists, gallery_model
from holotype.pack import Card, load_pack
from holotype.recognizer import BARE, Recognizer
from holotype.server.answers import RETRY_S, RefusedError

# Pictures are embedded by as many threads as there are processors; what only asks the gallery
# does not wait for them.
EMBEDDING_THREADS = os.cpu_count() or 1
READING_THREADS = 8
MAX_WAITING = 128  # calls that wait for a thread; those beyond are told to come back
MAX_SURVEYS = 4  # of these, that go through the whole gallery: one after the other

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    recognizer: Recognizer
    model: str  # the name by which the gallery finds its model
    card: Card | None  # None of a gallery of bare vectors


class Desk:
    """One gallery, as a server holds it.

    Args:
        path: the gallery, a file or a URL; it is made where there is none.
        model: name or folder of the model pack; None: the one that the gallery was made with.
        keep_pictures: whether a gallery that is made keeps the pictures of its examples.

    Raises:
        GalleryError: it cannot be opened.
        PackError: its model cannot be had.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        model: str | None = None,
        *,
        keep_pictures: bool = False,
    ):
        self.path = path
        self._model = model
        self._keep_pictures = keep_pictures
        self._lock = threading.Lock()
        self._opened = self._open()
        self._embedding = ThreadPoolExecutor(EMBEDDING_THREADS, "embedding")
        self._reading = ThreadPoolExecutor(READING_THREADS, "reading")
        self._surveying = ThreadPoolExecutor(1, "surveying")
        self._surveys = 0
        self.waiting = 0  # calls that were accepted and are not answered yet

    def _open(self) -> _Opened:
        recognizer = holotype.open(self.path, self._model, keep_pictures=self._keep_pictures)
        _ = recognizer.state  # made where there is none, and ready for the first that asks
        _, model = gallery_model(self.path)
        return _Opened(recognizer, model, None if model == BARE else load_pack(model).card)

    @property
    def model(self) -> str:
        """The name of the model that the gallery is bound to."""
        return self._opened.model

    @property
    def card(self) -> Card | None:
        """The card of the model; None of a gallery of bare vectors."""
        return self._opened.card

    def close(self) -> None:
        """Finish what was accepted, and let go of the gallery."""
        self._embedding.shutdown()
        self._reading.shutdown()
        self._surveying.shutdown()
        self._opened.recognizer.close()

    async def embed(self, act: Callable[[Recognizer], _T]) -> _T:
        """What looks at pictures, beside others, while the rest is served."""
        return await self._run(self._embedding, act)

    async def read(self, act: Callable[[Recognizer], _T]) -> _T:
        """What asks or changes the gallery alone."""
        return await self._run(self._reading, act)

    async def survey(self, act: Callable[[Recognizer], _T]) -> _T:
        """What goes through the whole gallery, and may take minutes where that is large."""
        _require_place(self._surveys, MAX_SURVEYS)
        self._surveys += 1
        try:
            return await self._run(self._surveying, act)
        finally:
            self._surveys -= 1

    async def _run(self, threads: ThreadPoolExecutor, act: Callable[[Recognizer], _T]) -> _T:
        _require_place(self.waiting, MAX_WAITING)
        self.waiting += 1
        try:
            # Shielded: a client that goes away does not leave half of the work uncounted.
            return await asyncio.get_running_loop().run_in_executor(threads, self.call, act)
        finally:
            self.waiting -= 1

    def call(self, act: Callable[[Recognizer], _T]) -> _T:
        """Act on the gallery that lies at its place; where that was replaced, once more."""
        opened = self._opened
        try:
            return act(opened.recognizer)
        except GalleryReplacedError as error:
            self._reopen(opened, error)
        except GalleryError as error:
            # Moved to another model meanwhile, by `holotype reembed`.
            if error.__cause__ is not None or not self._moved(opened):
                raise
            self._model = None  # the gallery says by now which
            self._reopen(opened, error)
        return act(self._opened.recognizer)

    def labels(self) -> Iterable[str]:
        """Of all who are enrolled."""
        return self.call(lambda recognizer: recognizer.gallery.snapshot().labels)

    def _moved(self, opened: _Opened) -> bool:
        try:
            return gallery_model(self.path)[0] != opened.recognizer.gallery.model_id
        except GalleryError:
            return False

    def _reopen(self, opened: _Opened, why: GalleryError) -> None:
        with self._lock:
            if self._opened is not opened:
                return  # another thread did
            try:
                if not exists(self.path):  # it would be made, empty
                    raise why
                self._opened = self._open()
            except (GalleryError, PackError) as error:
                raise RefusedError(
                    503, "gallery_replaced", error.problem, error.remedy, {"retry-after": "5"}
                ) from error


def _require_place(waiting: int, most: int) -> None:
    if waiting >= most:
        raise RefusedError(
            503,
            "busy",
            f"{waiting} calls are waiting, which are as many as are accepted",
            "Come back in a moment",
            {"retry-after": str(RETRY_S)},
        )
