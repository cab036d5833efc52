"""A pack of pictures gets a text side from a folder whose classes are named in words."""

from __future__ import annotations

import json
import os
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image
from typer.testing import CliRunner

import holotype
from holotype.cli.app import app
from holotype.embedder import Embedder
from holotype.errors import DataError, PackError, TextError
from holotype.pack import load_pack
from holotype.packing import text_map
from holotype.packing.build import build_pack
from holotype.packing.describe import describe_pack, read_texts, words_of
from holotype.packing.heads import with_head
from holotype.packing.model_input import preprocessing_for
from holotype.packing.verify import verify_pack
from holotype.stats.scoring import unit
from toy_packs import make_toy_pack
from toy_photos import write_photos
from toy_texts import WIDTH, WORDS, make_toy_texts

_NAMES = [f"{one} {other}" for one, other in combinations(WORDS[:12], 2)]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_toy_texts(tmp_path_factory.mktemp("texts") / "pack")


@pytest.fixture(scope="module")
def eye(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It sees how light each of 4 x 4 places is, in three colors."""
    folder = tmp_path_factory.mktemp("eye")
    pixels, places = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *dims])
        for name, dims in (("pixels", (3, 32, 32)), ("places", (48,)))
    )
    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["map"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["map"], ["places"]),
    ]
    graph = helper.make_graph(nodes, "eye", [pixels], [places])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    build_pack(
        folder / "model.onnx", None, folder / "pack", name="eye", license="MIT", command="",
        preprocess=partial(preprocessing_for, mean=[0.5], std=[0.5]),
    )  # fmt: skip
    return folder / "pack"


@pytest.fixture(scope="module")
def named(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures that show what the vector of their name is, with some noise."""
    folder = tmp_path_factory.mktemp("named")
    rng = np.random.default_rng(0)
    for name, vector in zip(_NAMES, Embedder(load_pack(texts)).embed(_NAMES), strict=True):
        for number in range(3):
            shown = vector.reshape(4, 4) + rng.normal(scale=0.02, size=(4, 4))
            pixels = np.kron(np.clip(128 + 200 * shown, 0, 255), np.ones((8, 8))).astype(np.uint8)
            path = folder / name.replace(" ", "_") / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(np.stack([pixels] * 3, axis=2)).save(path)
    return folder


def test_near_texts_vote_by_hand() -> None:
    """Two classes on two axes; a text that is the first one's, and one that lies between."""
    texts, classes = unit(np.array([[1.0, 0], [0, 1]])), unit(np.array([[1.0, 0, 0], [0, 1, 0]]))
    solved = text_map.fit(texts, classes, 0.1)
    np.testing.assert_allclose(solved(texts[:1]), classes[:1], atol=1e-6)
    asked = unit(np.array([[0.6, 0.4]]))
    ((x, y, z),) = solved(asked)
    assert x > y  # nearer to the first, and as far from the middle as that
    assert z == 0


def test_the_map_becomes_a_part_of_the_graph(texts: Path) -> None:
    reader = load_pack(texts)
    rng = np.random.default_rng(0)
    solved = text_map.fit(unit(rng.normal(size=(9, WIDTH))), unit(rng.normal(size=(9, 5))), 0.1)
    model = with_head(reader.model(), solved)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)


def test_a_width_is_chosen_on_classes_left_out() -> None:
    rng = np.random.default_rng(0)
    texts = unit(rng.normal(size=(60, 6)))
    index = np.repeat(np.arange(60), 3)
    vectors = unit(texts[index] @ rng.normal(size=(6, 8)) + rng.normal(scale=0.01, size=(180, 8)))
    solved, tried = text_map.chosen(texts, vectors, index, seed=0)
    assert set(tried) == set(text_map.WIDTHS)
    assert solved.width == next(iter(tried))
    assert max(tried.values()) > 0.4  # 12 classes among one another
    shuffled = text_map.chosen(rng.permutation(texts), vectors, index, seed=0)[1]
    assert max(shuffled.values()) < 0.25


def test_what_a_text_is_worth_is_asked_of_classes_left_out() -> None:
    """Of texts that are the vectors themselves much, and of others nothing."""
    rng = np.random.default_rng(0)
    texts = unit(rng.normal(size=(60, 4)))
    index = np.repeat(np.arange(60), 3)
    vectors = unit(texts[index] + rng.normal(scale=0.02, size=(180, 4)))
    told, shown = text_map.measured(texts, vectors, index, seed=0)
    assert told.shape == shown.shape == (60,)
    assert told.mean() > 0.5  # of 12
    assert shown.mean() > 0.9
    nothing, _ = text_map.measured(rng.permutation(texts), vectors, index, seed=0)
    assert nothing.mean() < 0.2


