"""What a gallery tells its owner. Times are UTC; identities are named by their random id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class IdentityRecord:
    """The facts about one enrolled identity."""

    id: str  # random; what the audit trail and decisions call it
    label: str
    examples: int
    pictures: int  # examples whose picture is kept
    created: datetime
    consent: str | None  # what the owner noted about the permission to enroll
    retain_until: date | None  # last day on which it may be kept
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)  # whatever the owner noted, as JSON
    quiet: bool = False  # known, but not to be announced


@dataclass(frozen=True, slots=True)
class ExampleRecord:
    """The facts about one example."""

    id: int  # never used again, also not after it is erased
    label: str
    created: datetime
    picture: bool  # whether it is kept
    decision: str | None  # random id of the review that it comes from
    description: str | None = None  # the text that stands for a picture; None: one was shown


@dataclass(frozen=True, slots=True)
class Correction:
    """What a correction changes, or would change."""

    action: str  # rename, merge or move
    label: str  # what they were called, or whose the example was
    to: str
    examples: int  # that get the other label
    left: int  # examples that `label` keeps; 0: it is no longer enrolled
    total: int  # examples that `to` has then
    new: bool  # whether `to` was not enrolled before
    retain_until: date | None  # last day on which `to` may be kept then


@dataclass(frozen=True, slots=True)
class Undo:
    """What undoing a change does, or would do. Labels are those of now, unless it says otherwise.

    Attributes:
        line: of the audit trail, where the change begins; 0: not known yet.
        until: its last line.
        at: when it was made.
        actor: by whom.
        action: what it was.
        renamed: label now, and label then.
        back: who is enrolled again.
        gone: who is no longer enrolled.
        described: whose tags, metadata, consent or last day become those of before.
        moved: whose examples go back, to whom, and how many.
        erased: whose examples are erased, and how many.
        strangers: how many vectors of own strangers are erased.
        reviews: how many are taken back.
        keep_pictures: whether pictures are kept from then on; None: as now.
        final: what was done after the change and is not undone, since it cannot be.
        pending: undone, but the bytes of what is erased are still in the file.
    """

    line: int = 0
    until: int = 0
    at: datetime = datetime.min
    actor: str = ""
    action: str = ""
    renamed: tuple[tuple[str, str], ...] = ()
    back: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    described: tuple[str, ...] = ()
    moved: tuple[tuple[str, str, int], ...] = ()
    erased: tuple[tuple[str, int], ...] = ()
    strangers: int = 0
    reviews: int = 0
    keep_pictures: bool | None = None
    final: tuple[AuditEntry, ...] = ()
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Erasure:
    """The receipt for an erasure. The gallery keeps no copy of it, and it holds no label."""

    identity: str  # random id
    examples: int  # erased with it
    at: datetime
    audit_hash: str  # of the audit line that records it; `verify_audit(noted=...)` looks it up
    pending: bool = False  # gone from the gallery, but its bytes are still in the file


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit trail."""

    sequence: int  # 1, 2, 3, ...: the order, whatever the clock said
    at: datetime
    actor: str  # who
    action: str  # create, migrate, enroll, forget, expire, calibrate, feedback, undo, ...
    identity: str | None  # random id
    facts: dict[str, Any]  # counts, model, threshold, rate: whatever applies
    hash: str  # SHA-256 in hex over the previous line's hash and this line


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """Something that is not as it should be in the audit trail."""

    code: str  # missing, edited, truncated, unnoted; clock
    sequence: int  # the line where it shows
    text: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What a check of the audit trail found."""

    entries: int
    head: str  # hash of the last line; noted elsewhere, it proves later that nothing before it fell
    problems: tuple[AuditFinding, ...]
    notes: tuple[AuditFinding, ...]  # odd, but no sign of tampering: a clock that ran backwards

    @property
    def intact(self) -> bool:
        """Whether no line was removed, edited, reordered or cut off."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class GalleryCheck:
    """What an integrity check found."""

    identities: int
    examples: int
    problems: tuple[str, ...]
    audit: AuditReport

    @property
    def sound(self) -> bool:
        """Whether nothing is damaged."""
        return not self.problems and self.audit.intact


@dataclass(frozen=True, slots=True)
class StrangerBatch:
    """Pictures of people or things that are not enrolled, added in one call."""

    id: str
    created: datetime
    vectors: int
    classes: int
    decision: str | None = None  # random id of the review that they come from


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person said about a decision, and the facts of that decision."""

    decision: str  # random id
    decided: datetime
    given: datetime
    correct: bool
    answer: str  # match, unknown or cannot_tell
    identity: str | None  # random id of the best candidate
    similarity: float | None
    threshold: float | None
    rate_kind: str  # fpir or fmr
    rate: float
    examples: int  # gained from it
    strangers: int = 0  # likewise


@dataclass(frozen=True, slots=True)
class FeedbackSummary:
    """Counts of the decisions that were reviewed at one stated rate."""

    rate_kind: str  # fpir or fmr
    rate: float
    matches: int
    wrong_matches: int  # the measured false accepts
    unknowns: int
    wrong_unknowns: int  # enrolled, but not recognized
    cannot_tell: int


@dataclass(frozen=True, slots=True)
class Reembedding:
    """What moving to another model changed."""

    examples: int
    strangers: int  # vectors dropped: they are of the old model, and no picture of them is kept
    batches: int  # that they were in
    pending: bool = False  # the old vectors' bytes are still in the file


@dataclass(frozen=True, slots=True, eq=False)
class Addition:
    """Examples of one label that are to be stored; B of them."""

    label: str
    vectors: NDArray[Any] = field(repr=False)  # [B, D]
    consent: str | None = None
    retain_until: date | None = None
    pictures: Sequence[bytes] | None = field(default=None, repr=False)  # B
    tags: Sequence[str] = ()  # added to those that the identity has
    descriptions: Sequence[str] | None = None  # B texts that the vectors stand for; None: pictures


@dataclass(frozen=True, slots=True)
class Added:
    """What became of an `Addition`."""

    label: str  # as it is stored
    stored: tuple[bool, ...]  # of each example; False: the very same picture was there already
    examples: int  # of the label now
