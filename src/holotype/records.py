"""The frozen records that flow through holotype. Shapes, dtypes and units stand beside each field.

N = n_way, K = k_shot, Q = queries in the episode, D = embedding dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

OnProgress = Callable[[str, int, int], None]  # what is being done, how much, of how much
OnCount = Callable[[int, int], None]  # how much is done, of how much
JobKind = Literal["enroll", "evaluate", "reembed"]
Answer = Literal["match", "unknown", "cannot_tell"]
# guaranteed: it holds whatever the model and the domain, for strangers like those that set the
# threshold; estimated: as far as their tail or the cohort tells; default: nothing is known
Known = Literal["guaranteed", "estimated", "default"]
# who set a threshold: the enrolled themselves, own strangers, the model's cohort, or nobody
Source = Literal["enrolled", "site", "cohort", "unlabeled", "default"]
ScoreSource = Literal["enrolled", "site", "cohort", "unlabeled", "asked"]


@dataclass(frozen=True, slots=True)
class Episode:
    """One few-shot task (Vinyals et al. 2016, section 2.2).

    The trailing axes of `support` and `query` are whatever the data set holds: pictures
    [C, H, W] or [H, W], or embeddings [D].
    """

    support: NDArray[Any]  # [N, K, ...] the labeled examples, class by class
    query: NDArray[Any]  # [Q, ...] what is to be classified
    query_class: NDArray[np.int64] | None = None  # [Q] in 0..N-1; None: withheld from a method
    class_id: NDArray[np.int64] | None = None  # [N] global class ids, for background objectives

    @property
    def n_way(self) -> int:
        """Number of classes."""
        return int(self.support.shape[0])

    @property
    def k_shot(self) -> int:
        """Number of support examples per class."""
        return int(self.support.shape[1])

    def unlabeled(self) -> Episode:
        """The same episode as a method under evaluation may see it: no query labels, no ids."""
        return Episode(self.support, self.query)


@dataclass(frozen=True, slots=True, eq=False)
class EpisodeIndex:
    """The pictures of E episodes, as indices into a data set's images.

    N = n_way, K = k_shot, Q = N * queries per class. Raw pictures, prepared pictures and
    embeddings that are indexed by the same `EpisodeIndex` are measured on the very same episodes.
    """

    support: NDArray[np.int64]  # [E, N, K]
    query: NDArray[np.int64]  # [E, Q]
    query_class: NDArray[np.int64]  # [E, Q] in 0..N-1
    class_id: NDArray[np.int64]  # [E, N] class index in the data set

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.support)


@dataclass(frozen=True, slots=True)
class Report:
    """What an evaluation measured. Accuracies are percent, `ci95` is percentage points."""

    protocol: str
    n_way: int
    k_shot: int
    n_query: int  # per class
    episodes: int
    accuracy: float  # mean over episodes, percent
    ci95: float  # half-width of the 95 % interval of that mean, points
    per_episode: NDArray[np.float64] = field(repr=False)  # [episodes] percent
    seconds: float  # wall time spent in scoring

    @property
    def error_percent(self) -> float:
        """100 - accuracy."""
        return 100.0 - self.accuracy

    def to_json(self) -> dict[str, Any]:
        """The figures without the per-episode list, ready for `json.dumps`."""
        return {
            "protocol": self.protocol,
            "n_way": self.n_way,
            "k_shot": self.k_shot,
            "n_query": self.n_query,
            "episodes": self.episodes,
            "accuracy": round(self.accuracy, 4),
            "ci95": round(self.ci95, 4),
            "error_percent": round(self.error_percent, 4),
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Sound that is in memory already, in place of a file."""

    samples: NDArray[Any]  # [n] or [n, channels]: floats in [-1, 1], uint8, int16 or int32
    rate_hz: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an answer is what it is, for programs and for people."""

    code: str  # such as below_threshold or low_quality_blur
    text: str


@dataclass(frozen=True, slots=True)
class Enrollment:
    """What `enroll` stored."""

    label: str
    added: int  # examples stored by this call
    examples: int  # examples of this label now
    warnings: tuple[Reason, ...] = ()  # about the pictures: they are stored all the same
    lookalikes: tuple[Candidate, ...] = ()  # others that the new one would be taken for, best first


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A picture of many that was not enrolled."""

    name: str  # path, or what it is
    label: str
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something odd about a picture of many: it is enrolled all the same."""

    name: str
    label: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Alike:
    """Two labels, of which the first would be taken for the second."""

    label: str
    other: str
    similarity: float  # in [-1, 1]


@dataclass(frozen=True, slots=True)
class Enrollments:
    """What `enroll_many` stored, and what not."""

    pictures: int  # that were given
    labels: int  # that they are of, without those of which all were left out
    added: int  # examples stored by this call
    already: int  # pictures, the very same, that their labels had before
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[Noted, ...] = ()
    alike: tuple[Alike, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """An enrolled identity and how alike it is."""

    label: str
    similarity: float  # in [-1, 1]
    # id of the example of it that is most alike; None where the gallery gives none
    example: int | None = None


@dataclass(frozen=True, slots=True)
class Suspect:
    """A stranger of the owner's who may in truth be enrolled."""

    name: str  # of the class: its folder, or the picture
    label: str  # of the enrolled identity that it is like
    similarity: float  # in [-1, 1]
    pictures: int


