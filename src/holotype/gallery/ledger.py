"""What a gallery owes its owner: a trail, its reviews, its strangers, a way to another model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import ErasurePendingError
from holotype.gallery import audit, backup, enrolled_rows, erasure, feedback, reembedding
from holotype.gallery import strangers as batches
from holotype.gallery.check import check
from holotype.gallery.file import failures, real_path
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
from holotype.gallery.store import Store


class Custody(Store):
    """All of a gallery but its enrolled. What the methods promise stands with `Gallery`."""

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
        """Store embeddings of who or what is not enrolled; see `Gallery.add_strangers`."""
        rows = checked(vectors, self._binding.embedding_dim)
        with self._changing(actor) as connection:
            return batches.add(connection, rows, class_index, actor, rate, threshold)

    def remove_strangers(self, batch: str, *, actor: str | None = None) -> int:
        """Erase a batch of strangers; see `Gallery.remove_strangers`."""
        with self._changing(actor) as connection:
            count = batches.remove(connection, batch, actor)
        self._erase_now(f"the strangers of batch {shown(batch)} are")
        return count

    def stranger_batches(self) -> tuple[StrangerBatch, ...]:
        """The batches of strangers, oldest first."""
        with self._reading() as connection:
            return batches.batches(connection) if schema_version(connection) >= 2 else ()

    # -- decisions --------------------------------------------------------------------------

    def sign(self, payload: Mapping[str, object]) -> str:
        """A token that carries the facts of a decision; see `Gallery.sign`."""
        # Read each time: a backup that was put in the place of the gallery may have another.
        with self._reading() as connection:
            if schema_version(connection) < 2:
                return ""
            (key,) = connection.execute("SELECT signing_key FROM meta").fetchone()
        return feedback.sign(key, payload)

    def decision(self, token: str) -> Mapping[str, Any]:
        """The facts that a token carries; see `Gallery.decision`."""
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
        """Store whether a decision was right, and what it teaches; see `Gallery.feedback`."""
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
        """Take a review back and erase what came of it; see `Gallery.undo_feedback`."""
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
        """Lay vectors of another model aside; see `Gallery.stage`."""
        with self._changing() as connection:
            reembedding.stage(connection, model_id, embedding_dim, vectors)

    def staged(self, model_id: str) -> frozenset[int]:
        """The examples that have a vector of that model laid aside."""
        with self._reading() as connection:
            if schema_version(connection) < 2:
                return frozenset()
            return reembedding.staged(connection, model_id)

    def unstage(self) -> None:
        """Erase all that is laid aside."""
        with self._changing() as connection:
            deleted = connection.execute("DELETE FROM staged").rowcount
            if deleted:
                erasure.mark(connection)
        if deleted:
            self._erase_now("the vectors that were laid aside are")

    def reembed(
        self,
        model_id: str,
        model_name: str,
        embedding_dim: int,
        vectors: Mapping[int, NDArray[Any]] | None = None,
        *,
        actor: str | None = None,
    ) -> Reembedding:
        """Replace all vectors by those of another model; see `Gallery.reembed`.

        From then on whoever has the gallery open for the old model, this object included, is
        refused: vectors of the old model may be on their way to it.
        """
        new = Binding(model_id, model_name, embedding_dim)
        with self._changing(actor) as connection:
            reembedding.stage(connection, model_id, embedding_dim, vectors or {})
            done = reembedding.swap(connection, new, actor)
        try:
            self._erase_now("the old vectors are")
        except ErasurePendingError:
            return replace(done, pending=True)
        return done

    # -- the trail --------------------------------------------------------------------------

    def audit(self, after: int = 0) -> tuple[AuditEntry, ...]:
        """The audit trail after a line, oldest line first."""
        with self._reading() as connection:
            return tuple(audit.entries(connection, after + 1))

    def last_line(self) -> tuple[int, str] | None:
        """The end of the audit trail; see `Gallery.last_line`."""
        with self._reading() as connection:
            return audit.last_line(connection)

    def verify_audit(self, noted: str | None = None) -> AuditReport:
        """Look for a line that was removed, edited, moved or cut off; see `Gallery`."""
        with self._reading() as connection:
            return audit.verify(connection, noted)

    def check(self) -> GalleryCheck:
        """Look at every page, row, vector and audit line of the file."""
        with self._reading() as connection:
            return check(connection)

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
