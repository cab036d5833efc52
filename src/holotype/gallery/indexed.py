"""A gallery with an index beside it, which finds the candidates of a probe."""

from __future__ import annotations

import time
from contextlib import suppress

from holotype.errors import ErasurePendingError, GalleryError
from holotype.gallery import index as indexing
from holotype.gallery.connection import Connection
from holotype.gallery.creation import modernize
from holotype.gallery.index import Index
from holotype.gallery.records import Erasure
from holotype.gallery.snapshot import Snapshot
from holotype.gallery.store import Store
from holotype.stats.scoring import Floats

# More than are asked for: an engine rounds otherwise, and the order is found here. One may be the
# row that says whose index it is, and stands for nobody.
SPARE = 9
_AWAY_S = 60.0  # for which changes do not wait again for an index that did not answer one
_MOST = 16_384  # that an engine is asked for; beyond it everybody is compared


class Indexed(Store):
    """What a gallery does with its index, if it has one."""

    index: Index | None = None
    _away_until_s = 0.0  # by the monotonic clock

    def attach(self, index: Index, *, anew: bool = False) -> None:
        """Let an index find candidates from now on; one that was never made is made and filled.

        Args:
            index: of this gallery alone.
            anew: whether to make it anew, whatever it holds.

        Raises:
            GalleryError: it cannot be reached, is of another gallery, or has not what it was
                given; or the gallery can only be read.
        """
        if self._only_read:
            raise GalleryError(
                f"the gallery {self.place!r} is read-only, and with an index it notes what the "
                "index was told",
                "Open it without the index: by what follows `truth=` in the URL",
            )
        with self._alone() as connection:
            modernize(connection, None)
            if not indexing.is_noted(connection):
                indexing.note(connection)
            indexing.require_own(connection, index, self._binding.embedding_dim, anew=anew)
        self.index = index
        self._tell()
        with self._alone() as connection:
            indexing.require_complete(connection, index)

    def candidates(self, snapshot: Snapshot, vectors: Floats, count: int) -> list[list[str]] | None:
        """The random ids of those of a snapshot among whom are the most alike.

        Args:
            snapshot: of this gallery.
            vectors: float32 unit [B, D].
            count: how many are wanted; some more are given.

        Returns:
            For each vector; None where they have to be looked for among all: without an index, or
            where the gallery has changed since.

        Raises:
            GalleryError: the index does not answer.
        """
        if self.index is None:
            return None
        limit = count + SPARE + len(snapshot.over.labels)
        if limit > _MOST:
            return None
        number = self._tell()
        found = self.index.nearest(vectors, limit)
        # What the index was told in between is of another moment.
        with self._reading() as connection:
            same = self._mirror.snapshot(connection) is snapshot
            return found if same and indexing.settled(connection) == number else None

    def _tell(self) -> int:
        """Let the index know all that was committed; the last number that was given by then."""
        assert self.index is not None
        gone = False
        while True:
            with self._reading() as connection:
                number = indexing.settled(connection)
            if number is not None:
                break
            with self._alone() as connection:
                gone |= indexing.tell(connection, self.index, self._binding.embedding_dim)
        if gone:
            with suppress(GalleryError):  # it is asked for, and not waited for
                self.index.compact()
        return number

    def _index_problems(self, connection: Connection) -> tuple[str, ...]:
        """What the index lacks of what it was told, inside one state; for `check`."""
        if self.index is None:
            return ()
        count = indexing.lost(connection, self.index)
        return (f"the index has lost {count} of the enrolled",) if count else ()

    def _after_change(self) -> None:
        if self.index is None or time.monotonic() < self._away_until_s:
            return
        try:
            self._tell()
        except GalleryError:  # it waits in the outbox, and so does the next answer
            self._away_until_s = time.monotonic() + _AWAY_S

    def _erase_now(self, what: str, receipts: tuple[Erasure, ...] = ()) -> None:
        super()._erase_now(what, receipts)
        if self.index is None:
            return
        try:
            self._tell()
        except GalleryError as error:
            raise ErasurePendingError(
                f"{what} gone from {self.place!r}, but not yet from its index: {error.problem}",
                "It goes from there before the next answer that the index takes part in",
                receipts,
            ) from error

    def close(self) -> None:
        """Let go of it, and of its index."""
        super().close()
        if self.index is not None:
            self.index.close()

    def after_fork_in_child(self) -> None:
        """Leave the parent's connections alone."""
        super().after_fork_in_child()
        if self.index is not None:
            self.index.leave()
