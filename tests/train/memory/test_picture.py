from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.folders import write_folder
from holotype.errors import DataError, TrainingError
from holotype.train import pipeline
from holotype.train.methods.memory import mann, picture
from holotype.train.methods.memory.sequence_learner import mean_bits
from holotype.train.methods.memory.sequence_runs import is_sequence_run, read_run
from holotype.train.methods.memory.sequences import find_task
from holotype.train.recipes import RECIPES


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps of each recipe that is used here."""
    for method, names in {"ntm": ["lstm"], "lstm": ["plain"], "mann": ["conv"]}.items():
        for name in names:
            recipe = RECIPES[method][name]
            quick = replace(recipe, settings=replace(recipe.settings, steps=2))
            if method == "mann":
                quick = replace(quick, tasks=1, n_query=1)
            monkeypatch.setitem(RECIPES[method], name, quick)
            if method == "mann":  # which its picture reads where the method keeps it
                monkeypatch.setitem(mann.RECIPES[method], name, quick)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    drawings = load_dataset("sample")
    some = np.flatnonzero((drawings.class_index < 40) & (np.arange(len(drawings)) % 20 < 3))
    out = tmp_path / "mine"
    write_folder(out, drawings.images[some], drawings.class_index[some], drawings.class_names[:40])
    return out


def is_picture(path: Path) -> bool:
    with Image.open(path) as image:
        return image.width > 500 and len(image.convert("L").getcolors() or range(256)) > 20


def test_a_turing_machine_is_trained_read_back_and_drawn(tmp_path: Path) -> None:
    run = tmp_path / "run"
    history = pipeline.train_run("ntm", "copy", run, recipe="lstm", seed=3)
    done = read_run(run)
    assert (done.method, done.recipe, done.task, done.seed) == ("ntm", "lstm", "copy", 3)
    # The figure of the last step is that of the learner that was read back.
    assert history.validation == [(2, mean_bits(done.learner, find_task("copy"), 20, 64))]
    picture.draw(run, tmp_path / "memory.png")
    assert is_picture(tmp_path / "memory.png")


@pytest.mark.slow
def test_a_memory_augmented_network_is_drawn(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    pipeline.train_run("mann", str(folder), run, recipe="conv")
    assert not is_sequence_run(run)
    picture.draw(run, tmp_path / "memory.png")
    assert is_picture(tmp_path / "memory.png")
    with pytest.raises(TrainingError, match="learns no sequence task"):
        read_run(run)


def test_what_has_no_memory_says_so(tmp_path: Path) -> None:
    pipeline.train_run("lstm", "recall", tmp_path / "run")
    with pytest.raises(TrainingError, match="has no memory that works step by step"):
        picture.draw(tmp_path / "run", tmp_path / "memory.png")
    with pytest.raises(TrainingError, match="holds no training run"):
        picture.draw(tmp_path / "none", tmp_path / "memory.png")
    with pytest.raises(DataError, match=r"no sequence task 'omniglot'\. Choose from copy, recall"):
        pipeline.train_run("ntm", "omniglot", tmp_path / "other")


def test_batches_grow_harder_and_depend_on_nothing_but_the_step() -> None:
    ready = RECIPES["ntm"]["feedforward"].prepare("copy", 1)
    lengths = [len(ready.batches(step).inputs) // 2 for step in (0, 9, *range(5000, 5009))]
    assert lengths[:2] == [1, 1]
    assert max(lengths) > 8
    again = RECIPES["ntm"]["feedforward"].prepare("copy", 1)
    assert torch.equal(ready.batches(5000).inputs, again.batches(5000).inputs)
    other = RECIPES["ntm"]["feedforward"].prepare("copy", 2)
    assert not torch.equal(ready.batches(0).inputs, other.batches(0).inputs)


def test_the_ring_of_slots_is_cut_where_nothing_happens() -> None:
    peak = np.zeros(10)
    peak[[8, 9, 0, 2]] = 1
    assert picture._used(peak).tolist() == [7, 8, 9, 0, 1, 2, 3]
    peak = np.zeros(10)
    peak[4] = 1
    assert picture._used(peak).tolist() == [3, 4, 5]
    assert picture._used(np.zeros(3)).tolist() == [0, 1, 2]
    assert sorted(picture._used(np.ones(4)).tolist()) == [0, 1, 2, 3]
