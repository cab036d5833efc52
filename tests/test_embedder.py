from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from holotype.embedder import Embedder
from holotype.errors import ImageError, PackError
from holotype.image.prepare import prepare_batch
from holotype.model.graph import read_graph
from holotype.model.session import open_session
from holotype.pack import load_pack, write_pack
from toy_packs import make_toy_pack, toy_drawing, toy_embeddings, toy_model, toy_parts


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return Embedder(load_pack(make_toy_pack(tmp_path_factory.mktemp("packs") / "toy")))


def pack_of(path: Path, model: onnx.ModelProto, **changes: Any) -> Embedder:
    return Embedder(
        write_pack(path, **{**toy_parts(), "model": model.SerializeToString(), **changes})
    )


def test_embeddings_are_those_of_the_model(embedder: Embedder) -> None:
    drawings = [toy_drawing(c) for c in range(5)]
    expected = toy_embeddings(prepare_batch(drawings, embedder.preprocessing))
    embeddings = embedder.embed(drawings)
    assert embeddings.shape == (5, 8)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(embeddings, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)


def test_the_cohort_is_what_the_model_gives(tmp_path: Path) -> None:
    pack = load_pack(make_toy_pack(tmp_path / "toy"))
    vectors, _ = pack.cohort()
    drawings = [toy_drawing(1000, drawer) for drawer in range(5)]
    np.testing.assert_allclose(Embedder(pack).embed(drawings), vectors[:5], atol=1e-5)


def test_a_picture_has_one_embedding_alone_or_in_a_batch(embedder: Embedder) -> None:
    batch = np.random.default_rng(0).random((150, 1, 16, 16), dtype=np.float32)
    together = embedder.embed_prepared(batch)  # three chunks, the last one partly filled
    for i in (0, 63, 64, 149):
        np.testing.assert_allclose(
            embedder.embed_prepared(batch[i : i + 1])[0], together[i], atol=1e-5
        )


def test_many_pictures_are_embedded_on_all_cores(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("holotype.embedder.usable_cores", lambda: 3)
    pack = load_pack(make_toy_pack(tmp_path / "toy"))
    several, single = Embedder(pack), Embedder(pack, threads=1)
    assert (several.beside, single.beside) == (3, 1)
    threads = set()
    run = several._run
    monkeypatch.setattr(
        several, "_run", lambda *given: threads.add(threading.get_ident()) or run(*given)
    )
    drawings = [toy_drawing(number) for number in range(110)]
    np.testing.assert_allclose(several.embed(drawings), single.embed(drawings), atol=1e-6)
    assert threading.get_ident() not in threads
    found = several.domain.detect(several, [*drawings, "none.png", *drawings])
    assert [len(one) for one in found] == [1] * 221
    assert [one.readable for (one,) in found] == [True] * 110 + [False] + [True] * 110
    vectors = np.stack([one.vector for (one,) in found if one.vector is not None])
    np.testing.assert_allclose(vectors, np.tile(single.embed(drawings), (2, 1)), atol=1e-6)
    with pytest.raises(ImageError, match=r"^picture 61 of 111, 'none\.png': no such file"):
        several.embed([*drawings[:60], "none.png", "also none.png", *drawings[:49]])


def test_no_pictures_give_no_embeddings(embedder: Embedder) -> None:
    assert embedder.embed([]).shape == (0, 8)


def test_one_thread_gives_the_same(tmp_path: Path, embedder: Embedder) -> None:
    single = Embedder(load_pack(make_toy_pack(tmp_path / "toy")), threads=1)
    drawings = [toy_drawing(c) for c in range(3)]
    np.testing.assert_allclose(single.embed(drawings), embedder.embed(drawings), atol=1e-5)


def test_identity_follows_the_card(tmp_path: Path) -> None:
    pack = load_pack(make_toy_pack(tmp_path / "toy", size_px=20, dim=6))
    embedder = Embedder(pack)
    assert embedder.model_id == pack.card.model_id
    assert embedder.preprocessing == pack.card.preprocessing
    assert embedder.embedding_dim == 6


def test_a_bad_picture_is_named(embedder: Embedder) -> None:
    blank = np.full((20, 20), 255, np.uint8)
    with pytest.raises(ImageError, match=r"picture 2 of 2, .*contrast"):
        embedder.embed([toy_drawing(1), blank])


def test_a_batch_of_another_shape_is_refused(embedder: Embedder) -> None:
    with pytest.raises(ImageError, match=r"\[3, 1, 8, 8\]; the model needs \['B', 1, 16, 16\]"):
        embedder.embed_prepared(np.zeros((3, 1, 8, 8), np.float32))


def test_an_embedding_without_direction_is_refused(embedder: Embedder) -> None:
    with pytest.raises(PackError, match="not finite, or zero"):
        embedder.embed_prepared(np.full((2, 1, 16, 16), np.nan, np.float32))


def _two_outputs(model: onnx.ModelProto) -> None:
    model.graph.output.append(
        helper.make_tensor_value_info("projection", TensorProto.FLOAT, ["batch", 8])
    )


def _fixed_batch(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 4


def _double_precision(model: onnx.ModelProto) -> None:
    model.graph.node[-1].output[0] = "single"
    model.graph.node.append(
        helper.make_node("Cast", ["single"], ["embeddings"], to=TensorProto.DOUBLE)
    )
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def _unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[1].op_type = "Telepathy"


def _foreign_operator(model: onnx.ModelProto) -> None:
    model.graph.node[1].domain = "elsewhere"
    model.opset_import.append(helper.make_opsetid("elsewhere", 1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_two_outputs, "1 inputs and 2 outputs"),
        (_fixed_batch, r"input 'images' .*the card needs"),
        (_double_precision, r"output 'embeddings' is tensor\(double\)"),
        (_unknown_operator, "cannot be run"),
        (_foreign_operator, "'MatMul' is of domain 'elsewhere'"),
    ],
)
def test_a_model_that_disagrees_with_the_card_is_refused(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    change: Callable[[onnx.ModelProto], None],
    said: str,
) -> None:
    model = toy_model()
    change(model)
    with pytest.raises(PackError, match=said):
        pack_of(tmp_path / "toy", model)
    assert capfd.readouterr() == ("", "")


def test_a_model_of_one_picture_is_run_picture_by_picture(
    tmp_path: Path, embedder: Embedder
) -> None:
    model = toy_model()
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    single = pack_of(tmp_path / "single", model)
    assert (single.chunk, embedder.chunk) == (1, 64)
    drawings = [toy_drawing(c) for c in range(3)]
    np.testing.assert_allclose(single.embed(drawings), embedder.embed(drawings), atol=1e-6)


def test_what_is_pooled_and_not_flattened_is_read(tmp_path: Path, embedder: Embedder) -> None:
    model = toy_model()
    model.graph.node[-1].output[0] = "flat"
    model.graph.node.append(helper.make_node("Unsqueeze", ["flat", "axes"], ["embeddings"]))
    model.graph.initializer.append(helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]))
    for _ in range(2):
        model.graph.output[0].type.tensor_type.shape.dim.add().dim_value = 1
    pooled = pack_of(tmp_path / "pooled", model)
    drawings = [toy_drawing(c) for c in range(3)]
    np.testing.assert_allclose(pooled.embed(drawings), embedder.embed(drawings), atol=1e-6)


