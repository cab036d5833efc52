"""A pack gets a head from a folder of classes where one helps, and else stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from typer.testing import CliRunner

import holotype
from holotype.cli.app import app
from holotype.embedder import Embedder
from holotype.errors import DataError, PackError
from holotype.pack import load_pack
from holotype.packing.adapt import adapt_pack
from holotype.packing.build import build_pack
from holotype.packing.heads import Kind, chosen_head, compared, fit, one_shot, with_head
from holotype.packing.model_input import preprocessing_for
from holotype.packing.verify import verify_pack
from holotype.stats.scoring import unit
from packing import layouts
from toy_photos import photo_model, write_photos


def classes(
    count: int, nuisance: float, seed: int = 0, noise: float = 0.15
) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors [M, 16]: four coordinates tell the class, four others vary with the picture."""
    rng = np.random.default_rng(seed)
    index = np.repeat(np.arange(count), 6)
    vectors = np.zeros((len(index), 16))
    vectors[:, :4] = rng.normal(size=(count, 4))[index]
    vectors[:, 4:8] = rng.normal(scale=nuisance, size=(len(index), 4))
    vectors += rng.normal(scale=noise, size=vectors.shape)
    return unit(vectors), index


def test_what_varies_inside_classes_is_taken_out() -> None:
    vectors, index = classes(30, nuisance=2.0)
    head, tried = chosen_head(vectors, index, seed=0)
    assert head is not None
    assert tried[0].helps
    assert tried[0].difference > 20
    fresh, fresh_index = classes(12, nuisance=2.0, seed=1)
    bare, mapped = (one_shot(v, fresh_index, 0).mean() for v in (fresh, head(fresh)))
    assert mapped > bare + 0.2


def test_where_nothing_helps_nothing_is_chosen() -> None:
    vectors, index = classes(30, nuisance=0.01, noise=0.01)  # each is nearest to its own
    head, tried = chosen_head(vectors, index, seed=0)
    assert head is None
    assert not any(one.helps for one in tried)


def test_discriminants_keep_what_differs() -> None:
    vectors, index = classes(60, nuisance=2.0)
    head = fit(vectors, index, Kind(0.1, 4))
    assert head.matrix.shape == (16, 4)
    fresh, fresh_index = classes(12, nuisance=2.0, seed=1)
    assert one_shot(head(fresh), fresh_index, 0).mean() > one_shot(fresh, fresh_index, 0).mean()


def test_accuracy_by_hand() -> None:
    """Two classes on two axes, and one picture of the first that lies nearer to the second."""
    vectors = unit(np.array([[1, 0], [1, 0.1], [0.2, 1], [0, 1], [0.1, 1]]))
    index = np.array([0, 0, 0, 1, 1])
    by_draw = []
    rng = np.random.default_rng(3)
    rows = [rng.permutation([0, 1, 2]), rng.permutation([3, 4])]
    for draw in range(2):
        one, other = rows[0][draw], rows[1][draw]
        right = [
            [
                vectors[row] @ vectors[one] > vectors[row] @ vectors[other]
                for row in {0, 1, 2} - {one}
            ],
            [
                vectors[row] @ vectors[other] > vectors[row] @ vectors[one]
                for row in {3, 4} - {other}
            ],
        ]
        by_draw.append([np.mean(of_class) for of_class in right])
    np.testing.assert_allclose(one_shot(vectors, index, 3), np.mean(by_draw, axis=0))


def test_differences_are_those_of_the_same_classes() -> None:
    tried = compared("x", np.array([0.9, 0.7, 0.8]), np.array([0.8, 0.6, 0.7]))
    assert tried.accuracy == pytest.approx(80)
    assert tried.difference == pytest.approx(10)
    assert tried.error == pytest.approx(0, abs=1e-9)
    assert tried.helps
    assert compared("x", np.array([0.5, 0.6]), np.array([0.8, 0.9])).harms


