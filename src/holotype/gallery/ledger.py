"""What a gallery owes its owner: a trail, its reviews, its strangers, a way to another model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import ErasurePendingError
from holotype.gallery import audit, backup, enrolled_rows, feedback, reembedding
from holotype.gallery import strangers as batches
from holotype.gallery.check import check
from holotype.gallery.file import failures, real_path
from holotype.gallery.indexed import Indexed
from holotype.gallery.labels import shown
from holotype.gallery.matrix import checked
from holotype.gallery.records import (
    AuditEntry,
    AuditReport,
    Feedback,
    FeedbackSummary,
    GalleryCheck,
    Reembedding,
    StrangerBatch,
)
from holotype.gallery.schema import Binding, schema_version


class Ledger(Indexed):
    """All of a gallery but its enrolled."""

    # -- own strangers ----------------------------------------------------------------------

    def add_strangers(
        self,
        vectors: NDArray[Any],
        class_index: NDArray[Any],
        *,
        rate: float | None = None,
        threshold: float | None = None,
        actor: str | None = None,
    ) -> str:
        """Store embeddings of people or things that are not enrolled.

        Args:
            vectors: float32 [B, D], B >= 1, finite, of length 1.
            class_index: [B] whole numbers; the same number for the same person or thing, negative
                ones for pictures from the place of which nobody said whom they show.
            rate: the stated rate that the owner was shown, for the audit trail.
            threshold: the threshold at that rate with these strangers, likewise.
            actor: who.

        Returns:
            The id of the batch.
        """
        rows = checked(vectors, self._binding.embedding_dim)
        with self._changing(actor) as connection:
            return batches.add(connection, rows, class_index, actor, rate, threshold)

    def remove_strangers(self, batch: str, *, actor: str | None = None) -> int:
        """Erase a batch; returns how many vectors it had.

        Raises:
            GalleryError: there is no such batch.
            ErasurePendingError: done, but for the bytes.
        """
        with self._changing(actor) as connection:
            count = batches.remove(connection, batch, actor)
        self._erase_now(f"the strangers of batch {shown(batch)} are")
        return count

    def stranger_batches(self) -> tuple[StrangerBatch, ...]:
        """The batches of strangers, oldest first."""
        with self._reading() as connection:
            return batches.batches(connection) if schema_version(connection) >= 2 else ()

    # -- decisions --------------------------------------------------------------------------

    def decision(self, token: str) -> Mapping[str, Any]:
        """What a token says: its `id`, `at`, and what it was signed with.

        Raises:
            GalleryError: not a token of this gallery.
        """
        with self._reading() as connection:
            return feedback.facts_of(connection, token)

    def feedback(
        self,
        token: str,
        correct: bool,
        *,
        identity: str | None = None,
        examples: NDArray[Any] | None = None,
        pictures: Sequence[bytes] | None = None,
        strangers: NDArray[Any] | None = None,
        actor: str | None = None,
    ) -> Feedback:
        """Store whether a decision was right, and what it teaches, in one change.

        Args:
            token: as `sign` gave it.
            correct: whether it was.
            identity: the random id of who gains examples.
            examples: float32 [B, D], as for `add`.
            pictures: of these, likewise.
            strangers: float32 [B, D] of one stranger, who is turned away from then on.
            actor: who.

        Raises:
            GalleryError: not a token of this gallery, the decision was reviewed before, or the
                identity is not enrolled.
        """
        gained, turned = (
            None if vectors is None else checked(vectors, self._binding.embedding_dim)
            for vectors in (examples, strangers)
        )
        if gained is not None:
            enrolled_rows.check_pictures(pictures, len(gained))
        with self._changing(actor) as connection:
            decision = feedback.store(connection, token, correct, actor).decision
            if gained is not None:
                label = enrolled_rows.label_by_name(connection, identity)
                terms = None, None
                enrolled_rows.add(connection, label, gained, terms, pictures, decision, actor)
            if turned is not None:
                same = np.zeros(len(turned), np.int64)
                batches.add(connection, turned, same, actor, None, None, decision)
            return next(one for one in feedback.stored(connection) if one.decision == decision)

    def undo_feedback(self, decision_id: str, *, actor: str | None = None) -> int:
        """Take a review back (by `Feedback.decision` or the token) and erase what came of it.

        Returns:
            The number of examples erased.

        Raises:
            GalleryError: the decision was not reviewed.
            ErasurePendingError: done, but for the bytes.
        """
        with self._changing(actor) as connection:
            examples, strangers, receipts = feedback.undo(connection, decision_id, actor)
        if examples or strangers:
            self._erase_now("what was gained from feedback is", receipts)
        return examples

    def feedbacks(self) -> tuple[Feedback, ...]:
        """Every review, in the order of their giving."""
        with self._reading() as connection:
            return feedback.stored(connection) if schema_version(connection) >= 2 else ()

    def feedback_summary(self) -> tuple[FeedbackSummary, ...]:
        """Counts over the reviews, for each stated rate."""
        with self._reading() as connection:
            return feedback.summary(connection) if schema_version(connection) >= 2 else ()

    # -- another model ----------------------------------------------------------------------

    def stage(self, model_id: str, embedding_dim: int, vectors: Mapping[int, NDArray[Any]]) -> None:
        """Lay aside vectors [D] of another model by example id, for a later `reembed`."""
        with self._changing() as connection:
            reembedding.stage(connection, model_id, embedding_dim, vectors)

    def staged(self, model_id: str) -> frozenset[int]:
        """The examples that have a vector of that model laid aside."""
        with self._reading() as connection:
            if schema_version(connection) < 2:
                return frozenset()
            return reembedding.staged(connection, model_id)

    def reembed(
        self, model_id: str, model_name: str, embedding_dim: int, *, actor: str | None = None
    ) -> Reembedding:
        """Replace all vectors by those laid aside, and bind the gallery to their model.

        The strangers go: their pictures are not kept, so they have no vectors of the new model.
        From then on whoever has the gallery open for the old model, this object included, is
        refused: vectors of the old model may be on their way to it.

        Raises:
            GalleryError: an example has no new vector, one does not fit, or the gallery belongs
                to that model already.
        """
        new = Binding(model_id, model_name, embedding_dim)
        with self._changing(actor) as connection:
            done = reembedding.swap(connection, new, actor)
        try:
            self._erase_now("the old vectors are")
        except ErasurePendingError:
            return replace(done, pending=True)
        return done

    # -- the trail --------------------------------------------------------------------------

    def audit(self, after: int = 0) -> tuple[AuditEntry, ...]:
        """The audit trail, oldest line first.

        Args:
            after: the `sequence` of a line; only those after it.
        """
        with self._reading() as connection:
            return tuple(audit.entries(connection, after + 1))

    def last_line(self) -> tuple[int, str] | None:
        """The number of the last line of the audit trail, and its hash.

        Returns:
            None in a gallery of an early version, which has no trail.
        """
        with self._reading() as connection:
            return audit.last_line(connection)

    def verify_audit(self, noted: str | None = None) -> AuditReport:
        """Look for a line that was removed, edited, moved or cut off.

        Args:
            noted: the hash of a line, from a receipt or an earlier report, that must be there.
                Without it, a trail that was rewritten as a whole looks intact.
        """
        with self._reading() as connection:
            return audit.verify(connection, noted)

    def check(self) -> GalleryCheck:
        """Look at every page, row, vector and audit line of the file; and at its index."""
        with self._reading() as connection:
            found = check(connection)
            problems = (*found.problems, *self._index_problems(connection))
            return replace(found, problems=problems)

    # -- copies -----------------------------------------------------------------------------

    def backup(self, path: str | os.PathLike[str], *, actor: str | None = None) -> None:
        """Write a copy of one moment to a new file, while this and other processes go on.

        It holds what is alive then. Whoever is forgotten later stays in the backup.

        Raises:
            GalleryError: there is a file at `path`, or it cannot be written.
        """
        target = real_path(path)
        backup.require_free(target)
        self.note_copy(actor, "backup")
        with failures(target):
            self._copy(target)

    def note_copy(self, actor: str | None, action: str = "copy") -> None:
        """Say in the audit trail that a copy is made: before it, and so in the copy too."""
        with self._reading() as connection:
            young = schema_version(connection) < 2
        if not (self._only_read or young):  # those have no trail that could be written to
            with self._changing(actor) as connection:
                audit.append(connection, action, actor)
