"""Unlabeled pictures from the place of use: runner-ups are impostors, a video is one visitor."""

from __future__ import annotations

import numpy as np
import pytest

from cohorts import gallery_of
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.openset.unlabeled import UnlabeledScores
from holotype.stats.scoring import Floats, unit

BARE = CohortModel.of(Cohort.none(33))
# What all photographs have in common, and no catalogue picture.
PHOTOGRAPH = np.eye(33, dtype=np.float32)[32]


def drawn(count: int, seed: int) -> Floats:
    """Things as a catalogue shows them."""
    return np.pad(gallery_of(count, seed), ((0, 0), (0, 1)))


def pictured(things: Floats, seed: int, photograph: float = 0.0) -> Floats:
    """A picture of each thing."""
    noise = np.random.default_rng(seed).normal(size=things.shape)
    return unit(things + 0.12 * noise + photograph * PHOTOGRAPH)


def visits(known: Floats, strangers: Floats, share: float, count: int, seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    others = round(share * count)
    return np.concatenate(
        [strangers[rng.integers(len(strangers), size=others)],
         known[rng.integers(len(known), size=count - others)]]
    )  # fmt: skip


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("photograph", [0.0, 1.5])
def test_a_stated_rate_is_about_kept_whatever_the_share_of_strangers(
    share: float, photograph: float
) -> None:
    let_in, kinds, shares = [], [], []
    for seed in range(12):
        things = drawn(600, seed)
        known, others, tested = things[:40], things[40:200], things[200:]
        here = pictured(visits(known, others, share, 200, seed), seed, photograph)
        matcher = Matcher.of(BARE, known).with_unlabeled(here)
        visitors = matcher.evidence.visitors
        assert visitors is not None
        kinds.append(visitors.another_kind)
        shares.append(visitors.strangers)
        found = matcher.match(pictured(tested, seed + 50, photograph), 0.1)
        assert found.basis == ("estimated" if visitors.another_kind else "guaranteed")
        assert found.source == ("unlabeled" if visitors.another_kind else "enrolled")
        let_in.append(found.match.mean())
    assert np.mean(let_in) < 0.15
    assert np.mean(let_in) > 0.03
    assert np.mean(kinds) > 0.9 if photograph else np.mean(kinds) < 0.2
    assert np.mean(shares) == pytest.approx(share, abs=0.25)


def test_where_photographs_are_asked_of_a_catalogue_the_enrolled_know_nothing() -> None:
    things = drawn(300, 3)
    known = things[:40]
    bare = Matcher.of(BARE, known)
    here = bare.with_unlabeled(pictured(visits(known, things[40:80], 0.5, 200, 1), 1, 1.5))
    assert here.evidence.another_kind
    assert bare.smallest_rate(guaranteed=True) == pytest.approx(2 / 41)
    assert here.smallest_rate(guaranteed=True) == 1
    assert here.threshold(0.1).source == "unlabeled"
    probes = pictured(known, 7, 1.5)
    assert here.match(probes, 0.1).match.sum() >= bare.match(probes, 0.1).match.sum()
    # Followed, it is what it would have been.
    more = here.follow(things[:41], np.ones(41, np.int64), things[:41], range(41))
    anew = Matcher.of(BARE, things[:41]).with_unlabeled(here.evidence.unlabeled)
    np.testing.assert_array_equal(more.threshold(0.1).values, anew.threshold(0.1).values)


def test_a_video_of_one_is_one_visitor() -> None:
    things = drawn(120, 5)
    known = things[:30]
    few = pictured(visits(known, things[30:60], 0.5, 60, 1), 1)
    film = pictured(np.repeat(things[:1], 500, axis=0), 9)
    alone = Matcher.of(BARE, known).with_unlabeled(few).evidence.visitors
    filmed = Matcher.of(BARE, known).with_unlabeled(np.concatenate([few, film])).evidence.visitors
    assert alone is not None
    assert filmed is not None
    assert filmed.visitors <= alone.visitors + 3
    assert filmed.strangers == pytest.approx(alone.strangers, abs=0.1)


def test_too_little_says_nothing() -> None:
    things = drawn(10, 5)
    for known, here in ((things[:2], things), (things, things[:0])):
        matcher = Matcher.of(BARE, known).with_unlabeled(here)
        assert matcher.evidence.visitors is None
        assert matcher.threshold(None).values == pytest.approx(
            Matcher.of(BARE, known).threshold(None).values
        )
    few = UnlabeledScores.of(things[:3], things[3:], np.eye(7), np.full(7, 0.2))
    assert few is not None
    assert few.evidence.at(0.1) is None