@pytest.mark.parametrize("batch", [1, "batch"])
def test_a_head_becomes_a_part_of_the_graph(batch: int | str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(photo_model(batch=batch).SerializeToString())
    made = build_pack(
        path, None, tmp_path / "bare", name="bare", preprocess=preprocessing_for, license="",
        command="",
    )  # fmt: skip
    vectors = np.random.default_rng(0).normal(size=(90, 24))
    head = fit(unit(vectors), np.repeat(np.arange(30), 3), Kind(1.0, 8))
    model = with_head(made.pack.model(), head)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    path.write_bytes(model)
    adapted = build_pack(
        path, None, tmp_path / "adapted", name="a", preprocess=preprocessing_for, license="",
        command="",
    )  # fmt: skip
    batch_of = np.random.default_rng(1).random((3, 3, 32, 32), np.float32)
    expected = head(Embedder(made.pack).embed_prepared(batch_of))
    found = Embedder(adapted.pack).embed_prepared(batch_of)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def tinted(folder: Path, count: int = 24, each: int = 6) -> Path:
    """Stripes whose pace and direction tell the class, in any colors."""
    rng = np.random.default_rng(0)
    for number in range(count):
        period, tilt = rng.uniform(4, 14), rng.uniform(-1.5, 1.5)
        for picture in range(each):
            colors = rng.uniform(20, 235, (2, 3))
            y, x = np.mgrid[:48, :56]
            stripe = ((x + tilt * y + rng.uniform(0, 9)) % period < period / 2).astype(int)
            path = folder / f"class{number:02d}" / f"{picture}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(colors[stripe].astype(np.uint8)).save(path)
    return folder


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bare")
    (folder / "model.onnx").write_bytes(photo_model(dim=32).SerializeToString())
    build_pack(
        folder / "model.onnx", None, folder / "pack", name="bare", preprocess=preprocessing_for,
        license="MIT", command="",
    )  # fmt: skip
    return folder / "pack"


def test_one_command(bare: Path, tmp_path: Path) -> None:
    pictures = tinted(tmp_path / "tinted")
    out = tmp_path / "mine"
    arguments = ["adapt", str(bare), "--background", str(pictures), "--name", "mine"]
    result = CliRunner().invoke(app, ["pack", *arguments, "--out", str(out), "--json"])
    assert result.exit_code == 0, result.output
    said = json.loads(result.output)
    assert said["classes"] == {"background": 12, "cohort": 6, "held out": 6}
    pack = verify_pack(out).pack
    card = pack.card
    assert card.license == "MIT"
    assert card.training["adapted from"].startswith("bare, model ")
    names = [card.background["class_names"], card.cohort["class_names"], card.training["held out"]]
    assert sorted(name for part in names for name in part) == sorted(
        path.name for path in pictures.iterdir()
    )
    assert (said["head"] is None) == (card.model_id == load_pack(bare).card.model_id)
    with holotype.open(tmp_path / "g.gallery", model=out) as gallery:
        for name in card.training["held out"]:
            gallery.enroll(name, pictures / name / "0.png")
        decision = gallery.identify(pictures / name / "0.png", fpir=0.5)
        assert decision.candidates[0].label == name


def test_the_cohort_is_what_the_new_model_gives(bare: Path, tmp_path: Path) -> None:
    pictures = tinted(tmp_path / "tinted")
    adapted = adapt_pack(bare, str(pictures), tmp_path / "mine", name="mine", command="")
    pack = load_pack(adapted.pack.path)
    embeddings, index = pack.cohort()
    first = pack.card.cohort["class_names"][0]
    expected = Embedder(pack).embed(sorted((pictures / first).iterdir()))
    np.testing.assert_allclose(embeddings[index == 0], expected, atol=2e-3)
    for one in adapted.tried:
        assert np.isfinite([one.accuracy, one.difference, one.error]).all()


def test_what_cannot_be_adapted(bare: Path, tmp_path: Path) -> None:
    few = write_photos(tmp_path / "few", classes=23, each=2)
    with pytest.raises(
        DataError, match=r"'few' has 23 classes; 24 are needed.*`holotype calibrate` as strangers"
    ):
        adapt_pack(bare, str(few), tmp_path / "mine", name="mine", command="")
    lonely = write_photos(tmp_path / "lonely", classes=24, each=2)
    (lonely / "class03" / "0.png").unlink()
    with pytest.raises(DataError, match="'class03' of 'lonely' has one picture"):
        adapt_pack(bare, str(lonely), tmp_path / "mine", name="mine", command="")
    layouts.bert(tmp_path / "model.onnx")
    words = build_pack(
        tmp_path / "model.onnx", None, tmp_path / "words", name="words",
        preprocess=preprocessing_for, license="", command="",
    )  # fmt: skip
    with pytest.raises(PackError, match="'words' takes tensors"):
        adapt_pack(words.pack.path, str(few), tmp_path / "mine", name="mine", command="")
    with pytest.raises(PackError, match="exists already"):
        adapt_pack(bare, str(few), tmp_path / "few", name="mine", command="")