@pytest.mark.parametrize(("size_px", "dim"), [(12, 8), (16, 4)])
def test_a_model_of_another_size_is_refused(tmp_path: Path, size_px: int, dim: int) -> None:
    with pytest.raises(PackError, match="the card needs"):
        pack_of(tmp_path / "toy", toy_model(size_px, dim))


def test_bytes_that_are_no_model_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PackError, match=r"model\.onnx .*unknown kind"):
        write_pack(tmp_path / "toy", **{**toy_parts(), "model": b"no model" * 100})
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("place", ["folder", "pack", "absolute"])
def test_weights_in_another_file_are_never_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    model = toy_model()
    weights = model.graph.initializer[0]
    outside = {"pack": tmp_path / "toy" / "weights.bin"}.get(place, tmp_path / "weights.bin")
    content = weights.raw_data
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    location = str(outside) if place == "absolute" else outside.name
    for key, value in (("location", location), ("offset", "0"), ("length", str(len(content)))):
        weights.external_data.add(key=key, value=value)
    make_toy_pack(tmp_path / "toy")
    outside.write_bytes(content)
    monkeypatch.chdir(outside.parent)
    with pytest.raises(PackError, match="names another file as its weights"):
        write_pack(tmp_path / "evil", **{**toy_parts(), "model": model.SerializeToString()})
    # And what reads the model would not find it either.
    with pytest.raises(Exception, match=r"(?i)external|not exist|regular file"):
        open_session(model.SerializeToString(), read_graph(toy_model().SerializeToString()), None)


def test_a_model_that_changes_after_loading_is_refused(tmp_path: Path) -> None:
    pack = load_pack(make_toy_pack(tmp_path / "toy"))
    (pack.path / "model.onnx").write_bytes(toy_model(seed=1).SerializeToString())
    with pytest.raises(PackError, match="digest"):
        Embedder(pack)


def test_embedding_needs_no_training_software(tmp_path: Path) -> None:
    make_toy_pack(tmp_path / "toy")
    program = (
        "import sys, numpy as np\n"
        "from holotype.embedder import Embedder\n"
        "from holotype.pack import load_pack\n"
        "e = Embedder(load_pack(sys.argv[1]))\n"
        "print(e.embed([np.eye(20, dtype=bool)]).shape)\n"
        "print(sorted({'torch', 'onnx', 'onnxscript'} & sys.modules.keys()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "toy")],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout == "(1, 8)\n[]\n"
    assert done.stderr == ""
