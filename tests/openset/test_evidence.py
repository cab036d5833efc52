"""What a threshold rests on: ranks, then estimates that are not contradicted, then a default."""

from __future__ import annotations

import numpy as np
import pytest

from cohorts import cohort_of, gallery_of
from holotype.errors import RateError
from holotype.openset import Cohort, Evidence
from holotype.openset.impostors import difference
from holotype.stats.scoring import Floats, unit

COHORT = cohort_of(150, 10, seed=0, spread=0.5)
NOBODY = Cohort.none(32)


def evidence_of(
    gallery: Floats,
    cohort: Cohort = COHORT,
    site: Cohort = NOBODY,
    exemplars: Floats | None = None,
    default: float | None = None,
) -> Evidence:
    exemplars = gallery if exemplars is None else exemplars
    return Evidence.of(cohort, site, range(len(gallery)), gallery, exemplars, default=default)


def alike(n: int, seed: int, share: float) -> Floats:
    """Identities that have much in common, as kinds of steel have."""
    drawn = np.random.default_rng(seed).normal(size=(n, 32))
    return unit(drawn + share * np.random.default_rng(99).normal(size=32))


def test_ranks_guarantee_as_far_as_they_reach() -> None:
    gallery = gallery_of(19, seed=1)
    found = evidence_of(gallery)
    for rate, basis, source in ((0.1, "guaranteed", "enrolled"), (0.09, "estimated", "cohort")):
        threshold = found.threshold(rate)
        assert (threshold.basis, threshold.source, threshold.rate) == (basis, source, rate)
        assert threshold.promised
        assert threshold.values.shape == (19,)
        assert threshold.values.dtype == np.float32
    assert found.smallest_rate(guaranteed=True) == pytest.approx(0.1)
    assert found.smallest_rate() < 0.01
    claim = found.threshold(0.1, claim=3)
    assert (claim.basis, claim.values.shape) == ("guaranteed", (1,))
    assert found.smallest_rate(guaranteed=True, claim=3) == pytest.approx(1 / 19)


def test_own_strangers_are_ranked_before_the_enrolled() -> None:
    gallery, site = gallery_of(19, seed=1), cohort_of(24, 3, seed=5)
    found = evidence_of(gallery, site=site)
    threshold = found.threshold(0.04)
    assert (threshold.basis, threshold.source) == ("guaranteed", "site")
    first = np.unique(site.class_index, return_index=True)[1]
    reached = (site.embeddings[first] @ gallery.T).max(axis=1)
    assert threshold.values[0] == pytest.approx(reached.max(), abs=2e-3)  # nobody may be passed
    assert found.smallest_rate(guaranteed=True) == pytest.approx(1 / 25)
    assert found.threshold(0.039).basis == "estimated"


def test_several_examples_are_an_estimate() -> None:
    drawn = unit(gallery_of(30, seed=2)[:, None] + 0.1 * gallery_of(60, seed=3).reshape(30, 2, 32))
    found = evidence_of(unit(drawn.mean(axis=1)), exemplars=drawn[:, 0])
    threshold = found.threshold(0.2)
    assert (threshold.basis, threshold.source) == ("estimated", "enrolled")
    assert threshold.strict is not None
    assert (threshold.strict >= threshold.values).all()
    assert found.smallest_rate(guaranteed=True) == 1
    # For a claim everybody meets the same prototype, whatever it is made of.
    assert found.threshold(0.2, claim=0).basis == "guaranteed"


@pytest.mark.parametrize("count", [5, 10, 30])
def test_a_cohort_of_another_world_is_contradicted_and_not_asked(count: int) -> None:
    steel = evidence_of(alike(count, seed=4, share=2.5))
    assert steel.agreement.contradicted
    assert steel.threshold(0.5 / (count + 1)).source == "enrolled"
    # What the cohort would have asked for lets everybody in.
    reached = np.sort(steel.enrolled.best)
    assert steel.impostors.threshold(0.05, "fpir") < reached[0]
    assert steel.threshold(0.05).values.min() >= reached[-1]


def test_a_gallery_of_the_cohort_s_world_contradicts_it_seldom() -> None:
    wrong = [
        evidence_of(cohort_of(count, 1, seed=100 + seed, spread=0.5).embeddings).agreement
        for seed in range(60)
        for count in (3, 5, 10, 20)
    ]
    assert np.mean([found.contradicted for found in wrong]) < 0.03


