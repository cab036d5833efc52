"""Any embedder and a folder become a pack whose card says what was measured."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import holotype
from holotype.embedder import Embedder
from holotype.errors import DataError, PackError
from holotype.model.graph import Graph, Input
from holotype.pack import load_pack
from holotype.packing.build import Built, build_pack
from holotype.packing.model_input import preprocessing_for
from holotype.packing.verify import verify_pack
from holotype.preprocessing import Preprocessing
from hostile_models import endless_loop, huge_constant
from toy_photos import photo_model, write_photos


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("data") / "stripes")


def made(path: Path, pictures: Path, model: onnx.ModelProto, **changes: Any) -> Built:
    path.mkdir(exist_ok=True)
    (path / "model.onnx").write_bytes(model.SerializeToString())
    arguments = {
        "name": "mine",
        "preprocess": preprocessing_for,
        "license": "MIT",
        "command": "holotype pack build ...",
        **changes,
    }
    return build_pack(path / "model.onnx", str(pictures), path / "mine", **arguments)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Built:
    return made(tmp_path_factory.mktemp("built"), pictures, photo_model())


def test_the_classes_are_divided(built: Built, pictures: Path) -> None:
    card = load_pack(built.pack.path).card
    parts = [
        card.background["class_names"],
        card.cohort["class_names"],
        card.training["held out"],
    ]
    assert [len(part) for part in parts] == [4, 8, 4]
    assert sorted(name for part in parts for name in part) == sorted(os.listdir(pictures))
    assert built.classes == {"background": 4, "cohort": 8, "held out": 4}


def test_the_references_are_what_the_model_gives(built: Built, pictures: Path) -> None:
    pack = load_pack(built.pack.path)
    embeddings, index = pack.cohort()
    first = pack.card.cohort["class_names"][0]
    expected = Embedder(pack).embed(sorted((pictures / first).iterdir()))
    np.testing.assert_allclose(embeddings[index == 0], expected, atol=1e-3)


def test_the_card_says_what_was_measured_and_what_is_not_known(built: Built) -> None:
    card = built.pack.card
    assert {score["protocol"] for score in card.scores} == {"held-out classes"}
    assert all(score["accuracy"] > 80 for score in card.scores)  # the stripes are easy
    assert {row["stated_fpir"] for row in card.promise} >= {0.1, 0.01, 0.001}
    # Eight classes promise none of these, so a rate that they can promise is measured as well.
    promised = [row for row in card.promise if row["fpir"]]
    assert promised
    assert min(row["stated_fpir"] for row in promised) >= built.measured.smallest_rate
    page = (built.pack.path / "README.md").read_text()
    assert page.count("not known whether the model saw them") == 2
    assert "learned from | not known to holotype" in page.replace("training: ", "")
    assert "## The promise about strangers" in page


def test_the_report_lies_beside_it(built: Built) -> None:
    page, figures = built.written
    assert page == Path(os.path.relpath(built.pack.path)).resolve().parent / "mine-report.html"
    assert json.loads(figures.read_text())["model"] == "mine"
    assert sorted(os.listdir(page.parent)) == [
        "mine",
        "mine-report.html",
        "mine-report.json",
        "model.onnx",
    ]


def test_it_recognizes(built: Built, pictures: Path, tmp_path: Path) -> None:
    with holotype.open(tmp_path / "g.gallery", model=built.pack.path) as recognizer:
        for name in built.pack.card.training["held out"]:
            recognizer.enroll(name, pictures / name / "0.png")
        rate = 2 * built.measured.smallest_rate
        decision = recognizer.identify(pictures / name / "1.png", fpir=min(rate, 0.5))
        assert decision.candidates[0].label == name


def test_it_passes_its_own_check(built: Built) -> None:
    assert verify_pack(built.pack.path).pack.card == built.pack.card


def test_a_model_of_one_picture_is_taken(tmp_path: Path, pictures: Path, built: Built) -> None:
    single = made(tmp_path, pictures, photo_model(batch=1))
    assert Embedder(single.pack).chunk == 1
    for one, many in zip(single.pack.cohort(), built.pack.cohort(), strict=True):
        np.testing.assert_allclose(one, many, atol=2e-3)  # stored in half precision


def test_a_model_that_mixes_the_pictures_of_a_batch(tmp_path: Path, pictures: Path) -> None:
    model = photo_model()
    model.graph.node[-1].output[0] = "own"
    model.graph.node.extend(
        [
            helper.make_node("ReduceMean", ["own"], ["mean"], axes=[0], keepdims=1),
            helper.make_node("Sub", ["own", "mean"], ["rest"]),
            helper.make_node("Add", ["rest", "one"], ["features"]),
        ]
    )
    model.graph.initializer.append(numpy_helper.from_array(np.float32(1), "one"))
    with pytest.raises(PackError, match=r"with the pictures beside it; at most 0\.0001"):
        made(tmp_path, pictures, model)
    assert os.listdir(tmp_path) == ["model.onnx"]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (endless_loop(), "'Loop' runs a graph of its own"),
        (huge_constant(), "needs 149.0 GiB"),
    ],
)
def test_a_hostile_model(tmp_path: Path, pictures: Path, model: Any, said: str) -> None:
    with pytest.raises(PackError, match=said):
        made(tmp_path, pictures, model)
    assert os.listdir(tmp_path) == ["model.onnx"]


def test_what_cannot_be_built(tmp_path: Path, pictures: Path) -> None:
    with pytest.raises(PackError, match="cannot be read"):
        build_pack(
            tmp_path / "none.onnx",
            str(pictures),
            tmp_path / "mine",
            name="mine",
            preprocess=preprocessing_for,
            license="",
            command="",
        )
    few = write_photos(tmp_path / "few", classes=11)
    with pytest.raises(DataError, match="'few' has 11 classes; 12 are needed"):
        made(tmp_path, few, photo_model())
    lonely = write_photos(tmp_path / "lonely", classes=12, each=2)
    (lonely / "class03" / "0.png").unlink()
    with pytest.raises(DataError, match="'class03' of 'lonely' has one picture"):
        made(tmp_path, lonely, photo_model())
    (tmp_path / "mine").mkdir()
    with pytest.raises(PackError, match="exists already"):
        made(tmp_path, pictures, photo_model())


def graph(*dims: int | str | None) -> Graph:
    return Graph((), (Input("images", ("batch", *dims)),), ("embeddings",))


RGB = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize(
    ("dims", "stated", "expected"),
    [
        ((3, 224, 224), {}, Preprocessing("photo", 224, 0, 3, "crop", *RGB)),
        ((1, 64, 64), {}, Preprocessing("photo", 64, 0, 1, "crop", (0.0,), (1.0,))),
        (
            (3, "h", "w"),
            {"size_px": 96, "fit": "pad", "mean": [0.5], "std": [0.25]},
            Preprocessing("photo", 96, 0, 3, "pad", (0.5,) * 3, (0.25,) * 3),
        ),
        ((1, 28, 28), {"kind": "ink"}, Preprocessing("ink", 28, 0)),
    ],
)
def test_preprocessing_is_read_or_stated(
    dims: tuple[Any, ...], stated: dict[str, Any], expected: Preprocessing
) -> None:
    assert preprocessing_for(graph(*dims), **stated) == expected


@pytest.mark.parametrize(
    ("dims", "stated", "said"),
    [
        ((3, "h", "w"), {}, r"leaves its size open.*--size"),
        ((3, 64, 64), {"size_px": 32}, "declares size 64, and 32 is stated"),
        ((1, 224, 200), {"kind": "ink"}, "width_px does not belong to kind 'ink'"),
        ((3, 64, 64), {"channels": 1}, "declares channels 3, and 1 is stated"),
        ((64, 64), {"kind": "photo"}, r"not one \[batch, channels, side, side\]"),
        ((4, 64, 64), {}, "channels of kind 'photo'"),
        ((3, 64, 64), {"std": [0.0]}, "std of kind 'photo' is not valid"),
        ((3, 64, 64), {"mean": [0.1, 0.2]}, "mean has 2 values for channels=3"),
        ((3, 64, 64), {"fit": "squeeze"}, "fit of kind 'photo' is not valid"),
        ((1, 64, 64), {"kind": "ink", "mean": [0.5]}, "belong to photographs"),
        ((3, 64, 64), {"kind": "ink"}, "drawings are grey"),
    ],
)
def test_preprocessing_that_cannot_be(
    dims: tuple[Any, ...], stated: dict[str, Any], said: str
) -> None:
    with pytest.raises(PackError, match=said):
        preprocessing_for(graph(*dims), **stated)


def test_a_stated_preprocessing_is_kept(tmp_path: Path, pictures: Path) -> None:
    stated = partial(preprocessing_for, fit="stretch", mean=[0.5], std=[0.5])
    card = made(tmp_path, pictures, photo_model(), preprocess=stated).pack.card
    assert card.preprocessing.fit == "stretch"
    assert card.preprocessing.std == (0.5, 0.5, 0.5)
