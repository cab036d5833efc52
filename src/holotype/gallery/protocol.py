"""What every gallery can do, whatever holds it.

N = enrolled identities, M = examples, B = vectors in one call, S = strangers' vectors, D =
embedding dimensions. Every change takes an `actor`, who the audit trail says did it; None is the
user of the operating system, and an `Actor` carries the request that the change is made under: made
once, it is refused with a RepeatedError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import TracebackType
from typing import Any, Protocol, Self

from numpy.typing import NDArray

from holotype.gallery.records import (
    AuditEntry,
    AuditReport,
    Correction,
    Erasure,
    ExampleRecord,
    Feedback,
    FeedbackSummary,
    IdentityRecord,
    Reembedding,
    StrangerBatch,
    Undo,
)
from holotype.gallery.snapshot import Snapshot


@dataclass(frozen=True, slots=True, eq=False)
class Addition:
    """Examples of one label that are to be stored; B of them."""

    label: str
    vectors: NDArray[Any] = field(repr=False)  # [B, D]
    consent: str | None = None
    retain_until: date | None = None
    pictures: Sequence[bytes] | None = field(default=None, repr=False)  # B
    tags: Sequence[str] = ()  # added to those that the identity has


@dataclass(frozen=True, slots=True)
class Added:
    """What became of an `Addition`."""

    label: str  # as it is stored
    stored: tuple[bool, ...]  # of each example; False: the very same picture was there already
    examples: int  # of the label now


class Gallery(Protocol):
    """A durable set of labels with their example vectors, bound to one model.

    Safe to share between threads; several processes may hold the same gallery open. Whatever
    changes it happens as a whole, with its audit line, and is durable before the call returns, or
    not at all. Every method raises GalleryError when the gallery cannot be read or written, or
    has meanwhile been moved to another model; GalleryReplacedError when its file is gone from its
    place, or another lies there.
    """

    @property
    def model_id(self) -> str:
        """The model whose embeddings this gallery holds."""

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

    def remove(self, label: str, *, actor: str | None = None) -> Erasure:
        """Erase a label with all its examples, leaving nothing of them in storage.

        Returns:
            The receipt, which the gallery does not store.

        Raises:
            LabelError: the label is not enrolled.
            ErasurePendingError: done, but for the bytes; it carries the receipt.
        """

    def expire(self, today: date, *, actor: str | None = None) -> tuple[Erasure, ...]:
        """Erase every identity whose `retain_until` lies before `today`, the owner's local day.

        Raises:
            ErasurePendingError: done, but for the bytes; it carries the receipts.
        """

    def remove_example(self, example: int, *, actor: str | None = None) -> Erasure:
        """Erase one example, and its identity if it has no other, leaving nothing of it.

        Raises:
            GalleryError: there is no such example.
            ErasurePendingError: done, but for the bytes; it carries the receipt.
        """

    def erase_events(self) -> None:
        """Erase the events that lie here of whoever was erased, from whatever machine.

        Raises:
            GalleryError: they cannot be erased now.
        """

    def labels(self) -> dict[str, int]:
        """Every label and its number of examples, in order of first enrollment."""

    def records(self) -> tuple[IdentityRecord, ...]:
        """The facts about every identity, in order of first enrollment."""

    def snapshot(self) -> Snapshot:
        """The present content; costs next to nothing when nothing changed."""

    def examples(self, label: str | None = None) -> tuple[ExampleRecord, ...]:
        """The facts about each example, identity by identity.

        Args:
            label: of that identity alone; None: of all.

        Raises:
            LabelError: the label is not enrolled.
        """

    # -- corrections ------------------------------------------------------------------------
    #
    # Each can be asked what it would change (`dry_run`), and told what somebody has seen that it
    # would (`expected`): it refuses to do anything else.

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

    def last_change(self) -> Undo:
        """What `undo` would do.

        Raises:
            GalleryError: there is nothing that can be undone.
        """

    def undo(self, *, expected: Undo | None = None, actor: str | None = None) -> Undo:
        """Take the last change back that is no erasure: of the last 100, one after the other.

        Afterwards everything is as it was before, ids and their order included.

        Raises:
            GalleryError: there is nothing that can be undone, or something else than expected.
        """

    # -- pictures ---------------------------------------------------------------------------

    @property
    def keep_pictures(self) -> bool:
        """Whether pictures given to `add` are stored."""

    def set_keep_pictures(self, keep: bool, *, actor: str | None = None) -> None:
        """Store pictures from now on; or stop, and erase those that are stored.

        Raises:
            ErasurePendingError: done, but for the bytes.
        """

    def picture_ids(self, label: str | None = None) -> tuple[int, ...]:
        """The examples whose picture is stored, in ascending order.

        Args:
            label: of that identity alone; None: of all.
        """

    def picture(self, example: int) -> bytes:
        """The picture of an example.

        Raises:
            GalleryError: none is stored.
        """

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

    def remove_strangers(self, batch: str, *, actor: str | None = None) -> int:
        """Erase a batch; returns how many vectors it had.

        Raises:
            GalleryError: there is no such batch.
            ErasurePendingError: done, but for the bytes.
        """

    def stranger_batches(self) -> tuple[StrangerBatch, ...]:
        """The batches, oldest first."""

    # -- decisions --------------------------------------------------------------------------

    def sign(self, payload: Mapping[str, object]) -> str:
        """A token for a decision, which carries its facts; nothing is written.

        Args:
            payload: `answer`, `identity` (random id of the best candidate, or None),
                `similarity` and `threshold` (numbers or None), `rate_kind` and `rate`.

        Returns:
            The token; empty for a gallery of schema 1, which cannot sign before its first change.
        """

    def decision(self, token: str) -> Mapping[str, Any]:
        """What a token says: its `id`, `at`, and what it was signed with.

        Raises:
            GalleryError: not a token of this gallery.
        """

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

    def undo_feedback(self, decision_id: str, *, actor: str | None = None) -> int:
        """Take a review back (by `Feedback.decision` or the token) and erase what came of it.

        Returns:
            The number of examples erased.

        Raises:
            GalleryError: the decision was not reviewed.
            ErasurePendingError: done, but for the bytes.
        """

    def feedbacks(self) -> tuple[Feedback, ...]:
        """Every review, in the order of their giving."""

    def feedback_summary(self) -> tuple[FeedbackSummary, ...]:
        """Counts over the reviews, for each stated rate."""

    # -- another model ----------------------------------------------------------------------

    def without_pictures(self) -> dict[str, int]:
        """The labels that have examples without a picture, and how many."""

    def stage(self, model_id: str, embedding_dim: int, vectors: Mapping[int, NDArray[Any]]) -> None:
        """Lay aside vectors [D] of another model by example id, for a later `reembed`."""

    def staged(self, model_id: str) -> frozenset[int]:
        """The examples that have a vector of that model laid aside."""

    def unstage(self) -> None:
        """Erase all that is laid aside."""

    def reembed(
        self,
        model_id: str,
        model_name: str,
        embedding_dim: int,
        vectors: Mapping[int, NDArray[Any]] | None = None,
        *,
        actor: str | None = None,
    ) -> Reembedding:
        """Replace all vectors by those laid aside or given, and bind the gallery to their model.

        The strangers go: their pictures are not kept, so they have no vectors of the new model.
        Afterwards the gallery has to be opened again, with the new model.

        Raises:
            GalleryError: an example has no new vector, one does not fit, or the gallery belongs
                to that model already.
        """

    # -- the trail --------------------------------------------------------------------------

    def audit(self, after: int = 0) -> tuple[AuditEntry, ...]:
        """The audit trail, oldest line first.

        Args:
            after: the `sequence` of a line; only those after it.
        """

    def last_line(self) -> tuple[int, str] | None:
        """The number of the last line of the audit trail, and its hash.

        Returns:
            None in a gallery of an early version, which has no trail.
        """

    def verify_audit(self, noted: str | None = None) -> AuditReport:
        """Look for a line that was removed, edited, moved or cut off.

        Args:
            noted: the hash of a line, from a receipt or an earlier report, that must be there.
                Without it, a trail that was rewritten as a whole looks intact.
        """

    def reopen(self) -> None:
        """Go on with what lies at the gallery's place now.

        Raises:
            GalleryError: there is no gallery, or it belongs to another model.
        """

    def close(self) -> None:
        """Let go of the gallery. Closing twice is harmless."""

    def __enter__(self) -> Self:
        """The gallery itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
