"""Signatures made of characters: whose hand wrote a name is told, on which day is not."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from holotype.datasets.dataset import Dataset
from holotype.errors import DataError
from holotype.image.prepare import prepare_batch
from holotype.pack import load_pack
from holotype.preprocessing import Preprocessing
from holotype.train import picture_recipes, pipeline
from holotype.train.augmentation.handwriting import Hand, laid_out
from holotype.train.augmentation.signatures import Signing, rescanned
from holotype.train.recipes import RECIPES

WIDE = Preprocessing("ink", size_px=48, margin_px=2, fit="wide")


def characters(count: int = 6, drawers: int = 5) -> Dataset:
    """Broken lines: those of one character share their corners, roughly."""
    rng = np.random.default_rng(0)
    drawings = np.full((count, drawers, 105, 105), 255, np.uint8)
    for character in drawings:
        corners = rng.uniform(20, 85, (5, 2))
        for drawing in character:
            own = corners + rng.normal(0, 8, corners.shape)
            for first, last in pairwise(own):
                for x, y in np.linspace(first, last, 120).clip(3, 100).astype(int):
                    drawing[y - 1 : y + 2, x - 1 : x + 2] = 0
    return Dataset(
        name="lines",
        images=drawings.reshape(-1, 105, 105),
        class_index=np.repeat(np.arange(count), drawers),
        class_names=tuple(f"Lines/character{i:02d}" for i in range(count)),
        group=("Lines",) * count,
        drawer=np.tile(np.arange(1, drawers + 1), count),
        license="",
        source="",
    )


def test_four_hands_write_each_name() -> None:
    signed = Signing(hands=4, days=3)(characters(), seed=1)
    assert len(signed.class_names) == 24
    assert signed.class_names[5] == "Lines/name0002/hand2"
    assert set(signed.group) == {"Lines"}
    assert np.array_equal(np.bincount(signed.class_index), np.full(24, 3))
    drawn = signed.images[:]
    assert drawn.shape == (72, 112, 304)
    assert drawn.dtype == np.uint8
    assert drawn.min(axis=(1, 2)).max() < 128 < drawn.max(axis=(1, 2)).min()


def test_each_picture_is_a_function_of_its_row() -> None:
    once, again = (Signing(4, 3)(characters(), seed=1) for _ in range(2))
    whole = once.images[:]
    assert np.array_equal(again.images[np.array([40, 7])], whole[[40, 7]])
    assert np.array_equal(again.images[11], whole[11])
    other = Signing(4, 3)(characters(), seed=2)
    assert not np.array_equal(other.images[11], whole[11])


def test_alone_every_name_has_one_hand() -> None:
    signed = Signing(hands=1, days=2)(characters(), seed=0)
    assert len(signed.class_names) == 24
    assert all(name.endswith("hand1") for name in signed.class_names)


def test_a_hand_is_more_like_itself_than_like_who_copies_it() -> None:
    signed = Signing(hands=4, days=6)(characters(), seed=3)
    seen = prepare_batch(list(signed.images[:]), WIDE).reshape(6, 4, 6, -1)
    seen = seen - seen.mean(3, keepdims=True)
    seen = seen / np.linalg.norm(seen, axis=3, keepdims=True)
    owner = seen[:, 0].mean(1)  # of each name

    def alike(hand: int) -> float:
        return float(np.einsum("nd,ntd->nt", owner, seen[:, hand]).mean())

    stranger = float(np.einsum("nd,ntd->nt", owner, np.roll(seen[:, 0], 1, axis=0)).mean())
    assert alike(0) > alike(1) > stranger
    assert alike(0) > alike(2) > stranger


def test_the_owner_has_no_tremor_of_a_copy() -> None:
    def tremor(number: int) -> float:
        hands = (Hand((0, name), number, practiced=number == 1) for name in range(40))
        return float(np.mean([np.abs(laid_out(hand, 5, 0)["tremor"]).mean() for hand in hands]))

    assert tremor(1) > 2 * tremor(0)


def test_who_drew_must_be_known() -> None:
    with pytest.raises(DataError, match="at least 4 people"):
        Signing(4, 3)(replace(characters(), drawer=None), seed=0)
    with pytest.raises(DataError, match="at least 4 people"):
        Signing(4, 3)(characters(drawers=3), seed=0)


def test_rescanning_is_a_function_of_its_generator() -> None:
    ink = torch.from_numpy(prepare_batch(list(Signing(4, 1)(characters(), 0).images[:8]), WIDE))
    one, same, other = (rescanned(ink, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.shape == ink.shape
    assert float(one.min()) >= 0
    assert float(one.max()) <= 1


def test_the_recipe_makes_a_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPES["prototypical"]["signatures"]
    small = replace(
        recipe,
        settings=replace(recipe.settings, steps=2),
        preprocessing=replace(recipe.preprocessing, size_px=32),
        n_way=4,
        signing=Signing(hands=4, days=2),
    )
    monkeypatch.setitem(RECIPES["prototypical"], "signatures", small)
    lines = characters(count=12)
    lines = replace(lines, group=lines.class_names)  # no alphabet is in two parts
    for module in (picture_recipes, pipeline):
        monkeypatch.setattr(module, "load_dataset", lambda _: lines)
    pipeline.train_run("prototypical", "lines", tmp_path / "run", recipe="signatures")
    pack = load_pack(pipeline.export_run(tmp_path / "run", tmp_path / "mine").path)
    assert pack.card.preprocessing == small.preprocessing
    hands = {name[-5:] for name in pack.card.background["class_names"]}
    assert hands == {"hand1", "hand2", "hand3", "hand4"}
    names = pack.card.cohort["class_names"]
    assert len(names) == 12  # to each of the three characters
    assert all(name.endswith("hand1") for name in names)
    assert len(pack.cohort()[0]) == 24
    assert "`wide`" in (tmp_path / "mine" / "README.md").read_text()
