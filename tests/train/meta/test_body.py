"""What a pack is made of where a method adapts: the body alone, its norms held fixed."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toys import build, task_conv, toy_batch

from holotype.datasets.catalogue import load_dataset
from holotype.embedder import Embedder
from holotype.errors import TrainingError
from holotype.pack import load_pack
from holotype.preprocessing import Preprocessing
from holotype.train import pipeline
from holotype.train.export import export_pack
from holotype.train.methods.meta.adaptation import start_of
from holotype.train.methods.meta.anil import ANIL
from holotype.train.methods.meta.body import BackgroundNorms
from holotype.train.methods.meta.maml import MAML
from holotype.train.methods.meta.networks import TaskConv4
from holotype.train.recipes import RECIPES


def learned_body() -> TaskConv4:
    torch.manual_seed(0)
    body = task_conv()
    for name, value in body.named_parameters():
        value.data += (0.5 if value.ndim == 1 else 0.05) * torch.randn_like(value)
        if name.endswith("scale"):
            value.data[0] = -0.7
    return body


def test_with_the_statistics_of_some_pictures_it_is_the_body_among_them() -> None:
    body, pictures = learned_body(), toy_batch(0).images()
    norms = BackgroundNorms(body)
    for _ in range(200):  # 0.9^200 of the start is left
        norms.follow(body, pictures)
    expected = torch.func.functional_call(body, start_of(body, 1), (pictures[None],))[0]
    fixed = norms.fixed(body)
    torch.testing.assert_close(fixed(pictures), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(fixed(pictures[:1]), expected[:1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["anil", "protomaml"])
def test_the_statistics_are_those_of_the_training_pictures_alone(name: str) -> None:
    method, seen, unseen = build(name), toy_batch(0), toy_batch(1)
    idle = torch.optim.SGD(method.parameters(), lr=0.0)
    method.training_step([seen], idle, nullcontext())
    # By definition: a tenth of the way from 0 and 1 to those of the first convolution's output.
    weight = method.body.blocks[0].weight
    maps = torch.conv2d(seen.support.flatten(0, 2), weight, padding=1).detach()
    torch.testing.assert_close(method.background.mean[0], 0.1 * maps.mean((0, 2, 3)))
    spread = maps.var((0, 2, 3), correction=0)
    torch.testing.assert_close(method.background.variance[0], 0.9 + 0.1 * spread)
    before = {key: value.clone() for key, value in method.state_dict().items()}
    method.loss(unseen)
    method.eval()
    method.scores(unseen)
    method.embedder()(unseen.images())
    assert all(torch.equal(before[key], value) for key, value in method.state_dict().items())


@pytest.mark.slow
def test_a_run_becomes_a_pack_that_answers_as_its_embedder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recipe = RECIPES["anil"]["characters"]
    tiny = replace(
        recipe,
        build=lambda n_classes, size_px: ANIL(task_conv(depth=4), steps=2),
        preprocessing=Preprocessing("frame", size_px=16, margin_px=0),
        settings=replace(recipe.settings, steps=3, precision="float32"),
        selection=None,
        n_way=5,
    )
    monkeypatch.setitem(RECIPES["anil"], "characters", tiny)
    pipeline.train_run("anil", "sample", tmp_path / "run", recipe="characters")
    pipeline.export_run(tmp_path / "run", tmp_path / "pack")
    pack = load_pack(tmp_path / "pack")
    assert not set(pack.card.background["class_names"]) & set(pack.card.cohort["class_names"])
    drawings = load_dataset("sample").images[:6]
    from holotype.image.prepare import prepare_batch

    pictures = prepare_batch(drawings, tiny.preprocessing)
    embedder = pipeline.run_scorer(tmp_path / "run").method.embedder()
    with torch.inference_mode():
        expected = embedder(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(Embedder(pack).embed_prepared(pictures), expected, atol=1e-3)


@pytest.mark.parametrize("name", ["maml", "fomaml", "meta-sgd", "reptile"])
def test_what_adapts_through_and_through_makes_no_pack(name: str, tmp_path: Path) -> None:
    method, pictures = build(name), toy_batch(0).images().numpy()
    facts: dict[str, Any] = {
        "cohort_images": pictures,
        "cohort_class_index": np.zeros(len(pictures), np.int64),
        "background_images": pictures,
        "background_class_index": np.zeros(len(pictures), np.int64),
        "cohort": {"class_names": ["a"]},
        "background": {"class_names": ["b"]},
        "training": {},
        "license": "",
        "preprocessing": Preprocessing("frame", size_px=16, margin_px=0),
    }
    assert isinstance(method, MAML)
    with pytest.raises(TrainingError, match="has no embedding, so there is nothing to export"):
        export_pack(method, tmp_path / "pack", name="none", **facts)
