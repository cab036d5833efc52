"""A gallery in the tables of an engine: who is enrolled, and the way in and out.

The tables are the only truth: a change is durable before it returns. What is kept in memory is a
copy that is brought up to date when this or another process has written.

N = enrolled identities, M = examples, B = vectors in one call, S = strangers' vectors, D =
embedding dimensions. Every change takes an `actor`, who the audit trail says did it; None is the
user of the operating system, and an `Actor` carries the request that the change is made under: made
once, it is refused with a RepeatedError.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from holotype.errors import GalleryError
from holotype.gallery import audit, changes, enrolled_rows, erasure, exported, feedback, imported
from holotype.gallery.connection import Connection
from holotype.gallery.correcting import Correcting
from holotype.gallery.file import failures as file_failures
from holotype.gallery.labels import check_label, check_tags, shown
from holotype.gallery.matrix import checked
from holotype.gallery.records import Added, Addition, Erasure, IdentityRecord
from holotype.gallery.schema import SCHEMA_VERSION, Binding, schema_version
from holotype.gallery.snapshot import Snapshot

BUSY_TIMEOUT_S = 5.0
_Item = TypeVar("_Item")


class Gallery(Correcting):
    """A durable set of labels with their example vectors, bound to one model.

    Safe to share between threads; several processes may hold the same gallery open. Whatever
    changes it happens as a whole, with its audit line, and is durable before the call returns, or
    not at all. Every method raises GalleryError when the gallery cannot be read or written, or
    has meanwhile been moved to another model; GalleryReplacedError when its file is gone from its
    place, or another lies there.
    """

    # -- what an engine implements ----------------------------------------------------------

    @classmethod
    @abstractmethod
    def at(cls, place: str | os.PathLike[str], binding: Binding, busy_timeout_s: float) -> Self:
        """Open a gallery that exists and belongs to the model in `binding`."""

    @classmethod
    @abstractmethod
    def called(cls, place: str | os.PathLike[str]) -> str:
        """The place as people may read it, without a password."""

    @classmethod
    @abstractmethod
    def exists(cls, place: str | os.PathLike[str]) -> bool:
        """Whether there is anything where a gallery would be made."""

    @classmethod
    @abstractmethod
    def binding_of(cls, place: str | os.PathLike[str]) -> Binding:
        """The model that the gallery belongs to.

        Raises:
            GalleryError: there is no gallery, or it cannot be read.
        """

    @classmethod
    @abstractmethod
    def make(
        cls,
        place: str | os.PathLike[str],
        binding: Binding,
        *,
        keep_pictures: bool,
        actor: str | None,
        fill: Callable[[Connection], None] | None = None,
    ) -> None:
        """Make a gallery, whole or not at all: an empty one, or with what `fill` puts in.

        Of two processes that make it at once one wins, and both go on with that one; who has
        something to put in is refused instead.
        """

    @classmethod
    @abstractmethod
    def receiving(cls, place: str | os.PathLike[str]) -> AbstractContextManager[Connection]:
        """Tables that a copy is written into, row by row; they are a gallery when `meta` is there.

        What an earlier run has written is in them.

        Raises:
            GalleryError: there is a gallery at that place.
        """

    @abstractmethod
    def at_rest(self) -> AbstractContextManager[Connection]:
        """All rows at one moment, to be read while others change the gallery."""

    # -- opening ----------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        place: str | os.PathLike[str],
        model_id: str,
        embedding_dim: int,
        *,
        model_name: str,
        create: bool = True,
        keep_pictures: bool = False,
        actor: str | None = None,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> Self:
        """Open the gallery at `place`; where there is none and `create` is true, make it.

        Args:
            place: its file, or the URL of its database.
            model_id: digest of the model whose embeddings the gallery holds.
            embedding_dim: D.
            model_name: the name that a person knows the model by.
            create: whether a missing gallery is made.
            keep_pictures: whether a gallery that is made stores the pictures of its examples.
            actor: who makes it, for the audit trail.
            busy_timeout_s: how long to wait for another process, in seconds.

        Raises:
            GalleryError: no gallery, not a gallery, one of another model or a newer schema, or
                one that cannot be read.
        """
        binding = Binding(model_id, model_name, embedding_dim)
        if create and not cls.exists(place):
            cls.make(place, binding, keep_pictures=keep_pictures, actor=actor)
        return cls.at(place, binding, busy_timeout_s)

    @classmethod
    def existing(cls, place: str | os.PathLike[str]) -> Self:
        """Open the gallery at `place` for whatever model it is bound to.

        To look after it, not to recognize: the model itself need not be there.

        Raises:
            GalleryError: as for `open`.
        """
        return cls.at(place, cls.binding_of(place), BUSY_TIMEOUT_S)

    @classmethod
    def take_in(
        cls,
        folder: str | os.PathLike[str],
        place: str | os.PathLike[str],
        *,
        actor: str | None = None,
    ) -> imported.Imported:
        """Store what `export` wrote in the gallery at `place`, all of it or nothing.

        A gallery is made where there is none. Identities keep their random ids; those that are
        there already gain the examples that they do not have.

        Args:
            folder: that `export` wrote.
            place: the gallery.
            actor: who, for the audit trail.

        Raises:
            LabelError: a label is enrolled there as another identity.
            GalleryError: the folder is no export, not whole or altered; the gallery is of another
                model, or cannot be written.
        """
        with file_failures(Path(folder)):
            parcel = imported.read(Path(folder))
        done: list[imported.Imported] = []

        def fill(connection: Connection) -> None:
            done.append(imported.store(connection, parcel, actor))

        def fill_new(connection: Connection) -> None:
            changes.begin(connection)
            fill(connection)
            changes.finish(connection)

        if not cls.exists(place):
            keep = parcel.keep_pictures
            cls.make(place, parcel.binding, keep_pictures=keep, actor=actor, fill=fill_new)
            return done[-1]
        with cls.existing(place) as gallery:
            if (gallery.model_id, gallery._binding.embedding_dim) != (
                parcel.binding.model_id,
                parcel.binding.embedding_dim,
            ):
                raise GalleryError(
                    f"{os.fspath(folder)!r} holds vectors of the model "
                    f"{parcel.binding.model_name!r} (id {parcel.binding.model_id}); the gallery "
                    f"{gallery.place!r} belongs to {gallery._binding.model_name!r} (id "
                    f"{gallery.model_id})",
                    "Import into a gallery of that model, or into a new one",
                )
            with gallery._changing(actor) as connection:
                fill(connection)
        return done[-1]

    # -- the enrolled -----------------------------------------------------------------------

    def add(
        self,
        label: str,
        vectors: NDArray[Any],
        *,
        consent: str | None = None,
        retain_until: date | None = None,
        pictures: Sequence[bytes] | None = None,
        decision_id: str | None = None,
        tags: Iterable[str] = (),
        actor: str | None = None,
    ) -> int:
        """Store examples of a label; the very same picture twice is one example.

        Args:
            label: any text that `check_label` accepts, stored verbatim.
            vectors: float32 [B, D], B >= 1, finite, of length 1.
            consent: a note on the permission to enroll; None leaves an earlier note as it is.
            retain_until: last day on which the identity may be kept, by the local time of this
                machine; None leaves an earlier one. After that day it is not in `snapshot`.
            pictures: B encoded pictures; stored only where the owner keeps pictures.
            decision_id: the reviewed decision that these examples come from; `undo_feedback`
                takes them away again.
            tags: added to those that the identity has: up to 50 of up to 50 characters.
            actor: who.

        Returns:
            The number of examples of this label now.

        Raises:
            LabelError: the label cannot be stored.
            GalleryError: the vectors do not fit, a date that has passed, a decision that was not
                reviewed or has given examples before.
        """
        addition = self._checked(
            Addition(label, vectors, consent, retain_until, pictures, tuple(tags))
        )
        with self._changing(actor) as connection:
            if decision_id is not None:
                feedback.require_reviewed(connection, decision_id)
            return _added(connection, addition, decision_id, actor).examples

    def add_all(
        self, additions: Sequence[Addition], *, actor: str | None = None
    ) -> tuple[Added, ...]:
        """Store examples of several labels in one change: all of them, or none.

        Args:
            additions: what `add` takes, for each label.
            actor: who.

        Raises:
            LabelError: as for `add`.
            GalleryError: as for `add`.
        """
        ready = [self._checked(addition) for addition in additions]
        if not ready:
            return ()
        with self._changing(actor) as connection:
            return tuple(_added(connection, addition, None, actor) for addition in ready)

    def _checked(self, addition: Addition) -> Addition:
        """An addition that can be stored."""
        rows = checked(addition.vectors, self._binding.embedding_dim)
        enrolled_rows.terms(addition.consent, addition.retain_until)
        enrolled_rows.check_pictures(addition.pictures, len(rows))
        tags = tuple(check_tags(addition.tags))
        enrolled_rows.check_descriptions(addition.descriptions, len(rows))
        return replace(addition, label=check_label(addition.label), vectors=rows, tags=tags)

    def remove(self, label: str, *, actor: str | None = None) -> Erasure:
        """Erase a label with all its examples, leaving nothing of them in storage.

        Returns:
            The receipt, which the gallery does not store.

        Raises:
            LabelError: the label is not enrolled.
            ErasurePendingError: done, but for the bytes; it carries the receipt.
        """
        label = check_label(label)
        with self._changing(actor) as connection:
            identity = enrolled_rows.find(connection, label, self.place)
            at = audit.now()
            receipt = erasure.remove_identity(connection, identity, "forget", actor, at)
            # Earlier versions could store one name in two Unicode forms.
            while (again := enrolled_rows.other_form(connection, label)) is not None:
                more = erasure.remove_identity(connection, again, "forget", actor, at)
                receipt = replace(more, examples=receipt.examples + more.examples)
        self._erase_now(f"the label {shown(label)} is", (receipt,))
        return receipt

    def expire(self, today: date, *, actor: str | None = None) -> tuple[Erasure, ...]:
        """Erase every identity whose `retain_until` lies before `today`, the owner's local day.

        Raises:
            ErasurePendingError: done, but for the bytes; it carries the receipts.
        """
        if not isinstance(today, date) or isinstance(today, datetime):
            raise GalleryError(f"today is {today!r}; it is a date", "Pass a datetime.date")
        with self._reading() as connection:
            if not enrolled_rows.over(connection, today):
                return ()
        with self._changing(actor) as connection:
            at = audit.now()
            receipts = tuple(
                erasure.remove_identity(connection, identity, "expire", actor, at)
                for identity in enrolled_rows.over(connection, today)
            )
        self._erase_now(f"{len(receipts)} identities whose time is over are", receipts)
        return receipts

    def labels(self) -> dict[str, int]:
        """Every label and its number of examples, in order of first enrollment."""
        with self._reading() as connection:
            return {
                str(label): int(count)
                for label, count in connection.execute(
                    "SELECT label, COUNT(*) FROM examples JOIN identities"
                    " ON identities.id = examples.identity"
                    " GROUP BY identities.id ORDER BY identities.id"
                )
            }

    def records(self) -> tuple[IdentityRecord, ...]:
        """The facts about every identity, in order of first enrollment."""
        with self._reading() as connection:
            return enrolled_rows.records(connection)

    def snapshot(self) -> Snapshot:
        """The present content; one statement when nothing changed, else only new rows are read."""
        with self._reading() as connection:
            return self._mirror.snapshot(connection)

    # -- an open form -----------------------------------------------------------------------

    def export(
        self, out: str | os.PathLike[str], label: str | None = None, *, actor: str | None = None
    ) -> exported.Exported:
        """Write all of the gallery, or all that is held on one identity, to a new folder.

        The folder says in its README.md what it holds. Whoever is forgotten later stays in it.

        Args:
            out: the folder; it appears when all of it is written.
            label: of the one identity; None: everybody, and the owner's own strangers.
            actor: who, for the audit trail.

        Raises:
            LabelError: the label is not enrolled.
            GalleryError: there is something at `out`, or it cannot be written.
        """
        label = None if label is None else check_label(label)
        place = Path(os.path.abspath(out))
        with file_failures(place), exported.draft_folder(place) as draft:
            with self._reading() as connection:
                if label is not None:
                    enrolled_rows.find(connection, label, self.place)
            if not self._only_read:  # before, so that no export goes without a line
                with self._changing(actor) as connection:
                    identity = None
                    if label is not None:
                        at = enrolled_rows.find(connection, label, self.place)
                        identity = audit.name_of(connection, at)
                    audit.append(connection, "export", actor, identity=identity)
            with self._reading() as connection:
                if schema_version(connection) < SCHEMA_VERSION:
                    raise GalleryError(
                        f"the gallery {str(self.place)!r} is of an older version, and cannot be "
                        "brought to this one, since it is read-only",
                        "Export a copy that can be written",
                    )
                return exported.write(connection, draft, label, self.place)

    # -- pictures ---------------------------------------------------------------------------

    @property
    def keep_pictures(self) -> bool:
        """Whether pictures given to `add` are stored."""
        with self._reading() as connection:
            return enrolled_rows.keeps_pictures(connection)

    def set_keep_pictures(self, keep: bool, *, actor: str | None = None) -> None:
        """Store pictures from now on; or stop, and erase those that are stored.

        Raises:
            ErasurePendingError: done, but for the bytes.
        """
        with self._changing(actor) as connection:
            erased = enrolled_rows.set_keep_pictures(connection, keep, actor)
        if erased:
            self._erase_now("the pictures are")

    def picture_ids(self, label: str | None = None) -> tuple[int, ...]:
        """The examples whose picture is stored, in ascending order.

        Args:
            label: of that identity alone; None: of all.
        """
        with self._reading() as connection:
            return enrolled_rows.picture_ids(connection, label)

    def picture(self, example: int) -> bytes:
        """The picture of an example.

        Raises:
            GalleryError: none is stored.
        """
        with self._reading() as connection:
            return enrolled_rows.picture(connection, example)

    def without_pictures(self) -> dict[str, int]:
        """The labels that have examples without a picture, and how many."""
        with self._reading() as connection:
            return enrolled_rows.without_pictures(connection)


def _added(
    connection: Connection, addition: Addition, decision: str | None, actor: str | None
) -> Added:
    """Store what is new of an addition, inside the caller's transaction."""
    label = addition.label
    new = enrolled_rows.fresh(connection, label, addition.vectors)
    examples = enrolled_rows.add(
        connection,
        label,
        addition.vectors[new],
        enrolled_rows.terms(addition.consent, addition.retain_until),
        _those(addition.pictures, new),
        decision,
        actor,
        addition.tags,
        _those(addition.descriptions, new),
    )
    return Added(label, tuple(new.tolist()), examples)


def _those(items: Sequence[_Item] | None, some: NDArray[np.bool_]) -> list[_Item] | None:
    return None if items is None else [items[row] for row in some.nonzero()[0].tolist()]
