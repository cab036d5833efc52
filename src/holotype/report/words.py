"""What an open-set test means for its owner, in sentences that follow from its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Literal

from holotype.evaluation.open_set_report import Identification
from holotype.report.basis import resting, whose
from holotype.report.phrases import interval, percent, pictures, spelled, stated, times
from holotype.report.proof import Proof, Subject

Tone = Literal["plain", "good", "bad", "advice"]
Verdict = Literal[
    "kept", "exceeded", "well below", "cannot say", "hardly answered", "not supported"
]

# Below so many classes of strangers, or of enrolled, figures are called thin.
FEW_CLASSES = 20
# A measured rate below this part of the stated one turns people away for nothing.
_WELL_BELOW = 1 / 3
# Where the interval reaches this multiple of the stated rate, nothing shows that it is kept.
_TWICE = 2
_FEW_MISSED = 0.05
# Where more get no answer, a rate was kept by not answering.
_UNANSWERED = 0.1
_CALIBRATED = 0.02
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that the owner should know."""

    tone: Tone
    text: str


def verdict(row: Identification) -> Verdict:
    """Whether the stated rate was kept, as far as the interval over classes can tell."""
    if row.fpir is None:
        return "not supported"
    if row.fpir.low > row.rate:
        return "exceeded"
    shares = (row.cannot_tell, row.strangers_cannot_tell)
    if any(share is not None and share.value > _UNANSWERED for share in shares):
        return "hardly answered"
    if row.fpir.high < _WELL_BELOW * row.rate:
        return "well below"
    return "cannot say" if row.fpir.high > _TWICE * row.rate else "kept"


def summary(proof: Proof) -> list[Remark]:
    """The whole test in a few remarks, the most important first."""
    subject = proof.subject
    remarks = []
    if subject is not None:
        remarks.append(_recognized(subject))
        if subject.rate is not None:
            remarks += _strangers(proof, subject)
    remarks += [*_not_supported(proof), *_default(proof)]
    if subject is not None:
        remarks += [*_confusion(proof, subject), *_cannot_tell(subject)]
    return [
        *remarks,
        *_not_acquired(proof),
        *_probability(proof),
        *_whose(proof),
        *_thin(proof),
    ]


def headline(proof: Proof) -> str:
    """The main finding in one line."""
    subject = proof.subject
    if subject is None:
        return "No stated rate is supported: nothing to measure."
    (k_shot, row), *_ = subject.rows
    assert row.fnir is not None
    assert row.fpir is not None
    found = f"{percent(1 - row.fnir.value)} recognized from {pictures(k_shot)}"
    if subject.rate is None:
        return f"With the default threshold, {found} and {percent(row.fpir.value)} of strangers in."
    if row.refused:
        found += f", where a stated {stated(subject.rate)} is supported"
    return f"{found}, but too many strangers let in." if verdict(row) == "exceeded" else f"{found}."


def setting(subject: Subject) -> str:
    """With which threshold: "at a stated 1 %"."""
    if subject.rate is None:
        return "with the default threshold"
    return f"at a stated {stated(subject.rate)}"


def _recognized(subject: Subject) -> Remark:
    """ "With one picture of each, at a stated 1 %, 61.3 % are recognized"; and with more."""
    (k_shot, first), *others = subject.rows
    assert first.fnir is not None
    text = (
        f"With {pictures(k_shot)} of each, {setting(subject)}, {percent(1 - first.fnir.value)} "
        f"are recognized (95 % interval: {percent(1 - first.fnir.high).removesuffix(' %')} to "
        f"{percent(1 - first.fnir.low)})"
    )
    idle = False
    for position, (count, row) in enumerate(others, start=1):
        assert row.fnir is not None
        gain = subject.gain(position)
        if gain is not None and gain.low <= 0:
            more = "a second picture makes" if count == 2 else f"{pictures(count)} make"
            text += f"; {more} {'none either' if idle else 'no difference that can be shown here'}"
            idle = True
            continue
        more = "a second picture makes" if count == 2 else f"{spelled(count)} make"
        text += f"; {more} it {percent(1 - row.fnir.value)}"
    partly = [row for _, row in subject.rows if row.refused]
    if partly:
        held, asked = partly[0].galleries, partly[0].galleries + partly[0].refused
        text += f". That rate is supported in {held:,} of {asked:,} galleries, which alone count"
    return Remark("plain", f"{text}.")


