"""Words in place of pictures: what a threshold rests on then, and that it keeps its rate."""

from __future__ import annotations

import numpy as np
import pytest

from holotype.errors import RateError
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.openset.described import DescribedEvidence, MixedEvidence
from holotype.openset.evidence import Evidence
from holotype.stats.scoring import unit

DIM, RATE = 24, 0.1


class World:
    """Classes with pictures around them; what sets all texts apart moves each text away."""

    def __init__(self, seed: int, classes: int, apart: float = 3) -> None:
        self.rng = np.random.default_rng(seed)
        self.centers = self.rng.normal(size=(classes, DIM))
        self.apart = apart * self.rng.normal(size=DIM)

    def pictures(self, classes: np.ndarray) -> np.ndarray:
        return unit(self.centers[classes] + 0.5 * self.rng.normal(size=(len(classes), DIM)))

    def texts(self, classes: np.ndarray) -> np.ndarray:
        return unit(self.centers[classes] + self.apart + self.rng.normal(size=(len(classes), DIM)))


def matcher_of(
    world: World, shown: int, described: int, cohort: int = 0, own: int = 0
) -> tuple[Matcher, np.ndarray]:
    """A gallery, and the classes that are nowhere in it."""
    order = np.arange(len(world.centers))
    enrolled, order = order[: shown + described], order[shown + described :]
    others, order = order[:cohort], order[cohort:]
    site, order = order[:own], order[own:]
    vectors = np.concatenate([world.pictures(enrolled[:shown]), world.texts(enrolled[shown:])])
    found = Matcher.of(
        CohortModel.of(Cohort(world.pictures(others), np.arange(cohort))),
        vectors,
        (np.arange(len(vectors)) < shown).astype(np.int64),
        site=Cohort(world.pictures(site), np.arange(own)),
    )
    return found, order


@pytest.mark.parametrize(
    ("shown", "described", "kind"),
    [(5, 0, Evidence), (0, 5, DescribedEvidence), (2, 3, MixedEvidence)],
)
def test_each_kind_has_its_evidence(shown: int, described: int, kind: type[Evidence]) -> None:
    matcher, _ = matcher_of(World(0, 10), shown, described)
    assert type(matcher.evidence) is kind


def test_texts_alone_promise_nothing() -> None:
    """However many they are: they are no strangers to one another as pictures are."""
    matcher, strangers = matcher_of(World(0, 130), 0, 100)
    assert matcher.smallest_rate() == 1
    for rate in (0.5, 0.1):
        with pytest.raises(RateError, match="100 enrolled by description alone") as refused:
            matcher.threshold(rate)
        assert refused.value.smallest is None
        with pytest.raises(RateError):
            matcher.threshold(rate, claim=3)
    usual = matcher.threshold(None)
    assert usual.basis == "default"
    assert not matcher.match(World(0, 130).pictures(strangers), None).match.any()


@pytest.mark.parametrize(("shown", "described"), [(0, 20), (10, 10)])
@pytest.mark.parametrize(("cohort", "own", "basis"), [(200, 0, "estimated"), (0, 60, "guaranteed")])
def test_the_rate_is_kept(shown: int, described: int, cohort: int, own: int, basis: str) -> None:
    accepted, missed = [], []
    for seed in range(30):
        world = World(seed, 20 + cohort + own + 60)
        matcher, strangers = matcher_of(world, shown, described, cohort, own)
        found = matcher.match(world.pictures(strangers), RATE)
        assert found.basis == (basis if not shown or own else "estimated")
        accepted.append(found.match.mean())
        known = matcher.match(world.pictures(np.arange(20)), RATE)
        missed.append(1 - (known.match & (known.best == np.arange(20))).mean())
    assert np.mean(accepted) <= RATE * 1.15
    assert np.mean(missed) < 0.9  # and that is not by turning everybody away


def test_each_kind_is_judged_by_its_own_level() -> None:
    matcher, _ = matcher_of(World(1, 300, apart=8), 10, 10, cohort=280)
    values = matcher.threshold(RATE).values
    shown, told = values[:10], values[10:]
    assert shown.min() > told.max() + 0.03  # these texts lie close together
    assert len(set(shown.tolist())) == len(set(told.tolist())) == 1
    _, part = matcher.evidence.parts[1]
    assert matcher.threshold(RATE, claim=19).values == part.threshold(RATE, claim=9).values


def test_one_with_both_is_no_described_one() -> None:
    world = World(2, 30)
    pictures, texts = world.pictures(np.arange(6)), world.texts(np.arange(6))
    model = CohortModel.of(Cohort.none(DIM))
    matcher = Matcher.of(model, unit(pictures + texts), 1, exemplars=pictures)
    assert type(matcher.evidence) is Evidence
    assert matcher.threshold(0.5).basis == "estimated"  # its prototype is more than one picture


def test_following_is_gathering_anew() -> None:
    world = World(3, 400)
    before, _ = matcher_of(world, 8, 0, cohort=300)
    vectors = np.concatenate([before.prototypes, world.texts(np.arange(8, 11))])
    examples = np.array([1] * 8 + [0] * 3)
    away = world.pictures(np.arange(350, 360))
    more = before.turning_away(away).follow(vectors, examples, vectors, range(11))
    anew = Matcher.of(before.model, vectors, examples)
    np.testing.assert_array_equal(more.threshold(RATE).values, anew.threshold(RATE).values)
    assert more.turned is away
    fewer = more.without(10).without(9).without(8)
    assert type(fewer.evidence) is Evidence
    np.testing.assert_array_equal(fewer.threshold(RATE).values, before.threshold(RATE).values)


def test_how_probable_a_match_of_words_is_nobody_knows() -> None:
    world = World(4, 130)
    cohort = Cohort(world.pictures(np.repeat(np.arange(30, 130), 3)), np.repeat(np.arange(100), 3))
    vectors = np.concatenate([world.pictures(np.arange(5)), world.texts(np.arange(5, 10))])
    matcher = Matcher.of(CohortModel.of(cohort), vectors, np.array([1] * 5 + [0] * 5))
    compared = matcher.compare(world.pictures(np.arange(10)))
    described = compared.candidates[:, 0] >= 5
    probability = matcher.probability(compared)
    assert np.isnan(probability[described]).all()
    assert np.isfinite(probability[~described]).all()
    assert matcher.missed(RATE) is not None


def test_a_stricter_share_is_asked_of_each_kind() -> None:
    """Who is accepted exceeds one of two levels: each gets its share of the rate."""
    world = World(5, 500)
    mixed, _ = matcher_of(world, 5, 15, cohort=400)
    evidence = mixed.evidence
    assert isinstance(evidence, MixedEvidence)
    (_, seen), (_, told) = evidence.parts
    values = mixed.threshold(0.2).values
    np.testing.assert_allclose(values[:5], seen.threshold(0.05).values)
    np.testing.assert_allclose(values[5:], told.threshold(0.15).values)
    assert mixed.smallest_rate() >= max(seen.smallest_rate() * 4, told.smallest_rate() * 4 / 3)
