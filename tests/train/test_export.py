from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F
from toys import SIZE_PX, build, toy_batch

from holotype.embedder import Embedder
from holotype.errors import TrainingError
from holotype.pack import load_pack
from holotype.preprocessing import Preprocessing
from holotype.stats.scoring import unit
from holotype.stats.whitening import fit_whitening
from holotype.train.embedding import UnitEmbedder
from holotype.train.export import export_onnx, export_pack, halved
from holotype.train.method import Method
from holotype.train.test_time_augmentation import NARROW, ViewAverage
from toy_packs import toy_model

IMAGES = toy_batch(0, k_shot=2).images().numpy()
FACTS: dict[str, Any] = {
    "name": "toy",
    "preprocessing": Preprocessing("ink", size_px=SIZE_PX, margin_px=1),
    "cohort_images": IMAGES,
    "cohort_class_index": np.arange(len(IMAGES)) % 3,
    "background_images": IMAGES[::-1].copy(),
    "background_class_index": np.arange(len(IMAGES)) % 2,
    "cohort": {"data": "toy", "class_names": ["a", "b", "c"]},
    "background": {"data": "toy", "class_names": ["d", "e"]},
    "training": {"command": "none", "seed": 0, "commit": None},
    "license": "Apache-2.0",
}


def test_a_pack_answers_as_the_method_does(tmp_path: Path) -> None:
    method = build("prototypical-cosine").train()
    pack = export_pack(method, tmp_path / "pack", views=NARROW, **FACTS)
    assert method.training
    assert all(part.training for part in method.modules())
    loaded = load_pack(tmp_path / "pack")
    assert loaded.card == pack.card
    averaged = ViewAverage(method.embedder(), SIZE_PX, NARROW).eval()
    with torch.inference_mode():
        expected = averaged(torch.tensor(IMAGES)).numpy()
    np.testing.assert_allclose(Embedder(loaded).embed_prepared(IMAGES), expected, atol=1e-3)
    embeddings, class_index = loaded.cohort()
    np.testing.assert_allclose(embeddings, expected, atol=1e-3)  # half precision
    np.testing.assert_array_equal(class_index, FACTS["cohort_class_index"])
    background = expected[::-1]
    prototypes = unit(np.stack([background[::2].mean(axis=0), background[1::2].mean(axis=0)]))
    np.testing.assert_allclose(loaded.background(), prototypes, atol=1e-3)


class Flat(Method):
    """A projection, which tells pictures apart without any training, and less with an offset."""

    def __init__(self, offset: float = 0.0) -> None:
        super().__init__()
        self.offset = offset

    def embedder(self) -> nn.Module:
        torch.manual_seed(0)
        projection = nn.Linear(SIZE_PX**2, 8)
        with torch.no_grad():
            projection.bias += self.offset
        return UnitEmbedder(nn.Sequential(nn.Flatten(), projection))


@pytest.mark.slow
def test_a_whitening_is_of_a_background_that_is_large_and_an_embedding_that_bears_it(
    tmp_path: Path,
) -> None:
    method, index = Flat(), np.arange(90) % 2
    drawn = np.random.default_rng(0).normal(size=(90 + len(IMAGES), *IMAGES.shape[1:]))
    many, images = np.split(drawn.astype(np.float32), [90])
    facts = {
        **FACTS,
        "cohort_images": images,
        "background_images": many,
        "background_class_index": index,
    }
    pack = export_pack(method, tmp_path / "many", shrinkage=0.1, **facts)
    with torch.inference_mode():
        learned, plain = (
            method.embedder()(torch.tensor(pictures)).numpy() for pictures in (many, images)
        )
    mean, matrix = fit_whitening(learned, index, shrinkage=0.1)
    expected = unit((plain - mean) @ matrix)
    assert np.abs(expected - plain).max() > 0.1
    np.testing.assert_allclose(Embedder(pack).embed_prepared(images), expected, atol=1e-3)

    few = {**facts, "background_images": many[:81], "background_class_index": index[:81]}
    unchanged = export_pack(method, tmp_path / "few", shrinkage=0.1, **few)
    np.testing.assert_allclose(Embedder(unchanged).embed_prepared(images), plain, atol=1e-3)

    dull = Flat(offset=20.0)  # all pictures look much the same to it
    unchanged = export_pack(dull, tmp_path / "dull", shrinkage=0.1, **facts)
    with torch.inference_mode():
        plain = dull.embedder()(torch.tensor(images)).numpy()
    np.testing.assert_allclose(Embedder(unchanged).embed_prepared(images), plain, atol=1e-3)


def test_weights_are_stored_in_half_precision(tmp_path: Path) -> None:
    pack = export_pack(build("prototypical"), tmp_path / "pack", **FACTS)
    model = onnx.load_from_string(pack.model())
    onnx.checker.check_model(model, full_check=True)
    weights = [tensor for tensor in model.graph.initializer if len(tensor.dims) > 1]
    assert weights
    assert all(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in weights)


def test_what_half_precision_cannot_hold_stays_exact() -> None:
    model = toy_model(seed=3)
    weights = numpy_helper.to_array(model.graph.initializer[0]) * np.float32(1e6)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "weights"))
    assert halved(model.SerializeToString()) == model.SerializeToString(deterministic=True)


class Cancelling(Method):
    """What tells its outputs apart is small beside what they share."""

    def embedder(self) -> nn.Module:
        class Centered(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                drawn = torch.randn(8, SIZE_PX**2, generator=torch.Generator().manual_seed(0))
                self.weight = nn.Parameter(2 + 0.2 * drawn)

            def forward(self, images: torch.Tensor) -> torch.Tensor:
                outputs = F.linear(images.flatten(1), self.weight)
                return F.normalize(outputs - outputs.mean(dim=1, keepdim=True), dim=1)

        return Centered()


def test_a_model_that_does_not_bear_half_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="half precision moves the model's answer by"):
        export_pack(Cancelling(), tmp_path / "pack", **FACTS)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_file_tells_nothing_of_this_machine_and_is_always_the_same() -> None:
    embedder = build("prototypical").embedder().eval()
    model = export_onnx(embedder, (1, SIZE_PX, SIZE_PX))
    assert model == export_onnx(embedder, (1, SIZE_PX, SIZE_PX))
    assert b"site-packages" not in model
    assert b".py" not in model
    onnx.checker.check_model(onnx.load_from_string(model))


def test_a_cohort_that_trained_the_model_is_refused(tmp_path: Path) -> None:
    facts = FACTS | {"background": {"data": "toy", "class_names": ["b", "d"]}}
    with pytest.raises(TrainingError, match=r"1 cohort classes are among .* such as 'b'"):
        export_pack(build("prototypical"), tmp_path / "pack", **facts)
    assert not list(tmp_path.iterdir())


def test_without_an_embedding_there_is_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="Method has no embedding"):
        export_pack(Method(), tmp_path / "pack", **FACTS)


class Disagreeing(Method):
    """Its embedder answers otherwise in the exported graph than in torch."""

    def embedder(self) -> nn.Module:
        class Two(nn.Module):
            def forward(self, images: torch.Tensor) -> torch.Tensor:
                shift = 1e-3 if torch.compiler.is_exporting() else 0.0
                return F.normalize(images.flatten(1) + torch.linspace(0, shift, SIZE_PX**2), dim=1)

        return Two()


def test_a_model_that_disagrees_with_torch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"differs from torch by \S+ on real pictures"):
        export_pack(Disagreeing(), tmp_path / "pack", **FACTS)
    assert not list(tmp_path.iterdir())
