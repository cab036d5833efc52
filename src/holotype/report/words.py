"""What an open-set test means for its owner, in sentences that follow from its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from holotype.report.phrases import interval, of, one_in, out_of, percent, pictures, spelled, times
from holotype.report.proof import Proof
from holotype.tasks.open_set_report import Identification

Tone = Literal["plain", "good", "bad", "advice"]
Verdict = Literal["kept", "exceeded", "well below", "cannot say", "refused"]

# Below so many classes of strangers, or of enrolled, figures are called thin.
FEW_CLASSES = 20
# A measured rate below this part of the stated one turns people away for nothing.
_WELL_BELOW = 1 / 3
# Where the interval reaches this multiple of the stated rate, nothing shows that it is kept.
_TWICE = 2
_FEW_MISSED = 0.05
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
        return "refused"
    if row.fpir.low > row.rate:
        return "exceeded"
    if row.fpir.high < _WELL_BELOW * row.rate:
        return "well below"
    return "cannot say" if row.fpir.high > _TWICE * row.rate else "kept"


def summary(proof: Proof) -> list[Remark]:
    """The whole test in a few remarks, the most important first."""
    rate = proof.rate
    remarks = [] if rate is None else [_recognized(proof, rate), *_promise(proof, rate)]
    remarks += _refusals(proof)
    if rate is not None:
        remarks += [*_confusion(proof, rate), *_cannot_tell(proof, rate)]
    return [*remarks, *_not_acquired(proof), *_probability(proof), *_own(proof), *_thin(proof)]


def headline(proof: Proof) -> str:
    """The main finding in one line."""
    rate = proof.rate
    if rate is None:
        return "No rate could be promised."
    (k_shot, row), *_ = proof.rows(rate)
    assert row.fnir is not None
    found = f"{_capital(of(1 - row.fnir.value))} recognized from {pictures(k_shot)}"
    return f"{found}, but too many strangers let in." if verdict(row) == "exceeded" else f"{found}."


def _recognized(proof: Proof, rate: float) -> Remark:
    """ "With one picture of each, at 1 stranger in 100, 6 of 10 are recognized"; and with more."""
    (k_shot, first), *others = proof.rows(rate)
    assert first.fnir is not None
    share = 1 - first.fnir.value
    broken = "a stated " if verdict(first) == "exceeded" else ""
    text = (
        f"With {pictures(k_shot)} of each, at {broken}{one_in(rate)}, {of(share)} "
        f"{'is' if of(share).startswith('1 ') else 'are'} recognized "
        f"(95 % interval: {percent(1 - first.fnir.high).removesuffix(' %')} to "
        f"{percent(1 - first.fnir.low)})"
    )
    before, idle = out_of(share), False
    for position, (count, row) in enumerate(others, start=1):
        assert row.fnir is not None
        if proof.gain(rate, position).low <= 0:
            more = "a second picture makes" if count == 2 else f"{pictures(count)} make"
            text += f"; {more} {'none either' if idle else 'no difference that can be shown here'}"
            idle = True
            continue
        share = 1 - row.fnir.value
        now = out_of(share)
        if now == before:  # better, but not in so few words
            now = f"{100 * share:.0f}", "100"
        said = now[0] if now[1] == before[1] else " of ".join(filter(None, now))
        text += (
            f"; {'a second picture makes' if count == 2 else f'{spelled(count)} make'} it {said}"
        )
        before = now
    return Remark("plain", f"{text}.")


def _promise(proof: Proof, rate: float) -> list[Remark]:
    """Whether strangers were kept out as stated: the rate of the summary first, then the rest."""
    rows = [row for each in proof.reports for row in each.identification if row.fpir is not None]
    report = proof.reports[0]
    main = report.at(rate)
    assert main.fpir is not None
    measured = (
        f"where {one_in(rate)} may be let in, {percent(main.fpir.value)} of them were "
        f"({interval(main.fpir)})"
    )
    found: Verdict = verdict(main)
    broken = [row for row in rows if verdict(row) == "exceeded"]
    remarks = []
    if found == "exceeded":
        remarks.append(
            Remark(
                "bad",
                f"The promise was broken: {measured}, {times(main.fpir.value / rate)} as many as "
                f"stated. With a threshold that lets in {one_in(rate)}, "
                f"{of(1 - report.det.misses_at(rate))} would be recognized from "
                f"{pictures(report.k_shot)}.",
            )
        )
    elif found == "cannot say":
        remarks.append(Remark("plain", f"Too few to tell whether the promise is kept: {measured}."))
    elif found == "well below":
        remarks.append(
            Remark(
                "plain",
                f"Strangers were kept out more strictly than stated: {measured}. The price is paid "
                "by the enrolled who are missed; a looser rate would bring some of them back.",
            )
        )
    else:
        remarks.append(Remark("good", f"The promise was kept: {measured}."))
    elsewhere = [row for row in broken if row is not main]
    if elsewhere:
        worst = max(elsewhere, key=lambda row: (row.fpir.value if row.fpir else 0) / row.rate)
        assert worst.fpir is not None
        remarks.append(
            Remark(
                "bad",
                f"It was broken in {len(broken)} of the {len(rows)} rows of the table, at worst "
                f"with {percent(worst.fpir.value)} of strangers let in at a stated "
                f"{one_in(worst.rate)}.",
            )
        )
    if broken:
        remarks.append(
            Remark(
                "advice",
                f"These strangers look more like the enrolled than those that {_whose(proof)}. "
                "Give the gallery some of the same origin as yours (`holotype calibrate GALLERY "
                "FOLDER`): its thresholds then follow them. Until then, state a stricter rate, and "
                "measure again before it is relied on.",
            )
        )
    return remarks


def _refusals(proof: Proof) -> list[Remark]:
    """Rates that could not be promised, each once."""
    remarks = []
    for row in proof.reports[0].identification:
        rows = [report.at(row.rate) for report in proof.reports]
        refused, asked = sum(r.refused for r in rows), sum(r.refused + r.galleries for r in rows)
        why = next((r.refusal for r in rows if r.refusal), None)
        if refused:
            often = "" if refused == asked else f" in {refused:,} of {asked:,} galleries"
            remarks.append(
                Remark(
                    "plain",
                    f"{one_in(row.rate)} was refused{often} rather than promised in vain: {why}.",
                )
            )
    return remarks


def _confusion(proof: Proof, rate: float) -> list[Remark]:
    """Why enrolled probes are missed, and what would bring them back."""
    report, (_, row) = proof.reports[0], proof.rows(rate)[0]
    assert row.fnir is not None
    assert row.taken_for_another is not None
    remarks = []
    if row.taken_for_another.value > 0:
        remarks.append(
            Remark(
                "plain",
                f"Taken for another: {of(row.taken_for_another.value)} of the enrolled "
                f"({interval(row.taken_for_another)}).",
            )
        )
    if row.fnir.value < _FEW_MISSED:
        return remarks
    confused = 1 - report.rank_one.value
    if confused > row.fnir.value / 2:
        text = (
            f"For {of(confused)} somebody else comes first, whatever the threshold: the model "
            "itself mixes them up. More or better pictures of each, or a model that learned from "
            "things of this kind, help; another rate does not."
        )
        return [*remarks, Remark("advice", text)]
    looser = [
        other
        for other in report.identification
        if other.rate > rate
        and verdict(other) not in ("refused", "exceeded")
        and other.fnir is not None
        and other.fnir.value < row.fnir.value
    ]
    text = (
        f"Without a threshold, the right one comes first for {of(report.rank_one.value)}: most "
        "that are missed are turned away, not confused."
    )
    if not looser:
        return [*remarks, Remark("plain", text)]
    nearest = min(looser, key=lambda other: other.rate)
    assert nearest.fnir is not None
    text += (
        f" Whoever can bear {one_in(nearest.rate)} gets {of(1 - nearest.fnir.value)} recognized "
        f"from {pictures(report.k_shot)}."
    )
    return [*remarks, Remark("advice", text)]


def _cannot_tell(proof: Proof, rate: float) -> list[Remark]:
    (_, row), *_ = proof.rows(rate)
    if row.cannot_tell is None or row.cannot_tell.value == 0:
        return []
    assert row.strangers_cannot_tell is not None
    return [
        Remark(
            "plain",
            f"No answer, because it could not tell: {percent(row.cannot_tell.value)} of the "
            f"enrolled, which count as missed, and {percent(row.strangers_cannot_tell.value)} of "
            "the strangers, which count as kept out.",
        )
    ]


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


def _own(proof: Proof) -> list[Remark]:
    own = proof.own_strangers
    if own is None:
        return []
    text = (
        f"The model has no strangers of its own, so {own.classes} classes were set aside for "
        "`holotype calibrate` and are asked nothing here. More of them support stricter rates."
    )
    if own.default is not None:
        text += (
            f" Where a rate is refused, `identify` accepts from a similarity of {own.default:g} "
            "or more on, and says that nothing is promised."
        )
    return [Remark("plain", text)]


def _whose(proof: Proof) -> str:
    return "the model brought along" if proof.own_strangers is None else "were set aside"


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


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
