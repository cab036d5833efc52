"""From a folder of pictures to a run, a pack and a recognizer, in small."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import holotype
from holotype.datasets.catalogue import load_dataset
from holotype.datasets.splits import ALPHABETS
from holotype.errors import RateError, TrainingError
from holotype.evaluation.accuracy import evaluate
from holotype.evaluation.episodes import episodes as gather
from holotype.evaluation.episodes import sample
from holotype.pack import load_pack
from holotype.preprocessing import Preprocessing
from holotype.train import picture_recipes, pipeline
from holotype.train.history import History
from holotype.train.recipes import RECIPES

CONV4 = RECIPES["prototypical"]["conv4"]


@pytest.fixture(autouse=True, scope="module")
def small() -> Iterator[None]:
    """The recipe of the shipped pack, with two steps and small pictures."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _make_small(monkeypatch)
        yield


def _make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPES["prototypical"]["characters"]
    tiny = replace(
        recipe,
        preprocessing=Preprocessing("ink", size_px=16, margin_px=1),
        settings=replace(recipe.settings, steps=2, precision="float32"),
        n_way=8,
    )
    monkeypatch.setitem(RECIPES["prototypical"], "characters", tiny)
    choosing = replace(tiny, training=("training",), selection="selection")
    monkeypatch.setitem(RECIPES["prototypical"], "characters-selection", choosing)
    vinyals = replace(tiny, training=("vinyals-train",), selection="vinyals-val", views=())
    monkeypatch.setitem(RECIPES["prototypical"], "conv4", vinyals)


