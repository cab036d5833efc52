"""Every layout that exporters write becomes a pack: it builds, verifies, enrolls and identifies."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import holotype
from holotype.domains.declared import Notes
from holotype.embedder import Embedder
from holotype.errors import ImageError, PackError, VectorError
from holotype.pack import Pack, load_pack
from holotype.packing.build import Built, build_pack
from holotype.packing.encoder import Chosen
from holotype.packing.model_input import preprocessing_for
from holotype.packing.verify import verify_pack
from packing import layouts
from packing.layouts import LAYOUTS
from toy_photos import write_photos

PLAIN = {"mean": [0.0], "std": [1.0], "fit": "stretch"}


def built(model: Path, chosen: Chosen | None = None, **stated: Any) -> Built:
    notes = Notes()
    return build_pack(
        model,
        None,
        model.parent / "mine",
        name="mine",
        preprocess=partial(preprocessing_for, notes=notes, **stated),
        license="MIT",
        command="holotype pack build ...",
        chosen=chosen or Chosen(),
        notes=notes,
    )


def network(model: Path, feed: Any) -> dict[str, NDArray[Any]]:
    """What the network gives by itself."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(None, dict(feed)), strict=True))


def unit(vectors: NDArray[Any]) -> NDArray[Any]:
    vectors = vectors.astype(np.float64)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("data") / "stripes", classes=3, each=2)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * layout.slow)
        for name, layout in LAYOUTS.items()
    ],
)
def test_a_layout(name: str, tmp_path: Path, pictures: Path) -> None:
    layout = LAYOUTS[name]
    model = tmp_path / "model.onnx"
    layout.write(model)
    tones = {} if "bytes" in name else {"mean": [0.0], "std": [1.0]}
    made = built(model, layout.chosen, fit="stretch", **tones, **layout.stated)
    assert layout.assumed in " ".join(made.notes.assumed)
    assert made.pack.card.encoder["assumed"] == (made.notes.assumed or ["nothing"])
    # It is one call of one graph, and gives what the network gives.
    embedder = Embedder(verify_pack(made.pack.path).pack)
    batch = np.random.default_rng(0).random((3, *embedder.preprocessing.input_shape), np.float32)
    expected = np.concatenate(
        [unit(layout.expected(network(model, layout.feed(one[None])))) for one in batch]
    )
    np.testing.assert_allclose(embedder.embed_prepared(batch), expected, atol=2e-3)
    onnx.checker.check_model(onnx.load_from_string(made.pack.model()), full_check=True)
    with holotype.open(tmp_path / "g.gallery", model=made.pack.path) as gallery:
        for number in range(3):
            gallery.enroll(str(number), pictures / f"class{number:02d}" / "0.png")
        decision = gallery.identify(pictures / "class01" / "0.png", fpir=0.5)
        assert decision.candidates[0].label == "1"
        assert decision.candidates[0].similarity == pytest.approx(1, abs=1e-5)
        assert decision.basis is not None
        assert decision.basis.known == "guaranteed"


def words(count: int, length: int, seed: int = 0) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    mask = (np.arange(length) < rng.integers(2, length + 1, (count, 1))).astype(np.int64)
    ids = rng.integers(0, layouts.VOCABULARY, (count, length)) * mask
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": 0 * ids}


def recognized(pack: Pack, vectors: NDArray[np.float32], path: Path) -> None:
    with holotype.open(path, model=pack.path) as gallery:
        for number, vector in enumerate(vectors):
            gallery.enroll(str(number), vectors=vector)
        decisions = gallery.identify(vectors=vectors, fpir=0.5)
        assert isinstance(decisions, list)
        assert [one.candidates[0].label for one in decisions] == [
            str(number) for number in range(len(vectors))
        ]
        with pytest.raises(ImageError, match="not pictures"):
            gallery.enroll("a picture", np.zeros((20, 20), np.uint8))


