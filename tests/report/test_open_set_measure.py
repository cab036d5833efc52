"""The report answers every probe exactly as `identify` and `verify` do."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

import holotype
from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.errors import RateError
from holotype.evaluation.galleries import draw_galleries
from holotype.pack import Pack, load_pack, write_pack
from holotype.recognizer import calibrate
from holotype.records import Decision
from holotype.report import measure, seen, summary
from holotype.report.proof import OwnStrangers
from holotype.stats.reliability import reliability
from toy_packs import make_toy_pack, toy_drawing, toy_parts, write_drawings

CLASSES, EXAMPLES = 10, 5
PROMISED, REFUSED = (0.4, 0.2), 0.0001
OPTIONS = {"enrolled": 4, "galleries": 2, "seed": 3}


class Said(NamedTuple):
    own: str  # the class of the probe
    enrolled: bool
    identified: Decision
    claimed: Decision  # to be the first of the gallery
    claims_truly: bool


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return load_pack(make_toy_pack(tmp_path_factory.mktemp("packs") / "toy"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Drawings; the last picture of each class is noise, which is no fit drawing."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for character in range(CLASSES):
        (folder / f"c{character}").mkdir()
        for drawer in range(EXAMPLES):
            drawing = toy_drawing(character, drawer)
            if drawer == EXAMPLES - 1:
                drawing = (rng.random(drawing.shape) * 255).astype(np.uint8)
            Image.fromarray(drawing).save(folder / f"c{character}" / f"{drawer}.png")
    return load_dataset(folder)


def asked(pack: Pack, data: Dataset, rate: float, folder: Path) -> list[Said]:
    """Every probe of the same galleries, put to a Recognizer."""
    drawn, said = draw_galleries(data.class_index, k_shot=2, **OPTIONS), []
    for g, support in enumerate(drawn.support.tolist()):
        with holotype.open(folder / f"{rate}-{g}.gallery", model=pack.path) as recognizer:
            names = [data.class_names[c] for c in drawn.enrolled[g]]
            for name, rows in zip(names, support, strict=True):
                recognizer.enroll(name, *(data.images[row] for row in rows), anyway=True)
            probes = sorted(set(range(len(data))) - {row for rows in support for row in rows})
            decisions = recognizer.identify([data.images[row] for row in probes], rate)
            for row, decision in zip(probes, decisions, strict=True):
                own = data.class_names[data.class_index[row]]
                claim = recognizer.verify(names[0], data.images[row], fmr=rate)
                said.append(Said(own, own in names, decision, claim, own == names[0]))
            with pytest.raises(RateError):
                recognizer.identify(data.images[0], REFUSED)
    return said


def test_the_doubts_are_those_of_the_recognizer(pack: Pack, data: Dataset, tmp_path: Path) -> None:
    _, doubtful = seen(data, pack)
    with holotype.open(tmp_path / "empty.gallery", model=pack.path) as recognizer:
        answers = [decision.answer for decision in recognizer.identify(list(data.images))]
    assert doubtful.tolist() == [answer == "cannot_tell" for answer in answers]
    assert doubtful.sum() >= CLASSES


def test_every_probe_gets_the_answer_of_identify_and_verify(
    pack: Pack, data: Dataset, tmp_path: Path
) -> None:
    folder = Path(data.images[0]).parent.parent
    rates = (*PROMISED, REFUSED)
    (report,) = measure(pack, folder, k_shots=(2,), rates=rates, **OPTIONS).reports
    assert report.at(REFUSED).refused == OPTIONS["galleries"]
    for rate in PROMISED:
        said = asked(pack, data, rate, tmp_path)
        known = [s for s in said if s.enrolled]
        strangers = [s for s in said if not s.enrolled]
        row, claims = report.at(rate), next(v for v in report.verification if v.rate == rate)
        for share, expected in (
            (row.fnir, [s.identified.label != s.own for s in known]),
            (row.fpir, [s.identified.answer == "match" for s in strangers]),
            (row.cannot_tell, [s.identified.answer == "cannot_tell" for s in known]),
            (row.strangers_cannot_tell, [s.identified.answer == "cannot_tell" for s in strangers]),
            (claims.fnmr, [s.claimed.answer != "match" for s in said if s.claims_truly]),
            (claims.fmr, [s.claimed.answer == "match" for s in said if not s.claims_truly]),
        ):
            assert share is not None
            assert share.value == pytest.approx(np.mean(expected))
        assert row.cannot_tell.value > 0
        assert row.fnir.value < 1

    # Probabilities are the same at every rate, and are judged where there was an answer.
    told = [s for s in said if s.identified.answer != "cannot_tell"]
    stranger = np.array([not s.enrolled for s in told])
    expected = reliability(
        np.array([s.identified.probability for s in told]),
        np.array([s.identified.candidates[0].label == s.own for s in told]),
        np.where(stranger, 0.5 / stranger.sum(), 0.5 / (~stranger).sum()),
    )
    assert report.reliability is not None
    assert report.reliability.brier == pytest.approx(expected.brier, abs=1e-5)
    assert report.reliability.base_rate == pytest.approx(expected.base_rate)


def test_a_model_without_a_cohort_gets_its_strangers_from_the_data(tmp_path: Path) -> None:
    parts = toy_parts()
    nobody = {"embeddings": parts["embeddings"][:0], "class_index": parts["class_index"][:0]}
    facts = {"class_names": [], "default_similarity": 0.95}
    pack = write_pack(tmp_path / "toy", **{**parts, **nobody, "cohort": facts})
    folder = write_drawings(tmp_path / "data", [f"c{number}" for number in range(30)], 4)

    proof = measure(pack, folder, k_shots=(1,), galleries=3, rates=(0.4, REFUSED))
    assert proof.own_strangers == OwnStrangers(classes=10, pictures=40, default=0.95)
    (report,) = proof.reports
    assert (report.classes, report.pictures) == (20, 80)
    assert report.at(0.4).refused == 0
    assert "own strangers of 10 classes" in str(report.at(REFUSED).refusal)
    assert proof.to_json()["own_strangers"]["classes"] == 10
    said = " ".join(remark.text for remark in summary(proof))
    assert "10 classes were set aside" in said
    assert "40 % is guaranteed by the 10 classes that were set aside." in said

    # At a rate that these do not support, a gallery answers by the default, which is measured.
    kept, everything = proof.dataset, load_dataset(folder)
    asked = {kept.class_names[c] for c in kept.class_index}
    name_of = [everything.class_names[c] for c in everything.class_index]
    own = [i for i, name in enumerate(name_of) if name not in asked]
    drawn = draw_galleries(np.arange(20).repeat(4), enrolled=None, k_shot=1, galleries=3, seed=0)
    let_in, strangers = 0, 0
    for g, support in enumerate(drawn.support.tolist()):
        with holotype.open(tmp_path / f"{g}.gallery", model=pack.path) as recognizer:
            names = [kept.class_names[c] for c in kept.class_index[[r[0] for r in support]]]
            for name, (row,) in zip(names, support, strict=True):
                recognizer.enroll(name, kept.images[row])
            others = [i for i, c in enumerate(kept.class_index) if kept.class_names[c] not in names]
            calibrate(
                recognizer,
                [everything.images[i] for i in own],
                [name_of[i] for i in own],
                suspects="keep",
            )
            decisions = recognizer.identify([kept.images[row] for row in others], REFUSED)
        assert not any(decision.promised for decision in decisions)
        let_in += sum(decision.answer == "match" for decision in decisions)
        strangers += len(decisions)
    assert report.default is not None
    assert report.default.fpir is not None
    assert report.default.fpir.value == pytest.approx(let_in / strangers)
