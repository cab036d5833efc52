"""What a gallery tells its owner. Times are UTC; identities are named by their random id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


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
