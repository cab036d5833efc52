from __future__ import annotations

import json

import numpy as np
import pytest

from holotype.errors import DataError, RateError
from holotype.evaluation.galleries import draw_galleries
from holotype.evaluation.open_set import open_set
from holotype.stats.scoring import prototypes, unit
from stub_matchers import at, deciding

CLASSES, EXAMPLES, DIM = 14, 6, 6


def world(
    classes: int = CLASSES, spread: float = 0.5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Classes as clouds around random directions."""
    rng = np.random.default_rng(seed)
    centers = unit(rng.normal(size=(classes, 1, DIM)))
    vectors = unit(centers + spread * rng.normal(size=(classes, EXAMPLES, DIM)))
    return vectors.reshape(-1, DIM), np.repeat(np.arange(classes), EXAMPLES)


def test_the_figures_agree_with_a_plain_count() -> None:
    vectors, class_index = world()
    cut = 0.8
    options = {"enrolled": 5, "k_shot": 2, "reserved": 3, "galleries": 6, "seed": 9}
    found = open_set(vectors, class_index, at(cut), rates=[0.1], **options)
    drawn = draw_galleries(class_index, **options)

    count = dict.fromkeys(("stranger", "accepted", "known", "missed", "wrong"), 0)
    claim = dict.fromkeys(("impostor", "accepted", "genuine", "missed"), 0)
    ranks = []
    for g in range(6):
        reference = prototypes(vectors[drawn.support[g]])
        enrolled = drawn.enrolled[g].tolist()
        for row in set(range(len(vectors))) - set(drawn.reserved[g].ravel().tolist()):
            similarity = reference @ vectors[row]
            best = int(similarity.argmax())
            over = similarity[best] >= cut
            kind = int(class_index[row])
            genuine = kind == enrolled[0]
            claim["genuine" if genuine else "impostor"] += 1
            claim["missed"] += bool(genuine and similarity[0] < cut)
            claim["accepted"] += bool(not genuine and similarity[0] >= cut)
            if kind not in enrolled:
                count["stranger"] += 1
                count["accepted"] += bool(over)
                continue
            own = enrolled.index(kind)
            count["known"] += 1
            count["missed"] += not (over and best == own)
            count["wrong"] += bool(over and best != own)
            ranks.append(1 + int((similarity > similarity[own]).sum()))
    row = found.identification[0]
    assert row.fpir is not None
    assert row.fnir is not None
    assert row.taken_for_another is not None
    assert row.fpir.value == pytest.approx(count["accepted"] / count["stranger"])
    assert row.fnir.value == pytest.approx(count["missed"] / count["known"])
    assert row.taken_for_another.value == pytest.approx(count["wrong"] / count["known"])
    assert 0 < count["accepted"] < count["stranger"]
    assert count["wrong"] > 0
    assert (row.galleries, row.refused, row.threshold) == (6, 0, np.float32(cut))
    verified = found.verification[0]
    assert verified.fmr is not None
    assert verified.fnmr is not None
    assert verified.fmr.value == pytest.approx(claim["accepted"] / claim["impostor"])
    assert verified.fnmr.value == pytest.approx(claim["missed"] / claim["genuine"])
    assert found.cmc.tolist() == pytest.approx([np.mean(np.array(ranks) <= k) for k in range(1, 6)])
    assert found.rank_one.value == pytest.approx(found.cmc[0])
    assert (found.enrolled, found.strangers, found.classes) == (5, CLASSES - 5, CLASSES)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, class_index = world()

    def figures() -> dict[str, object]:
        measured = open_set(vectors, class_index, at(0.7), galleries=4).to_json()
        return {key: value for key, value in measured.items() if key != "seconds"}

    whole = figures()
    monkeypatch.setattr("holotype.evaluation.open_set._BLOCK_ENTRIES", 50)
    monkeypatch.setattr("holotype.openset.matcher._BLOCK_ENTRIES", 50)
    assert figures() == whole


def test_the_curves_pass_through_what_a_constant_threshold_measures() -> None:
    vectors, class_index = world(40)
    found = open_set(vectors, class_index, at(0.75), galleries=20)
    row, claim = found.identification[0], found.verification[0]
    assert row.fpir is not None
    assert row.fnir is not None
    assert claim.fmr is not None
    assert claim.fnmr is not None
    for curve, accepts, misses in (
        (found.det, row.fpir.value, row.fnir.value),
        (found.claims, claim.fmr.value, claim.fnmr.value),
    ):
        assert np.all(np.diff(curve.false_accepts) >= 0)
        assert np.all(np.diff(curve.misses) <= 0)
        assert np.all(np.diff(curve.threshold) < 0)
        assert curve.false_accepts[0] == 0
        assert curve.false_accepts[-1] == 1
        # Between the two points that embrace the threshold.
        after = int(np.searchsorted(-curve.threshold, -0.75))
        assert curve.false_accepts[after - 1] <= accepts <= curve.false_accepts[after]
        assert curve.misses[after] <= misses <= curve.misses[after - 1]
    assert len(found.det.threshold) > 40


def test_a_refused_rate_is_shown_as_refused() -> None:
    vectors, class_index = world()
    asked: list[tuple[int, float]] = []

    def decide(reference: np.ndarray, rate: float) -> float:
        asked.append((len(reference), rate))
        if rate < 0.01:
            raise RateError(f"fpir={rate} is too small", "State more")
        # Refused in every other gallery.
        if rate == 0.01 and len(reference) > 1 and len(asked) % 4:
            raise RateError("not for this gallery", "State more")
        return 0.8

    found = open_set(
        vectors, class_index, deciding(decide), enrolled=4, galleries=8, rates=(0.001, 0.1, 0.01)
    )
    assert [row.rate for row in found.identification] == [0.1, 0.01, 0.001]
    loose, partly, refused = found.identification
    assert (loose.galleries, loose.refused, loose.refusal) == (8, 0, None)
    assert 0 < partly.galleries < 8
    assert partly.galleries + partly.refused == 8
    assert partly.refusal == "not for this gallery"
    assert refused.galleries == 0
    assert refused.fpir is None
    assert refused.to_json()["fnir"] is None
    assert refused.refusal == "fpir=0.001 is too small"
    assert found.verification[-1].fmr is None
    assert found.verification[-1].refused == 8
    assert {n for n, _ in asked} == {4, 1}
    json.dumps(found.to_json(), allow_nan=False)


def test_cannot_tell_is_missed_or_not_accepted_and_counted_by_itself() -> None:
    vectors, class_index = world()
    blurred = np.arange(len(vectors)) % 3 == 0
    found = open_set(vectors, class_index, at(-1), galleries=30, doubtful=blurred)
    row = found.identification[0]
    assert row.cannot_tell is not None
    assert row.strangers_cannot_tell is not None
    assert row.fpir is not None
    assert row.fnir is not None
    assert row.taken_for_another is not None
    assert row.strangers_cannot_tell.value == pytest.approx(1 / 3)
    assert row.cannot_tell.value == pytest.approx(1 / 3, abs=0.05)
    # Everybody else is accepted, since the threshold is -1.
    assert row.fpir.value == pytest.approx(2 / 3)
    assert row.fnir.value == pytest.approx(row.cannot_tell.value + row.taken_for_another.value)
    assert not any(blurred[mistake.probe] for mistake in row.mistakes)


def test_probabilities_are_measured_at_the_share_of_strangers_they_reckon_with() -> None:
    # Nobody is ever mistaken: the classes lie at right angles.
    _, class_index = world(DIM)
    noise = np.random.default_rng(0).normal(size=(len(class_index), DIM))
    vectors = unit(np.eye(DIM)[class_index] + 0.05 * noise)

    def probability(similarity: np.ndarray) -> np.ndarray:
        return np.where(similarity < 0.9, 0.1, 0.8)

    for prior in (0.5, 0.9):
        found = open_set(
            vectors,
            class_index,
            at(0.9, probability),
            galleries=3,
            impostor_prior=prior,
        )
        assert found.rank_one.value == 1
        assert found.reliability is not None
        assert found.reliability.base_rate == pytest.approx(1 - prior)
        assert found.reliability.error == pytest.approx(0.2 * (1 - prior) + 0.1 * prior)
        assert found.to_json()["reliability"]["stranger_prior"] == prior


def test_probes_that_cannot_be_told_carry_no_probability() -> None:
    vectors, class_index = world()
    blurred = np.arange(len(vectors)) % 3 == 0
    # Whatever is blurred is unlike all else, and would be sure of itself.
    vectors[blurred] = unit(np.eye(DIM)[:1])
    found = open_set(
        vectors,
        class_index,
        at(0.5, lambda similarity: np.where(similarity > 0.999, 1.0, 0.25)),
        galleries=3,
        doubtful=blurred,
    )
    assert found.reliability is not None
    assert found.reliability.stated.tolist() == [0.25]


def test_mistakes_are_the_worst_each_with_its_references() -> None:
    vectors, class_index = world()
    # A stranger that is the very picture of somebody, wherever both meet.
    vectors[class_index == 3] = vectors[class_index == 5]
    found = open_set(vectors, class_index, at(0.9), galleries=40)
    mistakes = found.identification[0].mistakes
    for kind in ("stranger_accepted", "taken_for_another", "missed"):
        of_kind = [mistake for mistake in mistakes if mistake.kind == kind]
        assert of_kind
        assert len({mistake.true_class for mistake in of_kind}) == len(of_kind)
        margins = [mistake.margin for mistake in of_kind]
        assert margins == sorted(margins, reverse=True)
        assert margins[-1] >= 0
    for mistake in mistakes:
        assert class_index[mistake.probe] == mistake.true_class
        assert class_index[mistake.nearest_reference] == mistake.nearest_class
        if mistake.kind == "stranger_accepted":
            assert mistake.own_reference is None
            assert mistake.own_similarity is None
        else:
            assert mistake.own_reference is not None
            assert class_index[mistake.own_reference] == mistake.true_class
            assert mistake.own_reference != mistake.probe
    worst = next(mistake for mistake in mistakes if mistake.kind == "stranger_accepted")
    assert {worst.true_class, worst.nearest_class} == {3, 5}
    assert worst.similarity == pytest.approx(1)


def test_a_gallery_of_one() -> None:
    vectors, class_index = world(3)
    found = open_set(vectors, class_index, at(0.5), enrolled=1, galleries=5)
    assert found.cmc.tolist() == [1.0]
    assert found.strangers == 2
    row, claim = found.identification[0], found.verification[0]
    assert row.fpir == claim.fmr
    assert row.fnir == claim.fnmr


def test_two_enrolled_and_one_stranger_are_the_least() -> None:
    class_index = np.array([0, 0, 1, 1, 2])
    vectors = unit(np.random.default_rng(0).normal(size=(5, 4)))
    found = open_set(vectors, class_index, at(0.5))
    assert (found.enrolled, found.strangers) == (2, 1)
    assert found.identification[0].fpir is not None
    # One class of strangers tells nothing about others.
    assert (found.identification[0].fpir.low, found.identification[0].fpir.high) == (0, 1)


def test_galleries_are_told_as_they_are_done() -> None:
    vectors, class_index = world()
    told: list[tuple[int, int]] = []
    open_set(vectors, class_index, at(0.5), galleries=3, progress=lambda *step: told.append(step))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("rates", [(), (0.0,), (1.0,), (-0.1,), (float("nan"),), (0.1, 2)])
def test_rates_outside_are_refused(rates: tuple[float, ...]) -> None:
    vectors, class_index = world()
    with pytest.raises(RateError):
        open_set(vectors, class_index, at(0.5), rates=rates)
    with pytest.raises(RateError, match="stranger_prior=1"):
        open_set(vectors, class_index, at(0.5), impostor_prior=1)


def test_embeddings_that_do_not_fit_are_refused() -> None:
    vectors, class_index = world()
    for bad, classes in ((vectors[:-1], class_index), (vectors[:0], class_index[:0])):
        with pytest.raises(DataError, match="do not fit"):
            open_set(bad, classes, at(0.5))
    broken = vectors.copy()
    broken[3, 1] = np.nan
    with pytest.raises(DataError, match="not finite"):
        open_set(broken, class_index, at(0.5))
