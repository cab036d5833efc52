"""From what was measured about one probe to the answer, with its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from holotype import scoring
from holotype.faces.boxes import Box
from holotype.records import Answer, Candidate, Decision, Reason
from holotype.scoring import Floats

# Probes that are less familiar than this share of never-seen classes are not judged.
UNFAMILIAR = 0.005
_CANDIDATES = 5
# Two identities closer than this are one picture enrolled under two labels, or rounding.
_TIE = 1e-6


def decide(
    labels: Sequence[str],
    similarity: Floats,
    *,
    threshold: float | None,
    rate_kind: Literal["fpir", "fmr"],
    rate: float,
    probability: float | None,
    familiarity: float,
    quality: Sequence[Reason],
    promised: bool = True,
    box: Box | None = None,
) -> Decision:
    """Answer for one probe.

    Args:
        labels: N, the enrolled, or the one that is claimed; none where `quality` says why there
            is nothing to compare with them.
        similarity: float32 [N].
        threshold: the similarity from which a probe is accepted; None when nobody is enrolled.
        rate_kind: which rate was stated.
        rate: the stated rate.
        probability: that the best candidate is right.
        familiarity: p-value in (0, 1].
        quality: what is wrong with the picture; empty for a fit one.
        promised: whether strangers set the threshold, so that it keeps the rate; False: it is a
            default.
        box: of a face.
    """
    best = scoring.top_k(similarity, _CANDIDATES)
    candidates = tuple(
        # Rounding may carry the product of two unit vectors past 1.
        Candidate(labels[i], float(np.clip(similarity[i], -1, 1)))
        for i in best
    )
    accepted = bool(candidates) and threshold is not None and similarity[best[0]] >= threshold
    doubts = list(quality)
    if accepted and len(best) > 1 and tied(similarity[best[0]], similarity[best[1]]):
        first, second = (candidate.label for candidate in candidates[:2])
        doubts.append(Reason("close_second", f"{first} and {second} fit equally well"))
    doubts.extend(unfamiliar(familiarity))
    answer: Answer = "cannot_tell" if doubts else "match" if accepted else "unknown"
    reasons = list(doubts)
    if candidates or threshold is None:
        reasons.append(_by_threshold(candidates, threshold, accepted))
    if not promised:
        text = (
            f"the threshold is a default: too few strangers were shown here to promise {rate:.3g}, "
            "and how many are accepted is not known. Show more with `holotype calibrate`"
        )
        reasons.append(Reason("not_measured", text))
    return Decision(
        answer=answer,
        label=candidates[0].label if answer == "match" else None,
        similarity=candidates[0].similarity if candidates else None,
        threshold=threshold,
        rate_kind=rate_kind,
        rate=rate,
        candidates=candidates,
        probability=probability,
        familiarity=familiarity,
        reasons=tuple(reasons),
        promised=promised,
        box=box,
    )


def tied(
    best: NDArray[np.float32] | np.float32, second: NDArray[np.float32] | np.float32
) -> NDArray[np.bool_] | np.bool_:
    """Whether two identities fit equally well, elementwise; both then get no match.

    Args:
        best: similarity of the first, in [-1, 1].
        second: of the runner-up.
    """
    return best - second <= _TIE


def unfamiliar(familiarity: float) -> tuple[Reason, ...]:
    """The reason not to judge what is unlike all that prepared the model; empty for others."""
    if familiarity > UNFAMILIAR:
        return ()
    text = f"it is unlike anything that the model was prepared for (p = {familiarity:.2g})"
    return (Reason("unfamiliar", text),)


def _by_threshold(
    candidates: Sequence[Candidate], threshold: float | None, accepted: bool
) -> Reason:
    if threshold is None:
        return Reason("nobody_enrolled", "nobody is enrolled")
    best, *others = candidates
    after = f"; {others[0].label} comes next, alike by {others[0].similarity:.2f}" if others else ""
    if accepted:
        text = f"{best.label} is alike by {best.similarity:.2f}, and {threshold:.2f} was needed"
        return Reason("above_threshold", text + after)
    text = f"{best.label} is nearest, alike by {best.similarity:.2f}; {threshold:.2f} was needed"
    return Reason("below_threshold", text + after)
