from __future__ import annotations

import numpy as np
import pytest

from holotype.openset import Cohort, CohortModel, Matcher
from holotype.openset.drift import LEVEL, MIN_PROBES, Drift, drift
from holotype.stats.scoring import unit

DIM, KINDS, SIZE = 32, 10, 60


def asked(
    seed: int, strangers: float = 0.5, moved: float = 0.0, blurred: float = 0.0, k_shot: int = 1
) -> Drift:
    """What sixty probes of sixty classes show against a gallery of sixty."""
    rng = np.random.default_rng(seed)
    classes = rng.normal(size=(KINDS, DIM))[rng.integers(KINDS, size=2 * SIZE)]
    classes += rng.normal(size=classes.shape)
    who = np.where(rng.random(SIZE) < strangers, SIZE, 0) + np.arange(SIZE)
    examples = classes[:SIZE, None] + 0.5 * rng.normal(size=(SIZE, k_shot, DIM))
    direction = unit(rng.normal(size=DIM))
    probes = classes[who] + 0.5 * rng.normal(size=(SIZE, DIM)) + moved * DIM**0.5 * direction
    probes += blurred * rng.normal(size=probes.shape)
    matcher = Matcher.of_support(CohortModel.of(Cohort.none(DIM)), unit(examples))
    return drift(matcher.evidence.enrolled, last_of(matcher, unit(probes)))


def last_of(matcher: Matcher, probes: np.ndarray) -> dict[int, tuple[float, float]]:
    compared = matcher.compare(probes)
    return {
        int(at[0]): (float(similarity[0]), float(similarity[1]))
        for at, similarity in zip(compared.candidates, compared.similarity, strict=True)
    }


@pytest.mark.parametrize("strangers", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("k_shot", [1, 3])
def test_where_nothing_has_changed_hardly_anything_is_told(strangers: float, k_shot: int) -> None:
    told = [asked(seed, strangers, k_shot=k_shot).direction is not None for seed in range(150)]
    # At a level of 1 %, six or more of 150 come once in 250 such tests.
    assert LEVEL == 0.01
    assert sum(told) <= 5


def test_probes_that_are_all_moved_are_told_of() -> None:
    found = [asked(seed, moved=3.0).direction for seed in range(20)]
    assert sum(direction is not None for direction in found) >= 11


def test_probes_that_are_blurred_are_less_alike() -> None:
    found = [asked(seed, strangers=0.0, blurred=2.0).direction for seed in range(20)]
    assert found.count("less alike") >= 11
    assert "more alike" not in found


def test_others_may_ask_while_it_is_looked_at() -> None:
    last: dict[object, tuple[float, float]] = {}

    class Key:
        """Whose look-up is the moment at which another thread asks."""

        def __hash__(self) -> int:
            last[f"v{len(last)}"] = 0.9, 0.8
            return 0

    last[Key()] = 0.9, 0.8
    vectors = unit(np.random.default_rng(0).normal(size=(30, DIM)))
    matcher = Matcher.of(CohortModel.of(Cohort.none(DIM)), vectors)
    assert drift(matcher.evidence.enrolled, last) == Drift(0, None, 1.0)


def test_few_probes_show_nothing_and_who_has_left_does_not_count() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(30, DIM)))
    matcher = Matcher.of(CohortModel.of(Cohort.none(DIM)), vectors)
    few = dict.fromkeys(range(MIN_PROBES - 1), (0.99, 0.98))
    assert drift(matcher.evidence.enrolled, few) == Drift(MIN_PROBES - 1, None, 1.0)
    gone = few | dict.fromkeys(range(100, 200), (0.99, 0.98))
    assert drift(matcher.evidence.enrolled, gone).probes == MIN_PROBES - 1
    enough = few | {20: (0.99, 0.98)}
    assert drift(matcher.evidence.enrolled, enough).direction == "more alike"
    one = Matcher.of(CohortModel.of(Cohort.none(DIM)), vectors[:1])
    assert drift(one.evidence.enrolled, {0: (0.9, 0.1)}).direction is None
