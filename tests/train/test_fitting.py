"""Which recipe a folder of pictures gets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from holotype.datasets.catalogue import load_dataset
from holotype.train.fitting import fitting_recipe, is_ink
from holotype.train.recipes import RECIPES
from toy_photos import write_photos

Grey = NDArray[np.float32]


def drawings(size_px: int, rng: np.random.Generator) -> list[Grey]:
    """Strokes as they are shipped, in gray ink on paper that is not quite white."""
    bitmaps = load_dataset("sample").images
    found = []
    for row in rng.choice(len(bitmaps), 30, replace=False):
        drawn = Image.fromarray(bitmaps[row]).resize((size_px,) * 2, Image.Resampling.BILINEAR)
        tone = 0.2 + 0.7 * np.asarray(drawn, np.float32) / 255
        found.append((tone + rng.normal(0, 0.02, tone.shape)).clip(0, 1).astype(np.float32))
    return found


def spectrograms(size_px: int, rng: np.random.Generator) -> list[Grey]:
    """Bursts of noise through two resonances, 60 dB: loud parts light on a dark ground."""
    found = []
    y, x = np.mgrid[0 : 1 : size_px * 1j, 0 : 1 : size_px * 1j]
    for _ in range(30):
        loud = np.zeros((size_px, size_px))
        for _ in range(4):
            pitch, when = rng.uniform(0, 1, 2)
            reach, length = rng.uniform(0.05, 0.2, 2)
            loud += np.exp(-(((y - pitch) / reach) ** 2) - ((x - when) / length) ** 2)
        level = 10 * np.log10(loud * rng.exponential(size=loud.shape) + 1e-5)
        found.append(np.clip((level - level.max()) / 60 + 1, 0, 1).astype(np.float32))
    return found


def shaded(size_px: int, rng: np.random.Generator) -> list[Grey]:
    """Round things in light from the side."""
    y, x = np.mgrid[-1 : 1 : size_px * 1j, -1 : 1 : size_px * 1j]
    found = []
    for _ in range(30):
        r = (x / rng.uniform(0.5, 0.9)) ** 2 + (y / rng.uniform(0.5, 0.9)) ** 2
        light = 0.5 + 0.3 * (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1))
        tone = np.where(r < 1, light * np.sqrt(np.clip(1 - r, 0, 1)) + 0.2, 0.9)
        found.append((tone + rng.normal(0, 0.02, tone.shape)).clip(0, 1).astype(np.float32))
    return found


@pytest.mark.parametrize("size_px", [48, 96, 200])
@pytest.mark.parametrize("turned", [False, True])
def test_ink_is_told_from_other_pictures_without_color(size_px: int, turned: bool) -> None:
    rng = np.random.default_rng(0)
    for make, ink in ((drawings, True), (spectrograms, False), (shaded, False)):
        pictures = make(size_px, rng)
        assert is_ink([1 - one for one in pictures] if turned else pictures) is ink, make


def test_an_empty_page_among_drawings_is_no_photograph() -> None:
    pictures = drawings(64, np.random.default_rng(0))
    assert is_ink([*pictures, np.ones((64, 64), np.float32)])


def write(folder: Path, pictures: list[Grey]) -> Path:
    for number, picture in enumerate(pictures):
        path = folder / f"class{number % 10}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((picture * 255).astype(np.uint8)).save(path)
    return folder


@pytest.mark.parametrize(
    ("make", "recipe"), [(drawings, None), (spectrograms, "photos"), (shaded, "photos")]
)
def test_what_is_no_ink_gets_no_recipe_for_ink(
    make: Callable[[int, np.random.Generator], list[Grey]], recipe: str | None, tmp_path: Path
) -> None:
    folder = write(tmp_path / "mine", make(64, np.random.default_rng(1)))
    assert fitting_recipe(RECIPES["prototypical"], str(folder)) == recipe
    assert fitting_recipe(RECIPES["matching"], str(folder)) is None  # it has none for photographs


def test_colors_choose_the_recipe(tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "stripes", classes=4)
    assert fitting_recipe(RECIPES["prototypical"], str(folder)) == "photos"
    assert fitting_recipe(RECIPES["prototypical"], "omniglot") is None
