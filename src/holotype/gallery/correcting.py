"""The corrections that a gallery takes, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from holotype.errors import ErasurePendingError, GalleryError
from holotype.gallery import audit, changes, corrections, enrolled_rows, erasure
from holotype.gallery.connection import Connection
from holotype.gallery.labels import check_label
from holotype.gallery.ledger import Ledger
from holotype.gallery.records import Correction, Erasure, ExampleRecord, IdentityRecord, Undo


class _OnlyAskedError(Exception):
    """Rolls back what was only tried."""


class Correcting(Ledger):
    """All of a gallery that puts mistakes right."""

    def examples(self, label: str | None = None) -> tuple[ExampleRecord, ...]:
        """The facts about each example, identity by identity.

        Args:
            label: of that identity alone; None: of all.

        Raises:
            LabelError: the label is not enrolled.
        """
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
        """Give an identity another label.

        Raises:
            LabelError: not enrolled, or the new label cannot be stored or is enrolled.
        """
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
        """Give all examples of `label` to `into`, which is the same; `label` is then not enrolled.

        The tags are of both then, and the earlier last day holds. Consent and metadata of `label`
        stay only where `into` has none.

        Raises:
            LabelError: not enrolled, or both are one identity.
            GalleryError: the last day of one of them has passed.
        """
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
        """Give one example to another identity.

        A new one has the consent and the last day of the one that the example comes from. An
        identity that has no other example is no longer enrolled.

        Raises:
            LabelError: the label cannot be stored, or the example is its own already.
            GalleryError: there is no such example, or the last day of one of them has passed.
        """
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
            return done
        self._forget_results()
        return done

    def _forget_results(self) -> None:
        """Erase at once what names somebody by an earlier label.

        Where that cannot be now, the server does it as soon as it hears of the change.
        """
        with suppress(GalleryError):
            self.erase_events()

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
        """Change what is noted beside an identity.

        Args:
            label: of the identity.
            add: tags, up to 50 of up to 50 characters in all.
            remove: tags that it has.
            metadata: a JSON object of up to 16 KB in place of the one that is there; the audit
                trail has nothing of its content. None leaves it.
            quiet: whether the identity is known, but not to be announced; None leaves it.
            expected: what somebody has seen of it; anything else is not changed.
            actor: who.

        Raises:
            LabelError: not enrolled, or a tag cannot be stored, or is not there.
            GalleryError: the metadata is no JSON object, or too large; or not as expected.
        """
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
        """Erase one example, and its identity if it has no other, leaving nothing of it.

        Raises:
            GalleryError: there is no such example.
            ErasurePendingError: done, but for the bytes; it carries the receipt.
        """
        with self._changing(actor) as connection:
            identity, _ = corrections.find_example(connection, example, self.place)
            receipt = erasure.remove_example(connection, example, identity, actor, audit.now())
        self._erase_now(f"example {example} is", (receipt,))
        return receipt

    def last_change(self) -> Undo:
        """What `undo` would do.

        Raises:
            GalleryError: there is nothing that can be undone.
        """
        with self._reading() as connection:
            return changes.last(connection)

    def undo(self, *, expected: Undo | None = None, actor: str | None = None) -> Undo:
        """Take the last change back that is no erasure: of the last 100, one after the other.

        Afterwards everything is as it was before, ids and their order included.

        Raises:
            GalleryError: there is nothing that can be undone, or something else than expected.
        """
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
        else:
            self._forget_results()
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