Trained = Callable[[str], Path]


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The run of a recipe on the folder, for nobody to change."""

    @cache
    def train(recipe: str) -> Path:
        run = tmp_path_factory.mktemp("runs") / recipe
        pipeline.train_run("prototypical", str(folder), run, recipe=recipe)
        return run

    return train


@pytest.mark.parametrize("recipe", ["characters-selection", "conv4"])
def test_a_folder_becomes_a_run_a_pack_and_a_recognizer(
    recipe: str, folder: Path, trained: Trained, tmp_path: Path
) -> None:
    run, pack = trained(recipe), tmp_path / "mine"
    history = History.read(run)
    assert history.step == 2
    assert [step for step, _ in history.validation] == [2]

    pipeline.export_run(run, pack)
    card = load_pack(pack).card
    learned, held_back = (set(part["class_names"]) for part in (card.background, card.cohort))
    assert learned
    assert held_back
    assert not learned & held_back
    assert card.training["seed"] == 0
    assert "mine" in card.license

    with holotype.open(tmp_path / "g.gallery", model=pack) as recognizer:
        recognizer.enroll("a", next(folder.glob("*character01/01.png")))
        # Five classes are a cohort, but too small a one to promise that.
        with pytest.raises(RateError, match="cohort of 5 classes"):
            recognizer.identify(next(folder.glob("*character01/01.png")), fpir=0.4)


def test_a_run_begins_with_the_weights_of_another(
    folder: Path, trained: Trained, tmp_path: Path
) -> None:
    first, second, alone = trained("characters"), tmp_path / "second", tmp_path / "alone"
    pipeline.train_run("prototypical", str(folder), second, begin=first, seed=1)
    pipeline.train_run("prototypical", str(folder), alone, seed=1)
    before, after, other = (
        pipeline.run_scorer(run).method.backbone.state_dict() for run in (first, second, alone)
    )
    weights = [name for name in before if name.endswith("weight") and before[name].ndim == 4]
    for name in weights:  # two steps do not lead far
        moved, apart = ((before[name] - x[name]).norm() for x in (after, other))
        assert 0 < moved < apart / 5

    noted = json.loads((second / "run.json").read_text())["config"]["from"]
    assert (noted["recipe"], noted["seed"], noted["steps"]) == ("characters", 0, 2)
    with pytest.raises(TrainingError, match="begins with the weights of a run"):
        pipeline.train_run("prototypical", str(folder), second, seed=1, resume=True)
    pipeline.train_run("prototypical", str(folder), second, begin=first, seed=1, resume=True)


def test_what_a_run_cannot_begin_with_is_said(
    folder: Path, trained: Trained, tmp_path: Path
) -> None:
    run, fewer, half = trained("characters"), trained("characters-selection"), tmp_path / "half"
    with pytest.raises(TrainingError, match="a run of prototypical, and this one is of simpleshot"):
        pipeline.train_run("simpleshot", str(folder), tmp_path / "x", begin=run)
    with pytest.raises(TrainingError, match="holds no training run"):
        pipeline.train_run("prototypical", str(folder), tmp_path / "x", begin=tmp_path / "none")
    with pytest.raises(TrainingError, match="do not fit the recipe characters") as caught:
        pipeline.train_run("prototypical", str(folder), tmp_path / "x", begin=fewer)
    assert "size mismatch" in str(caught.value)
    half.mkdir()
    (half / "run.json").write_text((run / "run.json").read_text())
    with pytest.raises(TrainingError, match="is not finished"):
        pipeline.train_run("prototypical", str(folder), tmp_path / "x", begin=half)
    assert not (tmp_path / "x").exists()


def test_a_run_is_scored_as_it_stands(folder: Path, trained: Trained) -> None:
    scorer = pipeline.run_scorer(trained("characters"))
    from holotype.image.prepare import prepare_batch

    dataset = load_dataset(folder)
    pictures = prepare_batch(dataset.images[:], scorer.preprocessing)
    index = sample(dataset, n_way=5, k_shot=1, n_query=2, episodes=20, seed=0)
    assert scorer.encode is not None
    encoded = scorer.encode(pictures)
    report = evaluate(scorer.scores, gather(encoded, index), protocol="evaluation", n_query=2)
    assert report.accuracy > 20  # chance is 20; even random features see strokes


def test_resuming_checks_what_the_run_was(folder: Path, trained: Trained) -> None:
    run = trained("characters")
    with pytest.raises(TrainingError, match="seed"):
        pipeline.train_run("prototypical", str(folder), run, seed=1, resume=True)
    with pytest.raises(TrainingError, match="already holds"):
        pipeline.train_run("prototypical", str(folder), run)


@pytest.mark.parametrize(
    ("method", "recipe", "named"),
    [("no-such-method", None, "prototypical"), ("prototypical", "no-such-recipe", "conv4")],
)
def test_unknown_names_are_answered_with_the_known(
    method: str, recipe: str | None, named: str, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=named):
        pipeline.train_run(method, "sample", tmp_path / "run", recipe=recipe)


def test_an_unfinished_or_foreign_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError):
        pipeline.run_scorer(tmp_path / "none")
    (tmp_path / "run.json").write_text(
        json.dumps({"config": {"method": "prototypical", "recipe": "characters"}, "settings": {}})
    )
    with pytest.raises(TrainingError):
        pipeline.run_scorer(tmp_path)


@pytest.mark.data
def test_the_pack_learns_from_the_background_but_its_cohort() -> None:
    dataset = load_dataset("omniglot")
    learned = picture_recipes.part(dataset, RECIPES["prototypical"]["characters"].training, seed=0)
    cohort = picture_recipes.part(dataset, ("cohort",), seed=0)
    assert len(learned.class_names) == 811
    assert len(cohort.class_names) == 153
    assert set(learned.group) | set(cohort.group) == set(ALPHABETS["background"])
    assert not set(learned.group) & set(cohort.group)


@pytest.mark.data
def test_conv4_trains_on_turned_classes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # The small split stands in for the 4,112 classes of training, to keep the test short.
    tiny = replace(
        CONV4,
        training=("vinyals-val",),
        selection=None,
        settings=replace(CONV4.settings, steps=2),
        n_way=5,
    )
    monkeypatch.setitem(RECIPES["prototypical"], "conv4", tiny)
    history = pipeline.train_run("prototypical", "omniglot", tmp_path / "run", recipe="conv4")
    assert history.step == 2
    with pytest.raises(TrainingError, match="Vinyals"):
        pipeline.export_run(tmp_path / "run", tmp_path / "pack")
