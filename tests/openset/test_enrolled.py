"""The enrolled as impostors of one another keep a stated rate, whatever the vectors are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.openset.enrolled import EnrolledScores, _products
from holotype.openset.impostors import difference
from holotype.stats.scoring import Floats, unit


def world(classes: int, each: int, seed: int, spread: float, dim: int = 16) -> Floats:
    """Classes that share a direction, with their examples: [classes, each, dim]."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(classes, 1, dim)) + rng.normal(size=dim)
    return unit(centers + spread * rng.normal(size=(classes, each, dim)))


def scores_of(prototypes: Floats, exemplars: Floats | None = None) -> EnrolledScores:
    exemplars = prototypes if exemplars is None else exemplars
    return EnrolledScores.of(range(len(prototypes)), prototypes, exemplars)


def counted(scores: EnrolledScores, similarity: Floats, rate: float) -> bool:
    """The rule as it is written, for one probe's similarities [N]."""
    best = int(similarity.argmax())
    others = np.delete(scores.best, best)
    if scores.exact:
        return 2 + (others >= similarity[best]).sum() <= rate * (len(scores) + 1) + 1e-9
    runner_up = np.delete(similarity, best).max(initial=-1)
    count = (others >= similarity[best]).sum() + (scores.best[best] >= runner_up)
    return 1 + count <= rate * (len(scores) + 1) + 1e-9


