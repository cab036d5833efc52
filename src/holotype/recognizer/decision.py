"""What the matcher answered, as Decisions with their reasons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from holotype.domains.domain import Detected
from holotype.image import quality
from holotype.openset import Matches
from holotype.openset.matcher import UNFAMILIAR
from holotype.recognizer.state import State
from holotype.records import Answer, Basis, Candidate, Decision, Reason

CANDIDATES = 5


def signed(
    state: State,
    found: Sequence[Detected],
    matches: Matches,
    probability: NDArray[np.float64],
    claim: int | None,
) -> list[Decision]:
    """The decision on each thing that was detected, with the token that feedback names.

    Args:
        state: of the gallery.
        found: what was detected, or why nothing was.
        matches: the answers to those that have a vector, in their order.
        probability: float64, of each of these that the best candidate is right; NaN where it
            cannot be said.
        claim: the place of the claimed identity among the labels; None: all were compared.
    """
    snapshot, compared = state.snapshot, matches.compared
    decisions, row = [], 0
    for one in found:
        if one.vector is None:
            decision, best = _undetected(matches, one.reasons), claim
        else:
            examples = [
                state.nearest_example(at, one.vector) for at in compared.candidates[row].tolist()
            ]
            decision = _decided(matches, row, state.labels, one, float(probability[row]), examples)
            best = int(matches.best[row]) if state.labels else None
            if claim is None and decision.answer != "match":
                over = state.over(one.vector, matches.threshold[row])
                decision = replace(decision, reasons=(*over, *decision.reasons))
            row += 1
        identity = None if best is None else snapshot.identities[best]
        token = snapshot.sign(
            {
                "answer": decision.answer,
                "identity": identity,
                "similarity": decision.similarity,
                "threshold": decision.threshold,
                "rate_kind": matches.rate_kind,
                "rate": matches.rate,
            }
        )
        quiet = decision.answer == "match" and identity in snapshot.quiet
        decisions.append(replace(decision, id=token, quiet=quiet))
    return decisions


def basis_of(state: State, matches: Matches, claim: int | None, data: str) -> Basis | None:
    """Whose pictures set the threshold; None where nobody is enrolled.

    Args:
        state: of the gallery.
        matches: what was answered.
        claim: as for `signed`.
        data: the data set that the cohort comes from.
    """
    if not state.labels:
        return None
    evidence = state.matcher.evidence
    return Basis(
        known=matches.basis,
        source=matches.source,
        enrolled=len(state.labels),
        data=data,
        cohort_classes=state.matcher.model.cohort.classes,
        own_classes=evidence.impostors.site_classes,
        smallest_guaranteed=state.matcher.smallest_rate(guaranteed=True, claim=claim),
    )


def _decided(
    matches: Matches,
    row: int,
    labels: Sequence[str],
    shown: Detected,
    probability: float,
    examples: Sequence[int | None],
) -> Decision:
    """The decision on one of the probes that were matched.

    Args:
        matches: the answers.
        row: which of them.
        labels: N, the enrolled.
        shown: what was detected.
        probability: that the best candidate is right; NaN where it cannot be said.
        examples: of each candidate the id of its most alike example, if it has any.
    """
    compared = matches.compared
    candidates = tuple(
        # Rounding may carry the product of two unit vectors past 1.
        Candidate(labels[at], min(max(similarity, -1.0), 1.0), example)
        for at, similarity, example in zip(
            compared.candidates[row].tolist(),
            compared.similarity[row].tolist(),
            examples,
            strict=True,
        )
    )
    familiarity = float(compared.familiarity[row])
    reasons = list(quality.serious(shown.reasons))
    if matches.tied[row]:
        first, second = (candidate.label for candidate in candidates[:2])
        reasons.append(Reason("close_second", f"{first} and {second} fit equally well"))
    if matches.unfamiliar[row]:
        reasons.append(unfamiliar(familiarity))
    if matches.taken[row]:
        text = f"{candidates[0].label} is somebody else in this picture, who is more alike"
        reasons.append(Reason("taken", text))
    threshold = float(matches.threshold[row]) if candidates else None
    turned = matches.turned is not None and bool(matches.turned[row])
    if turned and compared.stranger is not None:
        text = (
            f"it is more alike to a stranger who was turned away before, by "
            f"{compared.stranger[row]:.2f}, than to {candidates[0].label}"
        )
        reasons.append(Reason("turned_away", text))
        probability = math.nan  # it knows of the similarity alone
    reached = turned or bool(matches.accepted[row])
    reasons.append(_by_threshold(candidates, threshold, reached))
    reasons += _not_measured(matches)
    reasons += quality.beside(shown.reasons)
    answer: Answer = (
        "cannot_tell" if matches.cannot_tell[row] else "match" if matches.match[row] else "unknown"
    )
    return Decision(
        answer=answer,
        label=candidates[0].label if answer == "match" else None,
        similarity=candidates[0].similarity if candidates else None,
        threshold=threshold,
        rate_kind=matches.rate_kind,
        rate=matches.rate,
        candidates=candidates,
        probability=None if math.isnan(probability) else probability,
        familiarity=familiarity,
        reasons=tuple(reasons),
        promised=matches.basis != "default",
        box=shown.box,
    )


def _undetected(matches: Matches, why: Sequence[Reason]) -> Decision:
    """The decision on a picture that shows nothing to compare, such as no face.

    Args:
        matches: the answers to whatever else was shown.
        why: there is nothing; at least one reason.
    """
    nobody = [] if matches.thresholds.size else [_by_threshold((), None, False)]
    return Decision(
        answer="cannot_tell",
        label=None,
        similarity=None,
        threshold=float(matches.thresholds.max()) if matches.thresholds.size else None,
        rate_kind=matches.rate_kind,
        rate=matches.rate,
        candidates=(),
        probability=None,
        familiarity=1.0,
        reasons=(*why, *nobody, *_not_measured(matches)),
        promised=matches.basis != "default",
    )


def unfamiliar(familiarity: float) -> Reason:
    """The reason not to judge what is unlike all that prepared the model."""
    text = f"it is unlike anything that the model was prepared for (p = {familiarity:.2g})"
    return Reason("unfamiliar", text)


def unfamiliar_reasons(familiarity: NDArray[np.float64]) -> list[tuple[Reason, ...]]:
    """For each of B pictures, whether it is unlike all that prepared the model.

    Args:
        familiarity: float64 [B], p-values.
    """
    return [
        (unfamiliar(p_value),) if p_value <= UNFAMILIAR else () for p_value in familiarity.tolist()
    ]


def _not_measured(matches: Matches) -> list[Reason]:
    if matches.basis != "default":
        return []
    text = (
        "the threshold is a default: too few strangers were shown here to say what "
        f"{matches.rate:.3g} takes, and how many are accepted is not known. Show more with "
        "`holotype calibrate`"
    )
    return [Reason("not_measured", text)]


def _by_threshold(
    candidates: Sequence[Candidate], threshold: float | None, reached: bool
) -> Reason:
    if threshold is None:
        return Reason("nobody_enrolled", "nobody is enrolled")
    best, *others = candidates
    after = f"; {others[0].label} comes next, alike by {others[0].similarity:.2f}" if others else ""
    if reached:
        text = f"{best.label} is alike by {best.similarity:.2f}, and {threshold:.2f} was needed"
        return Reason("above_threshold", text + after)
    text = f"{best.label} is nearest, alike by {best.similarity:.2f}; {threshold:.2f} was needed"
    return Reason("below_threshold", text + after)
