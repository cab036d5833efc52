"""Recognizer: one example is enough, strangers are turned away, and the promise follows."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

import holotype
from holotype.errors import (
    GalleryError,
    ImageError,
    LabelError,
    PackError,
    RateError,
)
from toy_packs import make_toy_pack, toy_drawing

RATE = 0.1  # what a toy cohort of 40 classes can promise


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_toy_pack(tmp_path_factory.mktemp("packs") / "toy")


@pytest.fixture
def desk(tmp_path: Path, pack: Path) -> holotype.Recognizer:
    with holotype.open(tmp_path / "desk.gallery", model=pack) as recognizer:
        yield recognizer


def drawing(character: int, drawer: int = 0) -> np.ndarray:
    return toy_drawing(character, drawer)


def test_one_example_is_recognized_and_answers_with_a_full_decision(
    desk: holotype.Recognizer,
) -> None:
    for character in range(8):
        enrolled = desk.enroll(f"c{character}", drawing(character))
        assert (enrolled.label, enrolled.added, enrolled.examples) == (f"c{character}", 1, 1)
    decision = desk.identify(drawing(3), fpir=RATE)
    assert (decision.answer, decision.label) == ("match", "c3")
    assert decision.similarity == pytest.approx(1, abs=1e-4)
    assert decision.threshold is not None
    assert -1 <= decision.threshold <= decision.similarity
    assert (decision.rate_kind, decision.rate) == ("fpir", RATE)
    similarities = [candidate.similarity for candidate in decision.candidates]
    assert decision.candidates[0].label == "c3"
    assert similarities == sorted(similarities, reverse=True)


def test_a_decision_gives_its_reasons_and_a_probability_that_rises(
    desk: holotype.Recognizer,
) -> None:
    for character in range(8):
        desk.enroll(f"c{character}", drawing(character))
    right, wrong = desk.identify([drawing(3), drawing(200)], fpir=RATE)
    assert [reason.code for reason in right.reasons] == ["above_threshold"]
    assert "c3 is alike by 1.00" in right.reasons[0].text
    second = right.candidates[1]
    assert f"{second.label} comes next, alike by {second.similarity:.2f}" in right.reasons[0].text
    assert right.margin == right.candidates[0].similarity - second.similarity
    assert [reason.code for reason in wrong.reasons] == ["below_threshold"]
    assert right.probability is not None
    assert wrong.probability is not None
    assert 0 <= wrong.probability < right.probability <= 1
    hopeful, wary = (desk.identify(drawing(3), fpir=RATE, stranger_prior=p) for p in (0.1, 0.9))
    assert hopeful.probability > wary.probability
    assert 0 < right.familiarity <= 1


def test_a_picture_that_is_no_drawing_cannot_be_told(desk: holotype.Recognizer) -> None:
    desk.enroll("a", drawing(0))
    noise = np.random.default_rng(0).random((64, 64))
    decision = desk.identify(noise, fpir=RATE)
    assert (decision.answer, decision.label) == ("cannot_tell", None)
    assert any(reason.code.startswith("low_quality") for reason in decision.reasons)
    warned = desk.enroll("b", noise, anyway=True)
    assert any(reason.code.startswith("low_quality") for reason in warned.warnings)
    assert "b" in desk.list()


def test_a_list_of_images_gives_a_list_and_each_answer_is_that_of_the_single(
    desk: holotype.Recognizer,
) -> None:
    for character in range(5):
        desk.enroll(f"c{character}", drawing(character))
    probes = [drawing(1), drawing(4), drawing(200)]
    together = desk.identify(probes, fpir=RATE)
    assert isinstance(together, list)
    for decision, probe in zip(together, probes, strict=True):
        alone = desk.identify(probe, fpir=RATE)
        assert (alone.answer, alone.label) == (decision.answer, decision.label)
        assert alone.similarity == pytest.approx(decision.similarity, abs=1e-5)
    assert desk.identify([], fpir=RATE) == []


def test_unknown_still_names_the_nearest_candidates(desk: holotype.Recognizer) -> None:
    desk.enroll("only", drawing(0))
    decision = desk.identify(drawing(77), fpir=RATE)
    assert (decision.answer, decision.label) == ("unknown", None)
    assert [candidate.label for candidate in decision.candidates] == ["only"]


def test_an_empty_gallery_knows_nobody(desk: holotype.Recognizer) -> None:
    decision = desk.identify(drawing(0))
    assert (decision.answer, decision.candidates) == ("unknown", ())
    assert decision.similarity is None
    assert decision.threshold is None


def test_one_picture_under_two_labels_cannot_be_told(desk: holotype.Recognizer) -> None:
    desk.enroll("one", drawing(5))
    desk.enroll("other", drawing(5))
    decision = desk.identify(drawing(5), fpir=RATE)
    assert (decision.answer, decision.label) == ("cannot_tell", None)
    assert {candidate.label for candidate in decision.candidates} == {"one", "other"}
    assert decision.reasons[0].code == "close_second"


def test_a_second_enrollment_adds_an_example_and_moves_the_prototype(
    desk: holotype.Recognizer,
) -> None:
    desk.enroll("a", drawing(1))
    before = desk.identify(drawing(1, drawer=3), fpir=RATE).similarity
    assert desk.enroll("a", drawing(1, drawer=3)).examples == 2
    after = desk.identify(drawing(1, drawer=3), fpir=RATE).similarity
    assert before is not None
    assert after is not None
    assert after > before
    assert desk.list() == {"a": 2}


def test_the_threshold_follows_each_enrollment_and_forgetting(desk: holotype.Recognizer) -> None:
    desk.enroll("c0", drawing(0))
    alone = desk.identify(drawing(0), fpir=RATE).threshold
    for character in range(1, 30):
        desk.enroll(f"c{character}", drawing(character))
    crowded = desk.identify(drawing(0), fpir=RATE).threshold
    for character in range(1, 30):
        desk.forget(f"c{character}")
    assert alone is not None
    assert crowded is not None
    assert crowded > alone
    assert desk.identify(drawing(0), fpir=RATE).threshold == alone


def test_what_another_process_enrolls_is_seen(tmp_path: Path, pack: Path) -> None:
    path = tmp_path / "shared.gallery"
    with holotype.open(path, model=pack) as one, holotype.open(path, model=pack) as two:
        one.enroll("a", drawing(0))
        assert two.identify(drawing(0), fpir=RATE).label == "a"
        two.forget("a")
        assert one.identify(drawing(0), fpir=RATE).answer == "unknown"


def test_verify_compares_with_the_claimed_identity_alone(desk: holotype.Recognizer) -> None:
    desk.enroll("a", drawing(0))
    desk.enroll("b", drawing(1))
    genuine = desk.verify("a", drawing(0), fmr=RATE)
    assert (genuine.answer, genuine.label, genuine.rate_kind) == ("match", "a", "fmr")
    impostor = desk.verify("a", drawing(1), fmr=RATE)
    assert impostor.answer == "unknown"
    assert [candidate.label for candidate in impostor.candidates] == ["a"]


def test_forget_says_how_many_examples_there_were(desk: holotype.Recognizer) -> None:
    desk.enroll("a", drawing(0), drawing(0, drawer=1))
    receipt = desk.forget("a")
    assert (receipt.examples, receipt.pending) == (2, False)
    assert desk.list() == {}


def test_a_batch_is_enrolled_whole_or_not_at_all(desk: holotype.Recognizer) -> None:
    with pytest.raises(ImageError, match="picture 2 of 2"):
        desk.enroll("a", drawing(0), np.ones((20, 20)))
    assert desk.list() == {}


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda r: r.enroll("a"), ImageError),
        (lambda r: r.enroll("", drawing(0)), LabelError),
        (lambda r: r.enroll("a\x00b", drawing(0)), LabelError),
        (lambda r: r.verify("nobody", drawing(0), fmr=RATE), LabelError),
        (lambda r: r.forget("nobody"), LabelError),
        (lambda r: r.identify(drawing(0), fpir=0), RateError),
        (lambda r: r.identify(drawing(0), fpir="often"), RateError),
    ],
)
def test_what_cannot_be_is_refused(desk: holotype.Recognizer, call, error) -> None:
    with pytest.raises(error):
        call(desk)


def test_a_rate_that_the_cohort_cannot_promise_is_refused(desk: holotype.Recognizer) -> None:
    desk.enroll("a", drawing(0))
    with pytest.raises(RateError, match=r"fpir=1e-05 .*smallest"):
        desk.identify(drawing(0), fpir=1e-5)


def test_a_gallery_keeps_to_its_model(tmp_path: Path, pack: Path) -> None:
    path = tmp_path / "g.gallery"
    with holotype.open(path, model=pack) as recognizer:
        recognizer.enroll("a", drawing(0))
    with holotype.open(path) as recognizer:  # it knows its model
        assert recognizer.identify(drawing(0), fpir=RATE).label == "a"
    other = make_toy_pack(tmp_path / "other", seed=1)
    with pytest.raises(GalleryError, match="model"):
        holotype.open(path, model=other)


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GalleryError):
        holotype.open(tmp_path / "none.gallery", create=False)
    with pytest.raises(PackError):
        holotype.open(tmp_path / "new.gallery", model="no-such-pack")
    assert list(tmp_path.iterdir()) == []


def test_a_refused_first_enrollment_leaves_no_file(tmp_path: Path, pack: Path) -> None:
    with holotype.open(tmp_path / "new.gallery", model=pack) as recognizer:
        with pytest.raises(ImageError):
            recognizer.enroll("a", np.ones((20, 20)))
        with pytest.raises(LabelError):
            recognizer.enroll("", drawing(0))
    assert list(tmp_path.iterdir()) == []


def test_threads_share_a_recognizer(desk: holotype.Recognizer) -> None:
    desk.enroll("c0", drawing(0))
    failures: list[BaseException] = []

    def work(character: int) -> None:
        try:
            desk.enroll(f"c{character}", drawing(character))
            assert desk.identify(drawing(0), fpir=RATE).label == "c0"
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(c,)) for c in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(desk.list()) == 9