def _strangers(proof: Proof, subject: Subject) -> list[Remark]:
    """Whether strangers were kept out as stated: the rate of the summary first, then the rest."""
    rows = [row for each in proof.reports for row in each.identification if row.fpir is not None]
    k_shot, main = subject.rows[0]
    report = next(report for report in proof.reports if report.k_shot == k_shot)
    rate = stated(main.rate)
    assert main.fpir is not None
    measured = (
        f"at a stated {rate}, {percent(main.fpir.value)} of strangers were let in "
        f"({interval(main.fpir)})"
    )
    found: Verdict = verdict(main)
    exceeded = [row for row in rows if verdict(row) == "exceeded"]
    remarks = []
    if found == "exceeded":
        remarks.append(
            Remark(
                "bad",
                f"The stated rate was exceeded: {measured}, {times(main.fpir.value / main.rate)} "
                f"as many as stated. With a threshold that lets in {rate}, "
                f"{percent(1 - report.det.misses_at(main.rate))} would be recognized from "
                f"{pictures(k_shot)}.",
            )
        )
    elif found == "cannot say":
        remarks.append(
            Remark("plain", f"Too few to tell whether the stated rate is kept: {measured}.")
        )
    elif found == "hardly answered":
        assert main.strangers_cannot_tell is not None
        remarks.append(
            Remark(
                "bad",
                f"Whether the stated rate is kept cannot be said: {measured}, but "
                f"{percent(main.strangers_cannot_tell.value)} of them got no answer at all, nor "
                f"did {percent(main.cannot_tell.value if main.cannot_tell else 0)} of the "
                "enrolled.",
            )
        )
    elif found == "well below":
        remarks.append(
            Remark(
                "plain",
                f"Strangers were kept out more strictly than stated: {measured}. The price is paid "
                "by the enrolled who are missed; a looser rate would bring some of them back.",
            )
        )
    else:
        remarks.append(Remark("good", f"The stated rate was kept: {measured}."))
    elsewhere = [row for row in exceeded if row is not main]
    if elsewhere:
        worst = max(elsewhere, key=lambda row: (row.fpir.value if row.fpir else 0) / row.rate)
        assert worst.fpir is not None
        remarks.append(
            Remark(
                "bad",
                f"It was exceeded in {len(exceeded)} of the {len(rows)} rows with a stated rate, "
                f"at worst with {percent(worst.fpir.value)} of strangers let in at a stated "
                f"{stated(worst.rate)}.",
            )
        )
    if exceeded:
        remarks.append(
            Remark(
                "advice",
                "These strangers look more like the enrolled than those that set the thresholds. "
                "Give the gallery some of the same origin as yours (`holotype calibrate GALLERY "
                "FOLDER`): its thresholds then follow them. Until then, state a stricter rate, and "
                "measure again before it is relied on.",
            )
        )
    return remarks


def _not_supported(proof: Proof) -> list[Remark]:
    """Stated rates that were refused, in one remark."""
    parts = []
    for row in proof.reports[0].identification:
        found = [report.at(row.rate) for report in proof.reports]
        refused, asked = sum(r.refused for r in found), sum(r.refused + r.galleries for r in found)
        if refused:
            smallest = min((r.smallest for r in found if r.smallest), default=None)
            known = "none" if smallest is None else _rounded_up(smallest)
            often = "" if refused == asked else f"in {refused:,} of {asked:,} galleries; "
            parts.append(f"{stated(row.rate)} ({often}smallest supported rate: {known})")
    if not parts:
        return []
    who = " and ".join(whose(proof))
    listed = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    verb = "is" if len(parts) == 1 else "are"
    return [Remark("plain", f"A stated {listed} {verb} not supported by {who}.")]


def _rounded_up(rate: float) -> str:
    """A rate with two digits, not below what it is: as stated, it is supported."""
    step = 10.0 ** (floor(log10(rate)) - 1)
    return stated(ceil(rate / step - 1e-9) * step)


def _default(proof: Proof) -> list[Remark]:
    """What `identify` does with a stated rate that nothing supports, if the model has a default."""
    report = proof.reports[0]
    row = report.default
    if row is None or row.fpir is None or row.fnir is None or row.threshold is None:
        return []
    return [
        Remark(
            "plain",
            "At a rate that is not supported, `identify` falls back on the model's default, which "
            f"stands for no rate; it accepts from a similarity of {row.threshold:.2g} on. Measured "
            f"here with {pictures(report.k_shot)} of each: {percent(row.fpir.value)} of strangers "
            f"let in ({interval(row.fpir)}), {percent(1 - row.fnir.value)} of the enrolled "
            "recognized.",
        )
    ]