def pooled(hidden: NDArray[Any], mask: NDArray[Any], pool: str) -> NDArray[Any]:
    counted = [tokens[seen > 0] for tokens, seen in zip(hidden, mask, strict=True)]
    return np.stack(
        [
            {
                "cls": lambda x: x[0],
                "mean": lambda x: x.mean(0),
                "max": lambda x: x.max(0),
                "gem": lambda x: (np.maximum(x, 1e-6) ** 3).mean(0) ** (1 / 3),
            }[pool](tokens)
            for tokens in counted
        ]
    )


@pytest.mark.parametrize("pool", ["cls", "mean", "max", "gem"])
def test_words_are_pooled_over_their_mask(pool: str, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    layouts.bert(model)
    made = built(model, Chosen(("last_hidden_state",), pool))
    pack = verify_pack(made.pack.path).pack
    asked = pack.card.preprocessing.inputs
    assert asked is not None
    assert [one.name for one in asked] == ["input_ids", "attention_mask", "token_type_ids"]
    feed = words(5, 7)
    hidden = network(model, feed)["last_hidden_state"]
    found = Embedder(pack).embed_tensors(feed)
    expected = unit(pooled(hidden, feed["attention_mask"], pool))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    recognized(pack, found, tmp_path / "g.gallery")


def test_words_without_a_choice(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    layouts.bert(model)
    made = built(model)
    assert "last_hidden_state is the embedding, of last_hidden_state" in made.notes.assumed[0]
    assert "pooled by mean" in made.notes.assumed[1]
    page = (made.pack.path / "README.md").read_text()
    assert "tensors that a program prepares: `input_ids` int64 [batch, sequence_length]" in page
    assert "from 2/(N + 1) on are guaranteed" in page


def test_sound(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    layouts.wav2vec(model)
    pack = verify_pack(built(model).pack.path).pack
    sound = np.random.default_rng(0).normal(size=(4, 5000)).astype(np.float32)
    expected = unit(network(model, {"input_values": sound})["last_hidden_state"].mean(1))
    found = Embedder(pack).embed_tensors({"input_values": sound})
    np.testing.assert_allclose(found, expected, atol=1e-5)
    recognized(pack, found, tmp_path / "g.gallery")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda feed: feed.pop("attention_mask"), "the model takes input_ids, attention_mask"),
        (lambda feed: feed.update(input_ids=feed["input_ids"] + 0.5), "input_ids is float64"),
        (lambda feed: feed.update(input_ids=feed["input_ids"][0]), r"input_ids is int64 \[7\]"),
        (lambda feed: feed.update(input_ids=feed["input_ids"][:1]), r"is int64 \[1, 7\]"),
    ],
)
def test_tensors_that_do_not_fit(change: Any, said: str, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    layouts.bert(model)
    embedder = Embedder(built(model).pack)
    feed = words(2, 7)
    change(feed)
    with pytest.raises(VectorError, match=said):
        embedder.embed_tensors(feed)


def write(path: Path, model: onnx.ModelProto) -> None:
    path.write_bytes(model.SerializeToString())


def not_a_number(path: Path) -> None:
    model = layouts.convolution(path)
    model.graph.node.append(helper.make_node("Div", ["zero", "zero"], ["nan"]))
    model.graph.node.append(helper.make_node("Add", ["map0", "nan"], ["map1"]))
    model.graph.initializer.append(numpy_helper.from_array(np.float32(0), "zero"))
    model.graph.output[0].name = "map1"
    write(path, model)


def of_a_library(path: Path) -> None:
    model = layouts.convolution(path)
    model.graph.node[-1].domain = "com.microsoft"
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    write(path, model)


def unknown_operator(path: Path) -> None:
    model = layouts.convolution(path)
    model.graph.node[-1].op_type = "Recognize"
    write(path, model)


def five_dimensions(path: Path) -> None:
    model = layouts.convolution(path)
    model.graph.node.append(helper.make_node("Unsqueeze", ["map0", "axis"], ["five"]))
    model.graph.initializer.append(numpy_helper.from_array(np.array([1]), "axis"))
    model.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("five", TensorProto.FLOAT, [None] * 5)
    )
    write(path, model)