@dataclass(frozen=True, slots=True)
class Unusable:
    """A picture that cannot be read, or holds nothing to recognize."""

    number: int  # among those that were given, from 1
    name: str  # path, or what it is
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class RateChange:
    """What own strangers change at one stated rate. None: nothing is known of the rate."""

    rate: float  # a fraction
    before: float | None  # similarity that is accepted
    after: float | None
    accepted_before: int | None  # of the pictures of these strangers
    accepted_after: int | None
    known: Known | None  # then; None: refused, or nobody is enrolled
    missing: int  # how many more people or things would guarantee the rate: 0 where these do


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a set of own strangers is, and what it changes."""

    batch: str | None  # id under which it is stored; None: it was not
    pictures: int  # without those that were left out
    classes: int  # people or things
    classes_in_all: int  # with the strangers that the gallery has already
    counts: bool  # whether they are enough to move the model's cohort to where they lie
    smallest_before: float  # the smallest rate that is at least estimated, a fraction; 1 if none
    smallest_after: float
    guaranteed_before: float  # the smallest rate that is guaranteed; 1 if none
    guaranteed_after: float
    rates: tuple[RateChange, ...]
    suspects: tuple[Suspect, ...]
    unusable: tuple[Unusable, ...] = ()  # pictures that were given and do not count


@dataclass(frozen=True, slots=True)
class UnlabeledCalibration:
    """What unlabeled pictures from the place of use are, and what they change."""

    batch: str | None  # id under which they are stored; None: they were not
    pictures: int  # without those that were left out
    pictures_in_all: int  # with the unlabeled ones that the gallery has already
    visitors: int  # people or things on all of them, as far as they can be told apart
    strangers: float | None  # the share of visitors who are not enrolled; None: too few enrolled
    another_kind: bool  # whether they are of another kind than what is enrolled
    smallest_before: float  # the smallest rate that is at least estimated, a fraction; 1 if none
    smallest_after: float
    rates: tuple[RateChange, ...]
    unusable: tuple[Unusable, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownRate:
    """What is known of one rate in a gallery."""

    rate: float  # a fraction
    known: Known | None  # None: it is refused
    source: Source | None
    threshold: float | None  # similarity that is accepted, the median over the enrolled
    # what a tenth of galleries like this let in at most, and a tenth at least, where the rate is
    # kept on average; None where no rank carries it
    band: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Drift:
    """Whether what was asked since a process began still looks like what set the threshold.

    Only numbers are kept, of the last probe that was nearest to each identity.
    """

    probes: int  # that count
    # "more alike" to others than the examples are, so that more strangers are let in than stated;
    # "less alike", so that fewer than could be are recognized; None: nothing shows either
    direction: Literal["more alike", "less alike"] | None
    p_value: float  # by chance alone; 1 where too few were asked


@dataclass(frozen=True, slots=True)
class StatedRate:
    """What one rate means in a gallery, and what it costs."""

    rate: float  # a fraction: the stated one, or the usual one
    known: Known | None  # None: nobody is enrolled
    source: Source | None
    threshold: float | None  # similarity that is accepted, the median over the enrolled
    # share of pictures of the enrolled that it turns away, as far as the model's cohort tells;
    # None where that tells nothing
    missed: float | None
    guaranteed: float  # the smallest rate that is guaranteed here; 1 if none
    estimated: float  # the smallest that is at least estimated; 1 if none
    drift: Drift  # since this process began


@dataclass(frozen=True, slots=True)
class Crowding:
    """Two identities that are so alike that they set the threshold of everybody."""

    labels: tuple[str, str]
    similarity: float
    threshold: float  # where no rate is stated
    without_one: float  # what it would be if one of the two were not there


@dataclass(frozen=True, slots=True)
class Searched:
    """What the index of a gallery finds, measured on those who are enrolled.

    Some of them are looked for by what is as unlike as is still accepted, at the usual rate. Whom
    the index misses is unknown. Strangers are let in no more often for that.
    """

    name: str  # of the index, without a password
    kind: str  # as the engine calls it
    asked: int
    missed: int
    at_most: float  # are missed: end of a 95 % interval; 0 if it is exact, 1 if none was asked


@dataclass(frozen=True, slots=True)
class Status:
    """What a gallery can say of strangers, and what it would take to say more."""

    enrolled: int  # N
    examples: int  # of all of them together
    own_classes: int  # people or things given with `calibrate`
    cohort_classes: int  # of the model pack, held back from its training
    data: str  # data set that they come from
    guaranteed: float  # the smallest rate that is guaranteed, a fraction; 1 if none
    estimated: float  # the smallest that is at least estimated; 1 if none
    usual: KnownRate  # where nobody states a rate
    rates: tuple[KnownRate, ...]
    target: float  # the rate that the next two are about, a fraction
    missing_enrolled: int | None  # how many more would guarantee it; None: identities with several
    # examples are no exact strangers to one another, so no number would
    missing_strangers: int  # how many more own strangers would
    # whether the enrolled are more alike to one another than the cohort is to them; None: unknown
    cohort_contradicted: bool | None
    crowding: Crowding | None
    drift: Drift  # since this process began
    index: Searched | None = None  # None: all are compared


@dataclass(frozen=True, slots=True)
class ScoreHistogram:
    """What one kind of impostors reaches: each its best similarity to the enrolled."""

    # the enrolled among themselves, own strangers, the model's cohort, whoever is on unlabeled
    # pictures, the runner-ups of what was asked since this process began
    source: ScoreSource
    count: int  # people or things that played
    shares: tuple[float, ...]  # [B] of their scores, in each bin; they sum to 1
    median: float  # half of the scores reach it
    tenth: float  # one in ten does
    highest: float


@dataclass(frozen=True, slots=True)
class Scores:
    """What impostors reach in a gallery, on one axis of similarity, and from where it accepts."""

    enrolled: int  # N; of fewer than three nothing is drawn
    edges: tuple[float, ...]  # [B + 1] similarities between the bins, ascending; empty: not drawn
    histograms: tuple[ScoreHistogram, ...]  # of each kind that there is
    rates: tuple[KnownRate, ...]  # from lenient to strict
    drift: Drift  # since this process began


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What became of feedback on a decision."""

    decision: str  # random id of the decision
    correct: bool
    added: int  # examples that `label` gained
    reasons: tuple[Reason, ...] = ()  # why a picture that was given teaches nothing
    label: str | None = None  # who gained them
    strangers: int = 0  # pictures of a stranger who is turned away from now on
    doubts: tuple[Reason, ...] = ()  # what speaks against what was stored all the same


