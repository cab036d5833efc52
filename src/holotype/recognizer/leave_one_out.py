"""Which stored pictures do harm: each is left out of its gallery, and asked like a probe."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holotype.openset import Matcher, parse_rate
from holotype.openset.matcher import Compared
from holotype.recognizer.recognizer import Recognizer
from holotype.recognizer.state import is_described
from holotype.records import Confusion, Lint, LintedPicture, Need
from holotype.stats import scoring
from holotype.stats.scoring import Floats


def lint(recognizer: Recognizer, fpir: float | str | None = None) -> Lint:
    """Leave out each stored picture, and tell what would become of it.

    Strangers of reviews weigh as they do in `identify`: whoever is more alike to one is turned
    away.

    Args:
        recognizer: whose gallery it is.
        fpir: the share of strangers that may be accepted; None as for `identify`.

    Raises:
        GalleryError: the gallery cannot be read.
        RateError: as for `identify`.
    """
    rate = None if fpir is None else parse_rate(fpir, "fpir")
    state = recognizer.state
    snapshot, labels = state.snapshot, state.labels
    owner, count = snapshot.owner, np.bincount(snapshot.owner, minlength=len(labels))
    compared, own, other = left_out(state.matcher, snapshot.vectors, owner)
    found = state.matcher.decide(compared, rate)
    if not labels:
        return Lint(found.rate, 0, 0, (), (), ())
    alone = count[owner] == 1
    shown = ~is_described(snapshot)  # whether a text is alike to anybody's pictures says nothing
    wrong = found.match & (found.best != owner) & shown
    failed = ~(found.match & (found.best == owner)) & ~alone & shown
    place = _places(owner)
    missed = [
        LintedPicture(
            labels[owner[row]],
            int(place[row]) + 1,
            labels[found.best[row]] if wrong[row] else None,
            float(own[row]),
            float(other[row]) if len(labels) > 1 else None,
            int(snapshot.examples[row]) if len(snapshot.examples) else None,
            float(compared.stranger[row])
            if compared.stranger is not None and found.turned is not None and found.turned[row]
            else None,
        )
        for row in np.flatnonzero(failed).tolist()
    ]
    missed.sort(key=lambda one: one.own if one.own is not None else 0.0)
    confusions: dict[tuple[int, int], list[float]] = {}
    for row in np.flatnonzero(wrong).tolist():
        pair = sorted((int(owner[row]), int(found.best[row])))
        confusions.setdefault((pair[0], pair[1]), []).append(float(other[row]))
    needs = []
    mistaken = _mistaken(state.matcher, rate)
    failing = np.bincount(owner[failed], minlength=len(labels))
    for at, label in enumerate(labels):
        if 2 * failing[at] >= count[at] > 1:
            of = f"{failing[at]} of its {count[at]} pictures would be missed without themselves"
            needs.append(Need(label, of))
        elif count[at] == 1 and wrong[owner == at].any():
            needs.append(Need(label, "its only picture is as alike to another as a match must be"))
        elif at in mistaken:
            of = "a stranger of a review is as alike to it as a match must be"
            needs.append(Need(label, of))
    return Lint(
        rate=found.rate,
        pictures=int(shown.sum()),
        checked=int((~alone & shown).sum()),
        missed=tuple(missed),
        confusions=tuple(
            Confusion((labels[one], labels[two]), len(values), max(values))
            for (one, two), values in sorted(confusions.items(), key=lambda x: -max(x[1]))
        ),
        needs=tuple(needs),
    )


def _mistaken(matcher: Matcher, rate: float | None) -> set[int]:
    """For whom the strangers of reviews would be taken, if they were not known for such."""
    if matcher.turned is None:
        return set()
    nearest = (matcher.turned @ matcher.prototypes.T).argmax(axis=1)
    reached = matcher.would_match(matcher.turned, rate)
    return set(nearest[reached[np.arange(len(nearest)), nearest]].tolist())


def left_out(
    matcher: Matcher, vectors: Floats, owner: NDArray[np.int64]
) -> tuple[Compared, Floats, Floats]:
    """Every example as a probe of the gallery without it, at this gallery's thresholds.

    Args:
        matcher: of N identities.
        vectors: float32 unit [M, D], all examples.
        owner: int64 [M], whose each is.

    Returns:
        The two most alike identities of each; what it reaches with its own other examples, and
        with the most alike other identity: float32 [M] each, -1 where there is nobody.
    """
    count = len(matcher.prototypes)
    places = min(2, count)
    many = np.bincount(owner, minlength=count) > 1
    total = np.zeros((count, vectors.shape[1]), np.float32)
    np.add.at(total, owner, vectors)
    own, other = np.full((2, len(vectors)), -1, np.float32)
    found = np.empty((len(vectors), places), np.int64)
    reached = np.empty((len(vectors), places), np.float32)
    for row, vector in enumerate(vectors):
        similarity = matcher.prototypes @ vector
        rest = total[owner[row]] - vector
        length = float(np.linalg.norm(rest))
        if many[owner[row]] and length > 0:
            own[row] = rest @ vector / length
        similarity[owner[row]] = -1
        other[row] = similarity.max()
        similarity[owner[row]] = own[row]
        found[row] = scoring.top_k(similarity, places)
        reached[row] = similarity[found[row]]
    familiarity = matcher.model.novelty.p_value(vectors)
    turned = matcher.nearest_turned(vectors)
    return Compared(None, found, reached, familiarity, turned), own, other


def _places(owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which of its identity's examples each is, 0 the first: int64 [M]."""
    order = np.argsort(owner, kind="stable")
    result = np.empty(len(owner), np.int64)
    result[order] = np.arange(len(owner)) - np.searchsorted(owner[order], owner[order])
    return result