def weights_missing(path: Path) -> None:
    layouts.outside(path)
    (path.parent / "model.onnx_data").unlink()


def weights_cut(path: Path) -> None:
    layouts.outside(path)
    beside = path.parent / "model.onnx_data"
    beside.write_bytes(beside.read_bytes()[:-10])


def weights_elsewhere(path: Path) -> None:
    layouts.outside(path)
    model = onnx.load(path, load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = "../../etc/passwd"
    write(path, model)


@pytest.mark.parametrize(
    ("make", "chosen", "said"),
    [
        (layouts.vit, Chosen(("embeds",)), r"no output 'embeds'; it gives last_hidden_state \["),
        (layouts.vit, Chosen(pool="median"), "no pooling 'median'"),
        (layouts.vit, Chosen(("pooler_output:mean",)), "pooler_output is a vector already"),
        (layouts.convolution, Chosen(pool="cls"), "map0 is a map and has no first token"),
        (layouts.clip, Chosen(("logits_per_image",)), "needs input_ids, attention_mask besides"),
        (five_dimensions, Chosen(), "no vector, no tokens and no map"),
        (not_a_number, Chosen(), "gives numbers that are not finite"),
        (of_a_library, Chosen(), "'Relu' is of domain 'com.microsoft'"),
        (unknown_operator, Chosen(), "cannot be run"),
        (weights_missing, Chosen(), "lie in 'model.onnx_data', which is not beside it"),
        (weights_cut, Chosen(), "'model.onnx_data' beside the model .* ends too soon"),
        (weights_elsewhere, Chosen(), "only files of its own folder are read"),
        (lambda path: path.write_bytes(b"PK\x03\x04" * 90), Chosen(), "Export it as a plain"),
        (lambda path: path.write_bytes(b""), Chosen(), "it is no ONNX model"),
        (
            lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid 1\n"),
            Chosen(),
            "Export it as a plain network",
        ),
    ],
)
def test_what_makes_no_pack(make: Any, chosen: Chosen, said: str, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    make(model)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(PackError, match=said):
        built(model, chosen)
    assert sorted(tmp_path.iterdir()) == before


def test_a_value_inside_the_graph_may_be_the_embedding(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    whole = layouts.convolution(model, maps=2)
    batch = np.random.default_rng(0).random((2, 3, 32, 32), np.float32)
    given = network(model, {"pixels": batch})
    whole.graph.output.pop(0)  # what is left leads through it
    write(model, whole)
    pack = verify_pack(built(model, Chosen(("map0:max", "map1:mean")), **PLAIN).pack.path).pack
    expected = np.concatenate([given["map0"].max((2, 3)), given["map1"].mean((2, 3))], axis=1)
    found = Embedder(pack).embed_prepared(batch)
    np.testing.assert_allclose(found, unit(expected), atol=1e-5)
    onnx.checker.check_model(onnx.load_from_string(pack.model()), full_check=True)


def test_a_folder_of_pictures_says_nothing_of_words(tmp_path: Path, pictures: Path) -> None:
    model = tmp_path / "model.onnx"
    layouts.bert(model)
    with pytest.raises(PackError, match="a folder of pictures shows none"):
        build_pack(
            model,
            str(pictures),
            tmp_path / "mine",
            name="mine",
            preprocess=preprocessing_for,
            license="",
            command="",
        )


def test_a_pack_of_one_part_is_the_part_alone(tmp_path: Path) -> None:
    """What pictures do not need of CLIP is left out of its pack."""
    model = tmp_path / "model.onnx"
    layouts.clip(model)
    pack = load_pack(built(model, **PLAIN).pack.path)
    assert len(pack.model()) < model.stat().st_size
    assert [one.name for one in onnx.load_from_string(pack.model()).graph.input] == ["pictures"]