def _confusion(proof: Proof, subject: Subject) -> list[Remark]:
    """Why enrolled probes are missed, and what would bring them back."""
    k_shot, row = subject.rows[0]
    report = next(report for report in proof.reports if report.k_shot == k_shot)
    assert row.fnir is not None
    assert row.taken_for_another is not None
    remarks = []
    if row.taken_for_another.value > 0:
        remarks.append(
            Remark(
                "plain",
                f"Taken for another: {percent(row.taken_for_another.value)} of the enrolled "
                f"({interval(row.taken_for_another)}).",
            )
        )
    if row.fnir.value < _FEW_MISSED:
        return remarks
    confused = 1 - report.rank_one.value
    if confused > row.fnir.value / 2:
        text = (
            f"For {percent(confused)} somebody else comes first, whatever the threshold: the model "
            "itself mixes them up. More or better pictures of each, or a model that learned from "
            "things of this kind, help; another rate does not."
        )
        return [*remarks, Remark("advice", text)]
    looser = [
        other
        for other in report.identification
        if subject.rate is not None
        and other.rate > subject.rate
        and verdict(other) not in ("not supported", "exceeded", "hardly answered")
        and other.fnir is not None
        and other.fnir.value < row.fnir.value
    ]
    text = (
        f"Without a threshold, the right one comes first for {percent(report.rank_one.value)}: "
        "most that are missed are turned away, not confused."
    )
    if not looser:
        return [*remarks, Remark("plain", text)]
    nearest = min(looser, key=lambda other: other.rate)
    assert nearest.fnir is not None
    text += (
        f" At a stated {stated(nearest.rate)}, {percent(1 - nearest.fnir.value)} are recognized "
        f"from {pictures(report.k_shot)}."
    )
    return [*remarks, Remark("advice", text)]


def _cannot_tell(subject: Subject) -> list[Remark]:
    (_, row), *_ = subject.rows
    if row.cannot_tell is None or row.strangers_cannot_tell is None:
        return []
    if not row.cannot_tell.value and not row.strangers_cannot_tell.value:
        return []
    return [
        Remark(
            "plain",
            f"No answer, because it could not tell: {percent(row.cannot_tell.value)} of the "
            f"enrolled, which count as missed, and {percent(row.strangers_cannot_tell.value)} of "
            f"the strangers, which count as kept out. {_why(row)}",
        )
    ]


def _why(row: Identification) -> str:
    """Why enrolled and strangers got no answer."""
    both = row.enrolled_no_answer, row.strangers_no_answer
    assert both[0] is not None
    assert both[1] is not None
    parts = [
        f"{text} ({percent(enrolled)} and {percent(strangers)})"
        for text, enrolled, strangers in (
            ("the picture is unfit, or of another kind", both[0].unfit, both[1].unfit),
            ("it is unlike anything known", both[0].unfamiliar, both[1].unfamiliar),
            ("two of the enrolled fit equally well", both[0].tied, both[1].tied),
        )
        if enrolled or strangers
    ]
    return f"Why: {'; '.join(parts)}."


def _not_acquired(proof: Proof) -> list[Remark]:
    missing = len(proof.not_acquired)
    if not missing:
        return []
    named = ", ".join(proof.not_acquired[:_NAMED]) + (", ..." if missing > _NAMED else "")
    return [
        Remark(
            "plain",
            f"In {missing:,} pictures there was not one face to be found ({named}). They are "
            "counted nowhere in these figures; at the door, the enrolled among them are missed.",
        )
    ]


def _whose(proof: Proof) -> list[Remark]:
    """For whom the thresholds were made."""
    remarks = []
    ground = resting(proof)
    if ground:
        text = f"{ground} What a rate is worth with your strangers is what was measured here."
        remarks.append(Remark("plain", f"What a stated rate rests on: {text}"))
    own = proof.own_strangers
    if own is not None:
        remarks.append(
            Remark(
                "plain",
                f"The model has no strangers of its own, so {own.classes:,} classes were set aside "
                "for `holotype calibrate` and are asked nothing here. More of them support "
                "stricter rates.",
            )
        )
    return remarks


def _probability(proof: Proof) -> list[Remark]:
    found = proof.reports[0].reliability
    if found is None:
        return []
    gap = f"{100 * found.error:.1f} points"
    prior = f"{100 * proof.reports[0].stranger_prior:.0f} %"
    if found.error <= _CALIBRATED:
        return [
            Remark(
                "good",
                f"Its probabilities come true: stated and observed differ by {gap} on average, "
                f"with {prior} strangers among the probes.",
            )
        ]
    useless = found.brier >= found.brier_base
    return [
        Remark(
            "bad" if useless else "plain",
            f"Its probabilities are off by {gap} on average, with {prior} strangers among the "
            "probes" + ("; always stating the base rate would be better." if useless else "."),
        )
    ]


def _thin(proof: Proof) -> list[Remark]:
    report = proof.reports[0]
    scarce = min(report.strangers, report.enrolled)
    if scarce >= FEW_CLASSES:
        return []
    return [
        Remark(
            "advice",
            f"This is thin evidence: {report.classes} classes in all, {report.enrolled} enrolled "
            f"and {report.strangers} {'strangers' if report.strangers > 1 else 'stranger'} at a "
            "time. Other people or things may do better or worse by as much as the intervals say; "
            "more pictures of the same ones do not change that, more classes do.",
        )
    ]