@dataclass(frozen=True, slots=True)
class MeasuredRate:
    """What reviews show about one stated rate at this installation.

    A wrong match may also be an enrolled person taken for another, so `accepted` is at least the
    number of strangers that were let in.
    """

    rate_kind: Literal["fpir", "fmr"]
    rate: float  # the stated rate, a fraction
    matches: int  # reviewed
    accepted: int  # matches that were wrong
    unknowns: int  # reviewed
    missed: int  # unknowns that were wrong: somebody enrolled
    cannot_tell: int  # reviewed
    strangers: int  # wrong matches, and unknowns that were right
    value: float | None  # accepted / strangers; None where there are none
    low: float  # 95 % interval (Clopper and Pearson 1934), as if each review stood by itself
    high: float


@dataclass(frozen=True, slots=True)
class Basis:
    """Whose pictures set a threshold, and so for whom the stated rate is known.

    It holds for strangers like those; not for forgers, who try to be alike, nor for another source
    of pictures.
    """

    known: Known
    source: Source
    enrolled: int  # N
    data: str  # data set that the classes of the cohort come from
    cohort_classes: int  # of the model pack, held back from its training
    own_classes: int  # people or things given with `calibrate`
    smallest_guaranteed: float  # rate of this kind that could be guaranteed here; 1 if none


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one probe.

    `match`: `label` is accepted at the stated rate. `unknown`: nobody reaches the threshold.
    `cannot_tell`: two identities fit equally well, the picture is unfit, shows no face or cannot be
    read, or it is unlike anything that the model was prepared for; `reasons` say which.
    """

    answer: Answer
    label: str | None  # None unless match
    similarity: float | None  # of the best candidate; None when nobody is enrolled
    threshold: float | None  # similarity that is accepted; None when nobody is enrolled
    rate_kind: Literal["fpir", "fmr"]  # which rate was stated (ISO/IEC 19795-1)
    rate: float  # the stated rate, a fraction
    candidates: tuple[Candidate, ...]  # best first; empty only when nobody is enrolled
    probability: float | None  # that the best candidate is right; None where it cannot be said
    familiarity: float  # p-value in (0, 1]: small is unlike all that prepared the model
    reasons: tuple[Reason, ...]  # at least one
    id: str = ""  # signed by the gallery, for feedback; empty where it cannot sign
    promised: bool = True  # False: the threshold is a default, and does not keep the rate
    box: tuple[int, int, int, int] | None = None  # of a face: left, top, right, bottom, in px
    basis: Basis | None = None  # what the threshold stands on; None when nobody is enrolled
    tag: str | None = None  # only identities with this tag were compared; None: all
    quiet: bool = False  # a match with somebody who is known, and not to be announced
    confidence: float | None = None  # the share of galleries that keep the rate; None: on average

    def __repr__(self) -> str:
        """The answer in short; the token is left to `id`, all else to the fields."""
        said = [self.answer if self.label is None else f"{self.answer} {self.label!r}"]
        if self.candidates:
            best = self.candidates[0]
            alike = f"similarity {best.similarity:.3f}"
            said.append(alike if self.label else f"nearest {best.label!r} {alike}")
        if self.threshold is not None:
            said.append(f"accepted from {self.threshold:.3f}")
        said.append(f"{self.rate_kind} {self.rate:g}")
        if self.basis is not None:
            said.append(self.basis.known)
        if self.answer == "cannot_tell":
            said.append(self.reasons[0].code)
        return f"Decision({', '.join(said)})"

    @property
    def nearest_other(self) -> Candidate | None:
        """The identity that comes after the best one; None of fewer than two."""
        return self.candidates[1] if len(self.candidates) > 1 else None

    @property
    def margin(self) -> float | None:
        """How much more alike the best candidate is than the second, in [0, 2]; None of fewer."""
        if len(self.candidates) < 2:
            return None
        return self.candidates[0].similarity - self.candidates[1].similarity


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing that a picture shows; or nothing, and why."""

    box: tuple[int, int, int, int] | None  # of a face, in px from the upper left corner
    reasons: tuple[Reason, ...]
    vector: tuple[float, ...] | None  # [D] of length 1, which `vectors` takes elsewhere


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One of the things that a picture shows, and the decision on it."""

    decision: Decision
    vector: NDArray[np.float32] | None  # [D] unit; None where there was nothing to embed


@dataclass(frozen=True, slots=True)
class Visitor:
    """One who came by and got no match, as the inbox of a server has it."""

    id: str  # of the last picture
    number: int  # the later it came, the higher
    answer: Answer  # to that one, as all that follows
    at: datetime
    first: datetime  # when the first of the pictures came
    until: datetime  # when the last of them is erased
    pictures: tuple[str, ...]  # the ids of all that seem to show the same, newest first
    shown: bool  # whether the last one can be shown
    nearest: str | None  # the label of whom it resembles most; None: nobody was enrolled
    similarity: float | None  # to that one
    threshold: float | None  # that was needed
    rate: float  # the stated one, a fraction
    probability: float | None  # that it is that one; None where it cannot be said
    reasons: tuple[str, ...]  # their codes
    camera: str | None  # that saw it
    actor: str | None  # the key that asked


@dataclass(frozen=True, slots=True)
class LintedPicture:
    """A stored picture that its identity's other pictures do not vouch for."""

    label: str
    number: int  # of this identity's pictures, 1 the first that was enrolled
    taken_for: str | None  # who it would be taken for without it; None: it would be unknown
    own: float | None  # similarity to the identity's other pictures; None: it has none
    other: float | None  # to the most alike other identity; None: there is none
    example: int | None = None  # its id; None: it has none
    stranger: float | None = None  # to a stranger of a review, who turns it away; None: none does


@dataclass(frozen=True, slots=True)
class Confusion:
    """Two identities of whom one would be taken for the other."""

    labels: tuple[str, str]
    pictures: int  # that would be
    similarity: float  # the highest


@dataclass(frozen=True, slots=True)
class Need:
    """An identity that needs another picture, and why."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Lint:
    """What is the matter with the stored pictures, at one rate of strangers."""

    rate: float
    pictures: int  # that were looked at
    checked: int  # of these, whose identity has others to vouch for them
    missed: tuple[LintedPicture, ...]  # the least alike to their own first
    confusions: tuple[Confusion, ...]  # the most alike first
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """Long work of a server, as far as it is."""

    id: str
    kind: JobKind
    state: Literal["waiting", "running", "done", "failed", "canceled", "interrupted"]
    actor: str  # the name of the key that asked for it
    created: datetime
    ended: datetime | None  # None: it waits or runs
    done: int  # of what it goes through
    total: int  # 0: not known yet
    result: dict[str, Any] | None  # of a job that is done
    code: str | None  # of a job that failed or was interrupted: which kind of error
    problem: str | None
    remedy: str | None
    page: bool  # whether there is a report to look at
