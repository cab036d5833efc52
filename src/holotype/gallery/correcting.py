"""The corrections that a gallery takes, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from holotype.errors import ErasurePendingError, GalleryError
from holotype.gallery import audit, changes, corrections, enrolled_rows, erasure
from holotype.gallery.connection import Connection
from holotype.gallery.labels import check_label
from holotype.gallery.ledger import Custody
from holotype.gallery.records import Correction, Erasure, ExampleRecord, IdentityRecord, Undo


class _OnlyAskedError(Exception):
    """Rolls back what was only tried."""


class Correcting(Custody):
    """All of a gallery that puts mistakes right. What the methods promise stands with `Gallery`."""

    def examples(self, label: str | None = None) -> tuple[ExampleRecord, ...]:
        """The facts about each example; see `Gallery.examples`."""
        with self._reading() as connection:
            if label is not None:
                label = check_label(label)
                identity = enrolled_rows.find(connection, label, self.place)
                label = enrolled_rows.label_of(connection, identity)
            return corrections.examples(connection, label)

    def rename(
        self,
        label: str,
        new: str,
        *,
        dry_run: bool = False,
        expected: Correction | None = None,
        actor: str | None = None,
    ) -> Correction:
        """Give an identity another label; see `Gallery.rename`."""
        return self._corrected(
            lambda connection: corrections.rename(connection, label, new, self.place, actor),
            dry_run,
            expected,
            actor,
        )

    def merge(
        self,
        label: str,
        into: str,
        *,
        dry_run: bool = False,
        expected: Correction | None = None,
        actor: str | None = None,
    ) -> Correction:
        """Make one of two identities; see `Gallery.merge`."""
        return self._corrected(
            lambda connection: corrections.merge(connection, label, into, self.place, actor),
            dry_run,
            expected,
            actor,
        )

    def move(
        self,
        example: int,
        label: str,
        *,
        dry_run: bool = False,
        expected: Correction | None = None,
        actor: str | None = None,
    ) -> Correction:
        """Give one example to another identity; see `Gallery.move`."""
        return self._corrected(
            lambda connection: corrections.move(connection, example, label, self.place, actor),
            dry_run,
            expected,
            actor,
        )

    def _corrected(
        self,
        change: Callable[[Connection], Correction],
        dry_run: bool,
        expected: Correction | None,
        actor: str | None,
    ) -> Correction:
        try:
            with self._changing(actor) as connection:
                done = change(connection)
                _require_expected(done, expected)
                if dry_run:
                    raise _OnlyAskedError
        except _OnlyAskedError:
            pass
        return done

    def describe(
        self,
        label: str,
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
        metadata: Mapping[str, object] | None = None,
        quiet: bool | None = None,
        expected: IdentityRecord | None = None,
        actor: str | None = None,
    ) -> None:
        """Change what is noted beside an identity; see `Gallery.describe`."""
        with self._changing(actor) as connection:
            if expected is not None:
                identity = enrolled_rows.find(connection, check_label(label), self.place)
                name = enrolled_rows.label_of(connection, identity)
                now = [one for one in enrolled_rows.records(connection) if one.label == name]
                _require_expected(now[0], expected)
            corrections.describe(
                connection,
                label,
                self.place,
                actor,
                add=add,
                remove=remove,
                metadata=metadata,
                quiet=quiet,
            )

    def remove_example(self, example: int, *, actor: str | None = None) -> Erasure:
        """Erase one example; see `Gallery.remove_example`."""
        with self._changing(actor) as connection:
            identity, _ = corrections.find_example(connection, example, self.place)
            receipt = erasure.remove_example(connection, example, identity, actor, audit.now())
        self._erase_now(f"example {example} is", (receipt,))
        return receipt

    def last_change(self) -> Undo:
        """What `undo` would do; see `Gallery.last_change`."""
        with self._reading() as connection:
            return changes.last(connection)

    def undo(self, *, expected: Undo | None = None, actor: str | None = None) -> Undo:
        """Take the last change back; see `Gallery.undo`."""
        with self._changing(actor) as connection:
            done, erased = changes.undo(connection, actor)
            _require_expected(done, expected)
            if erased:
                erasure.mark(connection)
        if erased:
            try:
                self._erase_now("what was undone is")
            except ErasurePendingError:
                return replace(done, pending=True)
        return done


def _require_expected(
    done: Correction | Undo | IdentityRecord, expected: Correction | Undo | IdentityRecord | None
) -> None:
    """Refuse to do anything else than what somebody has looked at."""
    if expected is not None and done != expected:
        raise GalleryError(
            "the gallery was changed since you looked at it",
            "Look again",
        )
