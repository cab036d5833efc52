"""A background that is filled: what is added, what stays, and characters that nobody drew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from holotype.datasets.catalogue import load_dataset
from holotype.domains.strokes.drawing import Drawing
from holotype.domains.strokes.rendering import render
from holotype.domains.strokes.tracing import trace
from holotype.domains.strokes.variation import measured, vary
from holotype.errors import DataError
from holotype.preprocessing import Preprocessing
from holotype.train.augmentation.filling import Filling, invent
from holotype.train.minimal import RECIPES as MINIMAL
from holotype.train.recipes import RECIPES
from toy_packs import write_drawings

CLASSES, EXAMPLES = 6, 3


@pytest.fixture(scope="module")
def drawings() -> np.ndarray:
    """Three drawings each of six characters, ink."""
    inks = load_dataset("sample").images[:] == 0
    return inks[np.concatenate([20 * c + np.arange(EXAMPLES) for c in range(CLASSES)])]


@pytest.fixture(scope="module")
def traced(drawings: np.ndarray) -> list[Drawing]:
    return [trace(drawing.astype(np.float32)) for drawing in drawings]


OWNER = np.repeat(np.arange(CLASSES), EXAMPLES)


def test_filled_with_nothing_a_background_stays_as_it_is(drawings: np.ndarray) -> None:
    found, owner = Filling()(drawings, OWNER, seed=0)
    np.testing.assert_array_equal(found, drawings)
    np.testing.assert_array_equal(owner, OWNER)


def test_a_mirror_image_is_another_character(drawings: np.ndarray) -> None:
    found, owner = Filling(mirrored=True)(drawings, OWNER, seed=0)
    np.testing.assert_array_equal(found[: len(drawings)], drawings)
    np.testing.assert_array_equal(found[len(drawings) :, :, ::-1], drawings)
    np.testing.assert_array_equal(owner, np.concatenate([OWNER, OWNER + CLASSES]))


def test_the_pen_adds_drawings_and_characters_as_the_seed_says(drawings: np.ndarray) -> None:
    filling = Filling(mirrored=True, redrawn=2, invented=1)
    told: list[tuple[str, int, int]] = []
    found, owner = filling(drawings, OWNER, 3, lambda *what: told.append(what))
    counts = [EXAMPLES + 2] * CLASSES + [EXAMPLES] * 2 * CLASSES
    assert np.bincount(owner).tolist() == counts
    assert found.shape == (len(owner), 105, 105)
    assert found.dtype == bool
    assert found.any((1, 2)).all()
    np.testing.assert_array_equal(found[: len(drawings)], drawings)
    assert len({drawing.tobytes() for drawing in found}) == len(found)
    assert told[CLASSES - 1][1:] == (CLASSES, CLASSES)
    assert told[-1][1:] == (2 * CLASSES, 2 * CLASSES)

    again, _ = filling(drawings, OWNER, 3)
    other, _ = filling(drawings, OWNER, 4)
    np.testing.assert_array_equal(found, again)
    assert (found[2 * len(drawings) :] != other[2 * len(drawings) :]).any((1, 2)).all()


def test_an_invented_character_has_the_plan_of_one_and_the_strokes_of_none(
    traced: list[Drawing],
) -> None:
    plans = {(len(d.strokes), len(d.ties)) for d in traced if len(d.strokes) > 1}
    for seed in range(10):
        made = invent(traced, np.random.default_rng(seed))
        assert (len(made.strokes), len(made.ties)) in plans
        for tie in made.ties:
            # A stroke that meets itself, or two others at one point, cannot satisfy every pull.
            strokes = [stroke for stroke, _ in tie.visits]
            if len(set(strokes)) < len(strokes):
                continue
            places = np.array([made.strokes[stroke][point] for stroke, point in tie.visits])
            assert np.ptp(places, axis=0).max() < 0.05
        known = {stroke.shape for one in traced for stroke in one.strokes}
        assert all(len(s) == 1 or s.shape == (24, 2) or s.shape in known for s in made.strokes)
        points = np.concatenate(made.strokes)
        assert points.min() >= 0
        assert points.max() <= 1


def test_dots_are_all_that_can_be_made_of_dots() -> None:
    dots = Drawing((np.array([[0.4, 0.5]]), np.array([[0.6, 0.5]])), (), (0.05, 0.05))
    made = invent([dots], np.random.default_rng(0))
    np.testing.assert_allclose(np.concatenate(made.strokes), [[0.4, 0.5], [0.6, 0.5]])


def test_examples_of_an_invented_character_are_of_one_kind(traced: list[Drawing]) -> None:
    rng = np.random.default_rng(0)
    plans = [invent(traced, rng) for _ in range(12)]

    def drawn(plan: Drawing) -> np.ndarray:
        picture = 1 - render(vary(plan, measured(), rng).centered(0.7, 0.08), 28) / 255.0
        return np.asarray(picture.ravel() / np.linalg.norm(picture))

    one, other = (np.stack([drawn(plan) for plan in plans]) for _ in range(2))
    assert ((one @ other.T).argmax(1) == np.arange(12)).mean() > 0.6  # by pixels; chance is 0.08


def test_a_recipe_learns_what_was_filled_in(tmp_path: Path) -> None:
    write_drawings(tmp_path / "mine", [f"c{number:02}" for number in range(20)])
    small = replace(
        MINIMAL["small1-pen"],
        preprocessing=Preprocessing("ink", size_px=16, margin_px=1),
        training=("training",),
        filling=Filling(mirrored=True, invented=1),
    )
    plain = replace(small, filling=None).prepare(str(tmp_path / "mine"), 0).batches
    filled = small.prepare(str(tmp_path / "mine"), 0).batches
    assert filled.n_classes == 3 * plain.n_classes  # type: ignore[attr-defined]

    with pytest.raises(DataError, match="'small1' is defined on omniglot"):
        MINIMAL["small1"].prepare(str(tmp_path / "mine"), 0)


def test_the_minimal_recipes_differ_in_their_filling_alone() -> None:
    assert RECIPES["prototypical"].keys() >= MINIMAL.keys()
    for name in ("small1", "small2"):
        plain, filled = MINIMAL[name], MINIMAL[f"{name}-pen"]
        assert replace(filled, filling=None, description=plain.description) == plain
        assert plain.training == (name,)
