"""A generative run at work: pictures in, pictures out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toys import SIZE_PX, conv

from holotype.errors import DataError, ImageError, TrainingError
from holotype.preprocessing import Preprocessing
from holotype.train import pipeline
from holotype.train.methods.generative.homoencoder import Homoencoder
from holotype.train.methods.generative.imagining import RunImagination
from holotype.train.recipes import RECIPES
from toy_packs import toy_drawing, write_drawings


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipes in two steps, with small pictures."""
    for method in ("homoencoder", "prototypical"):
        recipe = RECIPES[method]["conv4"]
        tiny = replace(
            recipe,
            preprocessing=Preprocessing("frame", SIZE_PX, 0),
            settings=replace(recipe.settings, steps=2, precision="float32"),
            n_way=8,
            n_query=1,
        )
        monkeypatch.setitem(RECIPES[method], "conv4", tiny)
    build = lambda n_classes, size_px: Homoencoder(conv(), size_px, 8)  # noqa: E731
    tiny = replace(RECIPES["homoencoder"]["conv4"], build=build)
    monkeypatch.setitem(RECIPES["homoencoder"], "conv4", tiny)


@pytest.fixture
def background(tmp_path: Path) -> Path:
    return write_drawings(tmp_path / "background", [f"c{number:02}" for number in range(20)])


def test_a_run_draws_others_of_the_kind(background: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    torch.set_num_threads(1)
    pipeline.train_run("homoencoder", str(background), run, recipe="conv4")
    drawing = RunImagination(run)
    found = drawing.imagine(toy_drawing(1), 3, seed=5)
    assert found.shape == (3, SIZE_PX, SIZE_PX)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, drawing.imagine(toy_drawing(1), 3, seed=5))
    assert (found != drawing.imagine(toy_drawing(1), 3, seed=6)).any()

    way = drawing.between(toy_drawing(1), toy_drawing(2), 4)
    assert way.shape == (4, SIZE_PX, SIZE_PX)
    back = drawing.between(toy_drawing(2), toy_drawing(1), 4)
    np.testing.assert_allclose(way[::-1].astype(int), back, atol=1)  # rounded to whole greys
    shown = drawing.reference(toy_drawing(1))
    assert shown.min() < 128
    assert shown[0, 0] == 255

    with pytest.raises(DataError, match="count=0 is below 1"):
        drawing.imagine(toy_drawing(1), 0)
    with pytest.raises(ImageError, match="no contrast"):
        drawing.imagine(np.full((30, 30), 7, np.uint8), 1)


def test_a_run_that_draws_nothing_says_which_do(background: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    pipeline.train_run("prototypical", str(background), run, recipe="conv4")
    with pytest.raises(TrainingError, match="PrototypicalNetworks, which draws nothing") as caught:
        RunImagination(run)
    assert "homoencoder or vae" in caught.value.remedy