def test_one_command(eye: Path, texts: Path, named: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    asked = ["describe", os.fspath(eye), "--background", os.fspath(named), "--name", "mine"]
    asked += ["--out", os.fspath(out), "--text-encoder", os.fspath(texts)]
    done = CliRunner().invoke(app, ["pack", *asked, "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert said["accuracy"] > 3 * said["chance"]
    pack = verify_pack(out).pack
    assert pack.text is not None
    assert pack.card.model_id == said["model_id"] != load_pack(eye).card.model_id
    assert pack.card.scores[-1]["k_shot"] == 0
    assert "0-shot" in (out / "README.md").read_text()
    picture = named / "please_cancel" / "0.png"
    np.testing.assert_array_equal(
        Embedder(pack).embed([picture]), Embedder(load_pack(eye)).embed([picture])
    )
    with holotype.open(tmp_path / "g.gallery", model=out) as gallery:
        some = _NAMES[::6]
        for name in some:
            gallery.enroll(name, descriptions=[name])
        shown = [named / name.replace(" ", "_") / "0.png" for name in some]
        found = [one.candidates[0].label for one in gallery.identify(shown)]
        assert sum(map(str.__eq__, found, some)) >= 4  # of 11; by chance one
    with pytest.raises(PackError, match="has a text side already"):
        describe_pack(out, str(named), tmp_path / "again", name="again", command="")


def test_more_about_the_classes(named: Path, tmp_path: Path) -> None:
    path = tmp_path / "texts.json"
    path.write_text('{"a_new": "send money", "007": ["pay", "pay it"]}')
    more = read_texts(path)
    assert words_of(["a_new", "007"], more) == {
        "a_new": ("a new", "send money"),
        "007": ("pay", "pay it"),
    }
    with pytest.raises(DataError, match=r"about 'a_new', and no class.*such as 'other'"):
        words_of(["other"], more)
    with pytest.raises(DataError, match="'007' is called by no word"):
        words_of(["007"], {})
    for wrong in ("[]", "{}", '{"a": 1}', '{"a": [1]}'):
        path.write_text(wrong)
        with pytest.raises(DataError, match="holds no texts of classes"):
            read_texts(path)
    path.write_text("{")
    with pytest.raises(DataError, match="cannot be read as JSON"):
        read_texts(path)
    with pytest.raises(DataError, match="cannot be read as JSON"):
        read_texts(tmp_path / "missing.json")


def test_what_cannot_be_described(eye: Path, texts: Path, named: Path, tmp_path: Path) -> None:
    def described(pack: str | Path, folder: Path, **more: object) -> None:
        describe_pack(pack, str(folder), tmp_path / "out", name="out", command="", **more)

    few = write_photos(tmp_path / "few", classes=23, each=2)
    with pytest.raises(DataError, match="23 classes; 24 are needed"):
        described(eye, few, text_encoder=texts)
    with pytest.raises(PackError, match="'toy' reads no texts"):
        described(eye, named, text_encoder=make_toy_pack(tmp_path / "toy"))
    with pytest.raises(PackError, match="'voices' takes recordings, and a folder of pictures"):
        described("voices", named, text_encoder=texts)
    with pytest.raises(PackError, match="'toy-texts' takes tensors"):
        described(texts, named, text_encoder=texts)
    strange = write_photos(tmp_path / "strange", classes=24, each=2)  # no word that it knows
    with pytest.raises(TextError, match="knows none of its words"):
        described(eye, strange, text_encoder=texts)
    turned = tmp_path / "turned"  # each name on the pictures of another
    turned.mkdir()
    for name, other in zip(_NAMES, np.random.default_rng(1).permutation(_NAMES), strict=True):
        (turned / name).symlink_to(named / other.replace(" ", "_"), target_is_directory=True)
    with pytest.raises(PackError, match=r"texts say too little.*of 13.2 classes left out"):
        described(eye, turned, text_encoder=texts)
    assert not (tmp_path / "out").exists()
    with pytest.raises(PackError, match="exists already"):
        describe_pack(eye, str(named), named, name="out", command="")