@given(st.integers(2, 30), st.integers(1, 3), st.floats(0.1, 0.9), st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_the_thresholds_are_the_rule_as_it_is_written(
    classes: int, shots: int, rate: float, seed: int
) -> None:
    drawn = world(classes + 5, shots + 1, seed, spread=0.8)
    prototypes = unit(drawn[:classes, :shots].mean(axis=1))
    scores = scores_of(prototypes, drawn[:classes, 0] if shots > 1 else None)
    if rate < scores.smallest_rate:
        return
    loose, strict = scores.thresholds(rate)
    for probe in drawn[:, -1]:
        similarity = prototypes @ probe
        order = np.argsort(-similarity)
        runner_up = similarity[order[1]]
        needed = loose if runner_up > scores.best[order[0]] else strict
        assert (similarity[order[0]] >= needed[order[0]]) == counted(scores, similarity, rate)


@pytest.mark.parametrize("spread", [0.2, 1.0])
@pytest.mark.parametrize(
    ("enrolled", "rate", "exemplars"), [(10, 0.2, 1024), (39, 0.05, 1024), (39, 0.1, 19)]
)
def test_a_new_class_is_accepted_at_most_at_the_stated_rate(
    enrolled: int, rate: float, exemplars: int, spread: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holotype.openset.enrolled._MAX_EXEMPLARS", exemplars)
    accepted = []
    for seed in range(3000):
        drawn = world(enrolled + 1, 1, seed, spread)[:, 0]
        _, strict = scores_of(drawn[:-1]).thresholds(rate)
        similarity = drawn[:-1] @ drawn[-1]
        accepted.append(similarity.max() >= strict[similarity.argmax()])
    error = np.sqrt(rate * (1 - rate) / len(accepted))
    assert np.mean(accepted) <= rate + 3 * error
    # Nor is it kept by turning everybody away: a rank among so few costs a factor of two at most.
    assert np.mean(accepted) >= rate / 2.5


def test_of_the_enrolled_no_more_are_taken_for_another() -> None:
    enrolled, rate = 19, 0.2
    wrong = []
    for seed in range(400):
        drawn = world(enrolled, 1, seed, spread=0.5)[:, 0]
        scores = scores_of(drawn)
        # What an enrolled probe that is its own example reaches under a wrong name.
        similarity = drawn @ drawn.T
        np.fill_diagonal(similarity, -1)
        _, strict = scores.thresholds(rate)
        wrong.append((similarity.max(axis=1) >= strict[similarity.argmax(axis=1)]).mean())
        assert wrong[-1] <= np.floor(rate * (enrolled + 1)) / enrolled
    assert np.mean(wrong) > 0


def test_an_impostor_who_claims_at_random_is_accepted_at_the_stated_rate() -> None:
    enrolled, rate, accepted = 20, 0.1, []
    for seed in range(2000):
        drawn = world(enrolled + 1, 4, seed, spread=0.7)
        prototypes = unit(drawn[:-1, :3].mean(axis=1))
        scores = scores_of(prototypes, drawn[:-1, 0])
        accepted.append(prototypes[3] @ drawn[-1, 0] >= scores.claim_threshold(3, rate))
    assert np.mean(accepted) == pytest.approx(rate, abs=4 * np.sqrt(rate / len(accepted)))


def test_the_smallest_rates_and_what_lies_below() -> None:
    drawn = world(9, 2, 0, spread=0.5)
    exact, estimated = scores_of(drawn[:, 0]), scores_of(unit(drawn.mean(axis=1)), drawn[:, 0])
    assert exact.smallest_rate == pytest.approx(2 / 10)
    assert estimated.smallest_rate == pytest.approx(2 / 10)
    assert exact.smallest_claim_rate == pytest.approx(1 / 9)
    # At the smallest rate nobody's example may be passed, one's own aside.
    assert (exact.thresholds(0.2)[1] > exact.best.max()).all()
    assert (exact.thresholds(0.3)[1] < exact.best.max()).any()
    alone = scores_of(drawn[:1, 0])
    assert alone.best.tolist() == [-np.inf]
    assert alone.smallest_rate == 1


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 2), st.integers(0, 50))
@settings(deadline=None, max_examples=60)
def test_following_equals_playing_at_once(steps: list[int], shots: int, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holotype.openset.enrolled._MAX_EXEMPLARS", 15 if seed % 2 else 1024)
        follow(steps, shots, seed)


def follow(steps: list[int], shots: int, seed: int) -> None:
    drawn = world(60, 3, seed, spread=0.6)
    shown = dict.fromkeys(range(20), 1)
    came = 20

    def state() -> tuple[list[int], Floats, Floats]:
        keys = list(shown)
        prototypes = np.stack([unit(drawn[k, : shown[k]].mean(axis=0)) for k in keys])
        return keys, prototypes, drawn[keys, 0] if shots > 1 else prototypes

    scores = EnrolledScores.of(*state())
    for step in steps:
        keys = list(shown)
        if step < 4:  # somebody comes
            shown[came] = 1
            came += 1
        elif step < 7:  # the hub leaves: who is the nearest of most
            owners = scores._owner[scores._owner >= 0]
            del shown[keys[int(np.bincount(owners).argmax())]]
        else:  # somebody gains an example
            shown[keys[step % len(keys)]] = shots + 1
        after = state()
        changed = difference(scores.keys, scores.prototypes, after[0], after[1])
        scores = scores.follow(*after, changed)
        np.testing.assert_array_equal(scores.best, EnrolledScores.of(*after).best)


@given(st.integers(1, 60), st.integers(0, 20), st.integers(0, 999))
@settings(deadline=None, max_examples=60)
def test_in_blocks_they_play_as_if_all_at_once(classes: int, doubles: int, seed: int) -> None:
    """Also where many are equally alike, or differ by less than float32 can tell."""
    rng = np.random.default_rng(seed)
    drawn = world(classes, 1, seed, spread=10.0 ** -rng.integers(0, 9))[:, 0]
    drawn = np.concatenate([drawn, drawn[rng.integers(classes, size=doubles)]])
    similarity = _products(drawn, drawn)
    np.fill_diagonal(similarity, -np.inf)
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holotype.openset.enrolled._FIRST_ROWS", 3)
        patch.setattr("holotype.openset.enrolled._BLOCK_ROWS", 8)
        scores = scores_of(drawn)
    rows = np.arange(len(drawn))
    found = [(scores.best, scores._owner), (scores._second, scores._second_owner)]
    for place, (values, owners) in enumerate(found[: len(drawn) - 1]):
        np.testing.assert_array_equal(values, similarity[rows, order[:, place]])
        np.testing.assert_array_equal(owners, order[:, place])


def test_what_grew_in_its_place_is_not_compared_again() -> None:
    held = world(12, 1, 0, spread=0.5)[:, 0]
    for frozen in (False, True):
        held.flags.writeable = not frozen
        new_row, arrived = difference(range(9), held[:9], range(12), held)
        assert new_row.tolist() == list(range(9))
        assert arrived.tolist() == [9, 10, 11]
    # Rows elsewhere, and such as somebody may write to, are looked at.
    other = held.copy()
    other[2] = other[3]
    new_row, arrived = difference(range(9), held[:9], range(12), other)
    assert new_row[2] == -1
    assert arrived.tolist() == [2, 9, 10, 11]
    # So is what begins at the same place, and is another part of it.
    wide = np.ascontiguousarray(np.repeat(held, 2, axis=0))
    wide.flags.writeable = False
    wide[:2].flags.writeable = False
    new_row, _ = difference(range(3), wide[::2][:3], range(4), wide[:4])
    assert new_row.tolist() == [0, -1, -1]
