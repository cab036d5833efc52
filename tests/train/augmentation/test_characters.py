"""Other pens and scanners: what the background pictures of `characters` are made of."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from holotype.datasets.catalogue import load_dataset
from holotype.image import prepare
from holotype.preprocessing import Preprocessing
from holotype.train.augmentation import warps
from holotype.train.augmentation.characters import (
    LOW_RESOLUTIONS,
    THICKER_PX,
    CharacterBatches,
    rasterize,
    thicken,
    variants,
)

INK = Preprocessing("ink", size_px=24, margin_px=2)


@pytest.fixture(scope="module")
def drawings() -> np.ndarray:
    return load_dataset("sample").images[:40] == 0


@pytest.fixture(scope="module")
def pictures(drawings: np.ndarray) -> np.ndarray:
    return variants(drawings, INK, seed=0)


def test_a_dot_thickened_by_a_radius_is_the_disk_of_that_radius() -> None:
    dot = np.zeros((1, 9, 9), dtype=bool)
    dot[0, 4, 4] = True
    for radius in (0, 1, 2, 3):
        y, x = np.mgrid[-4:5, -4:5]
        disk = x * x + y * y <= radius * (radius + 0.5)
        np.testing.assert_array_equal(thicken(dot, radius)[0], disk)


def test_a_raster_holds_17_grey_levels_of_the_share_of_ink() -> None:
    drawing = np.zeros((64, 64), dtype=bool)
    drawing[:, :32] = True  # twice as high as wide: fills the middle half of its square
    raster = rasterize(drawing, 8, margin=0)
    np.testing.assert_array_equal(raster, np.repeat([[0, 0, 1, 1, 1, 1, 0, 0]], 8, axis=0))
    noisy = rasterize(np.random.default_rng(0).random((50, 50)) < 0.5, 11, margin=0.05)
    np.testing.assert_array_equal(noisy * 16, np.round(noisy * 16))


def test_the_thinnest_variant_is_what_serving_would_prepare(
    drawings: np.ndarray, pictures: np.ndarray
) -> None:
    served = prepare.prepare_batch(list(np.where(drawings[:10], 0.0, 1.0)), INK)[:, 0]
    np.testing.assert_allclose(pictures[:10, 0] / 255, served, atol=1.5 / 255)


def test_thicker_pens_lay_more_ink_before_the_crop(drawings: np.ndarray) -> None:
    ink = [thicken(drawings, radius).sum() for radius in THICKER_PX]
    assert ink == sorted(ink)
    assert ink[-1] > 2 * ink[0]


def test_variants_are_the_same_for_the_same_seed_alone(
    drawings: np.ndarray, pictures: np.ndarray
) -> None:
    assert pictures.shape == (40, len(THICKER_PX) + LOW_RESOLUTIONS, 24, 24)
    np.testing.assert_array_equal(variants(drawings[:5], INK, seed=0), pictures[:5])
    other = variants(drawings[:5], INK, seed=1)
    np.testing.assert_array_equal(other[:, :4], pictures[:5, :4])
    assert (other[:, 4:] != pictures[:5, 4:]).any()


def test_a_batch_is_a_pure_function_of_its_step_and_pairs_up_classes(
    pictures: np.ndarray,
) -> None:
    batches = CharacterBatches(pictures, np.repeat([0, 1], 20), n_way=8, seed=3)
    assert batches.n_classes == 8
    first, again, other = batches(5), batches(5), batches(6)
    torch.testing.assert_close(first.support, again.support, rtol=0, atol=0)
    assert not torch.equal(first.support, other.support)
    assert first.support.shape == (1, 8, 1, 1, 24, 24)
    assert first.query.shape == (1, 8, 1, 24, 24)
    assert first.class_id is not None
    assert sorted(first.class_id[0].tolist()) == list(range(8))
    assert first.images().min() >= 0
    assert first.images().max() <= 1


def test_classes_are_characters_and_their_turns(pictures: np.ndarray) -> None:
    # Two characters whose pictures are one bright quadrant each: the class id tells which
    # quadrant a turned picture must have.
    plain = np.zeros((4, pictures.shape[1], 24, 24), dtype=np.uint8)
    plain[:, :, 4:10, 4:10] = 255  # upper left
    batches = CharacterBatches(plain, np.array([0, 0, 1, 1]), n_way=8, seed=0)
    corner = {0: (0, 0), 1: (1, 0), 2: (1, 1), 3: (0, 1)}  # counterclockwise quarter turns
    for step in range(3):
        batch = batches(step)
        assert batch.class_id is not None
        for picture, class_id in zip(batch.query[0, :, 0], batch.class_id[0], strict=True):
            row, column = corner[int(class_id) % 4]
            halves = picture.reshape(2, 12, 2, 12).sum((1, 3))
            assert halves.argmax() == 2 * row + column


def test_a_warp_of_nothing_changes_nothing() -> None:
    picture = torch.rand(3, 1, 16, 16)
    generator = torch.Generator().manual_seed(0)
    still = warps.warp(picture, generator, 0, 0, 0, 0, 0)
    torch.testing.assert_close(still, picture, atol=1e-5, rtol=0)


def test_warps_and_gamma_move_ink_but_keep_the_range() -> None:
    picture = torch.zeros(64, 1, 32, 32)
    picture[:, :, 10:22, 14:18] = 0.8
    generator = torch.Generator().manual_seed(0)
    changed = warps.gamma(warps.warp(picture, generator), generator)
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert all((changed[i] - picture[i]).abs().max() > 0.2 for i in range(64))
    # No warp may lose the drawing: its ink stays within a factor.
    share = changed.clamp(min=0).gt(0.3).float().mean((1, 2, 3)) / picture.gt(0.3).float().mean()
    assert share.min() > 0.5
    assert share.max() < 2
