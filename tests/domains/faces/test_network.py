"""The converted network says what dlib's says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlib
import face_recognition_models
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from holotype.datasets.catalogue import load_dataset
from holotype.domains.faces.finding import find
from holotype.domains.faces.network import face_network
from holotype.domains.faces.recipe import PREPROCESSING
from holotype.domains.faces.weights import layers
from holotype.embedder import Embedder
from holotype.image import pixels
from holotype.pack import load_pack
from toy_faces import rgb, toy_face

WEIGHTS = Path(face_recognition_models.face_recognition_model_location())
PARITY = 1e-4


@pytest.fixture(scope="module")
def by_dlib() -> Any:
    return dlib.face_recognition_model_v1(str(WEIGHTS))


def largest_difference(chip: NDArray[np.uint8], folder: Path, by_dlib: Any) -> float:
    embedder = Embedder(load_pack(folder))
    prepared = pixels.photo(chip, PREPROCESSING)[None]
    theirs = np.array(by_dlib.compute_face_descriptor(chip))
    (ours,) = embedder._session.run(None, {"faces": prepared})
    (unit,) = embedder.embed_prepared(prepared)
    np.testing.assert_allclose(unit, theirs / np.linalg.norm(theirs), atol=PARITY)
    return float(np.abs(ours[0] - theirs).max())


def test_a_drawn_face_and_noise_get_the_vectors_of_dlib(faces_folder: Path, by_dlib: Any) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (150, 150, 3), dtype=np.uint8)
    for chip in (find(rgb(toy_face()))[0].chip, noise):
        assert largest_difference(chip, faces_folder, by_dlib) < PARITY


@pytest.mark.data
def test_real_faces_get_the_vectors_of_dlib(faces_folder: Path, by_dlib: Any) -> None:
    images = load_dataset("orl").images
    for number in (0, 57, 133, 214, 399):
        (face,) = find(rgb(np.asarray(images[number])))
        assert largest_difference(face.chip, faces_folder, by_dlib) < PARITY


def test_the_architecture_is_read_off_the_file() -> None:
    found = [layer.kind for layer in layers(WEIGHTS.read_bytes())]
    assert found.count("con") == found.count("affine") == 29
    assert found.count("add_prev") == 14
    assert found[-1] == "fc"


def test_the_model_is_the_same_wherever_it_is_made(faces_folder: Path) -> None:
    # Galleries are bound to it.
    assert load_pack(faces_folder).card.model_id == "9f58b31631b61b85"


def test_the_model_uses_nothing_but_standard_operators(faces_folder: Path) -> None:
    model = onnx.load(faces_folder / "model.onnx")
    assert {node.op_type for node in model.graph.node} == {
        *("Conv", "Relu", "MaxPool", "AveragePool", "Pad", "Add"),
        *("GlobalAveragePool", "Flatten", "MatMul"),
    }


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_file_that_ends_too_soon_is_refused(share: float) -> None:
    content = WEIGHTS.read_bytes()
    with pytest.raises(ValueError, match=r"within a layer|dimensions"):
        face_network(content[: int(share * len(content))])


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x01\x05con_4\x01\x03rest"])
def test_another_file_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"dimensions|tensor begins|within a layer"):
        face_network(content)