def test_the_less_the_enrolled_agree_with_the_cohort_the_more_they_count_themselves() -> None:
    home, doubted = evidence_of(gallery_of(8, seed=1)), evidence_of(alike(8, seed=4, share=0.45))
    for found in (home, doubted):
        assert not found.agreement.contradicted
        assert found.agreement.weight == found.agreement.p_value**2
        unsure = 1 - found.agreement.weight
        by_cohort = found.impostors.threshold(0.05, "fpir")
        by_tail = max(found._tails(min(0.05 / unsure, 0.99), None))  # the weight left to it
        assert found.threshold(0.05).values[0] == pytest.approx(max(by_cohort, by_tail), abs=1e-6)
    assert home.agreement.weight > doubted.agreement.weight
    assert home.threshold(0.05).source == "cohort"
    assert doubted.threshold(0.05).source == "enrolled"
    # A stricter rate asks for no less, and own strangers end the doubt.
    asked = [doubted.threshold(rate).values[0] for rate in (0.2, 0.1, 0.05, 0.02, 0.01)]
    assert asked == sorted(asked)
    own = evidence_of(alike(8, seed=4, share=0.45), site=cohort_of(6, 3, seed=5))
    assert own.threshold(0.05).source == "cohort"


def test_one_pair_of_twins_is_no_other_world() -> None:
    gallery = gallery_of(12, seed=6)
    gallery[1] = unit(gallery[0] + 1e-3 * gallery[1])
    assert not evidence_of(gallery).agreement.contradicted


def test_who_states_no_rate_is_answered_at_what_is_supported() -> None:
    small = cohort_of(40, 4, seed=0, spread=0.5)
    for found in (evidence_of(gallery_of(30, seed=1)), evidence_of(gallery_of(6, seed=1), small)):
        threshold = found.threshold(None)
        assert threshold.promised
        supported = min(found.impostors.smallest_rate(), found.enrolled.smallest_rate)
        assert threshold.rate == pytest.approx(max(0.01, supported))
    bare = evidence_of(gallery_of(30, seed=1), NOBODY)
    assert (bare.threshold(None).basis, bare.threshold(None).rate) == ("guaranteed", 2 / 31)
    # Nobody knows anything: only the very same vector is a match.
    alone = evidence_of(gallery_of(1, seed=1), NOBODY)
    assert alone.threshold(None).basis == "default"
    assert alone.threshold(None).values == pytest.approx([1], abs=1e-5)


def test_what_nothing_supports_is_refused_or_a_default() -> None:
    gallery = gallery_of(4, seed=7)
    with pytest.raises(RateError, match=r"fpir=0.001 .*4 enrolled.*smallest: 0.01\)") as refused:
        evidence_of(gallery, NOBODY).threshold(0.001)
    assert refused.value.smallest == pytest.approx(0.01)
    by_default = evidence_of(gallery, NOBODY, default=0.4).threshold(0.001)
    assert (by_default.basis, by_default.source, by_default.promised) == (
        "default",
        "default",
        False,
    )
    # Not below what the ranks of these four demand at a rate that is looser.
    assert by_default.values.min() >= evidence_of(gallery, NOBODY).threshold(0.4).values.max()
    with pytest.raises(RateError, match=r"fmr=0\.0001"):
        evidence_of(gallery, NOBODY).threshold(0.0001, claim=0)


@pytest.mark.parametrize("count", [3, 8, 25, 60])
def test_a_stricter_rate_never_gets_a_lower_threshold(count: int) -> None:
    found = evidence_of(gallery_of(count, seed=8), NOBODY)
    levels = []
    for rate in (0.6, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01):
        try:
            levels.append(found.threshold(rate).values.max())
        except RateError:
            break
    assert len(levels) > 4
    assert (np.diff(levels) >= 0).all()


def test_following_equals_gathering_at_once() -> None:
    vectors = gallery_of(60, seed=9)
    found = evidence_of(vectors[:30])
    for keys in ([*range(31)], [*range(1, 31)], [*range(5, 40)], [7, 3, 8, 30], [3], [], [4]):
        state = keys, vectors[keys], vectors[keys]
        changes = difference(found.enrolled.keys, found.enrolled.prototypes, *state[:2])
        found = found.follow(*state, 1, changes)
        fresh = Evidence.of(COHORT, NOBODY, *state)
        for rate in (0.5, 0.1, 0.05):
            np.testing.assert_array_equal(
                found.threshold(rate).values, fresh.threshold(rate).values
            )
