"""Recipes for methods that learn from pictures, and what they do to the pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.datasets.lazy import PackedDrawings, TurnedPictures, select
from holotype.datasets.splits import random_split, split
from holotype.domains.registry import domain_of
from holotype.errors import DataError
from holotype.evaluation.accuracy import evaluate
from holotype.evaluation.episodes import episodes as gather
from holotype.evaluation.episodes import sample
from holotype.image import prepare
from holotype.preprocessing import Preprocessing
from holotype.records import OnProgress
from holotype.train.augmentation.characters import CharacterBatches, variants
from holotype.train.augmentation.filling import Filling
from holotype.train.augmentation.photos import PhotoBatches
from holotype.train.augmentation.signatures import Signing, rescanned
from holotype.train.backbones import Conv4
from holotype.train.batches import EpisodeBatch, collate
from holotype.train.method import Method
from holotype.train.recipe import Prepared
from holotype.train.settings import TrainingSettings
from holotype.train.test_time_augmentation import View

HELD_OUT = "held out"
# Sources other than Omniglot have no alphabets: their classes are divided at random.
# What is held out is looked at by nobody: it shows what the pack is worth.
_FOLDER_SHARES = {"training": 0.45, "selection": 0.1, "cohort": 0.25, HELD_OUT: 0.2}
# What a recipe for the Vinyals split takes there.
_IN_A_FOLDER = {"vinyals-train": "training", "vinyals-val": "selection"}
# Folder pictures are fitted to this before other pens are drawn from them.
_DRAWING = Preprocessing("ink", size_px=105, margin_px=15)
_CHUNK = 256
_FEW_DAYS = 2  # the least that shows how a hand differs from itself


@dataclass(frozen=True, slots=True)
class PictureRecipe:
    """A named way to train one method on pictures."""

    build: Callable[[int, int], Method]  # (background classes, size_px) -> untrained method
    description: str
    preprocessing: Preprocessing
    settings: TrainingSettings
    training: tuple[str, ...]  # splits that are learned from
    selection: str | None  # the split that validates; None: nothing is chosen in the run
    n_way: int  # classes in a training episode
    n_query: int  # queries per class in a training episode; batches of pairs have 1
    k_shot: int = 1  # support examples per class in a training episode
    tasks: int = 1  # episodes in a batch
    validation_n_way: int = 20  # classes in a validation episode, 1-shot
    pens: bool = False  # whether batches show each drawing as other pens would have made it
    filling: Filling | None = None  # where there is little background; needs `pens`
    signing: Signing | None = None  # learns from signatures made of the characters
    views: tuple[View, ...] = ()  # what a pack's embedding is averaged over, beside the picture
    shrinkage: float | None = None  # of the whitening in a pack; None: it has no whitening

    def prepare(self, data: str, seed: int, preparing: OnProgress | None = None) -> Prepared:
        """Read the data set and build the method; see `Recipe`."""
        dataset = load_dataset(data)
        background = self.shown(dataset, self.training, seed)
        _require_pairs(background)
        batches: Callable[[int], EpisodeBatch]
        if self.pens:
            drawings, owner = _drawings(background), background.class_index
            if self.filling:
                drawings, owner = self.filling(drawings, owner, seed, preparing)
            batches = CharacterBatches(
                variants(drawings, self.preprocessing, seed, _told(preparing)),
                owner,
                min(self.n_way, 4 * len(background.class_names)),
                seed,
            )
            n_classes = batches.n_classes
        elif domain_of(self.preprocessing).varied or self.signing:
            photos = np.asarray(prepared(background, self.preprocessing, preparing).images[:])
            change = rescanned if self.signing else None
            batches = PhotoBatches(photos, background.class_index, self.n_way, seed, change)
            n_classes = len(background.class_names)
        else:
            shape = self._shape_for(background)
            batches = EpisodicBatches(prepared(background, self.preprocessing), shape, seed)
            n_classes = len(background.class_names)
        torch.manual_seed(seed)
        method = self.build(n_classes, self.preprocessing.size_px)
        validate = (
            _validation(
                self.shown(dataset, (self.selection,), seed),
                self.preprocessing,
                self.validation_n_way,
            )
            if self.selection
            else None
        )
        return Prepared(method, batches, validate)

    def shown(self, dataset: Dataset, names: tuple[str, ...], seed: int) -> Dataset:
        """What the method sees of some splits of a data set."""
        found = part(dataset, names, seed)
        return self.signing(found, seed) if self.signing else found

    def kept(self, dataset: Dataset, seed: int) -> tuple[Dataset, Dataset]:
        """What a pack keeps of the background, and its cohort.

        Of each signature few days, since strangers count by their number; and in the cohort one
        hand to each name, since who is met by chance forges nothing.
        """
        background, cohort = (part(dataset, names, seed) for names in (self.training, ("cohort",)))
        if self.signing is None:
            return background, cohort
        few = replace(self.signing, days=_FEW_DAYS)
        return few(background, seed), replace(few, hands=1)(cohort, seed)

    def _shape_for(self, background: Dataset) -> PictureRecipe:
        """Episodes no wider than the background: somebody's folder may be smaller than Omniglot."""
        spare = int(np.bincount(background.class_index).min()) - self.k_shot
        return replace(
            self,
            n_way=min(self.n_way, len(background.class_names)),
            n_query=max(1, min(self.n_query, spare)),
        )


class EpisodicBatches:
    """Episodes of one shape, a pure function of (seed, step).

    Args:
        dataset: pictures uint8 [M, 1, S, S], prepared.
        recipe: gives the shape of a batch.
        seed: of the run.
    """

    def __init__(self, dataset: Dataset, recipe: PictureRecipe, seed: int) -> None:
        self.dataset = dataset
        self.recipe = recipe
        self.seed = seed

    def __call__(self, step: int) -> EpisodeBatch:
        """The batch of this step."""
        index = sample(
            self.dataset,
            n_way=self.recipe.n_way,
            k_shot=self.recipe.k_shot,
            n_query=self.recipe.n_query,
            episodes=self.recipe.tasks,
            seed=self.seed * 1_000_003 + step,
        )
        return collate(list(gather(self.dataset.images, index)))


def conv4_recipe(
    build: Callable[[Conv4, int], Method],
    description: str,
    *,
    steps: int,
    n_way: int,
    n_query: int,
) -> PictureRecipe:
    """Conv4-64 at 28 px on the Vinyals split, one cycle; `build` takes (backbone, classes)."""
    return PictureRecipe(
        build=lambda n_classes, size_px: build(Conv4(size_px=size_px), n_classes),
        description=f"{description}; Conv4-64 at 28 px, {n_way}-way 1-shot episodes with "
        f"{n_query} queries, Vinyals split",
        preprocessing=Preprocessing("frame", size_px=28, margin_px=0),
        settings=TrainingSettings(
            steps=steps, learning_rate=4e-3, weight_decay=0.01, precision="bfloat16"
        ),
        training=("vinyals-train",),
        selection="vinyals-val",
        n_way=n_way,
        n_query=n_query,
    )


def part(dataset: Dataset, names: tuple[str, ...], seed: int) -> Dataset:
    """The classes of several splits together."""
    if dataset.divided:
        if len(names) == 1:
            return split(dataset, names[0])
        classes = [name for part in names for name in split(dataset, part).class_names]
    else:
        names = tuple(_IN_A_FOLDER.get(name, name) for name in names)
        if any(name not in _FOLDER_SHARES for name in names):
            raise DataError(
                f"the split {names[0]!r} is defined on omniglot, not on {dataset.name!r}",
                "Choose another recipe",
            )
        parts = random_split(dataset, _FOLDER_SHARES, seed)
        classes = [name for part in names for name in parts[part].class_names]
    position = {name: index for index, name in enumerate(dataset.class_names)}
    return dataset.subset([position[name] for name in classes])


def _require_pairs(dataset: Dataset) -> None:
    counts = np.bincount(dataset.class_index)
    if counts.min() < 2:
        name = dataset.class_names[int(counts.argmin())]
        raise DataError(
            f"the class '{name}' of '{dataset.name}' has one picture; to learn what its pictures "
            "have in common takes 2",
            "Add a picture of it, or remove the class",
        )


def _drawings(dataset: Dataset) -> NDArray[np.bool_]:
    """Ink masks at the resolution of the drawing: bool [M, H, W]."""
    if isinstance(dataset.images, PackedDrawings):
        return np.asarray(dataset.images[:] == 0)
    return np.asarray(prepare.prepare_batch(dataset.images[:], _DRAWING)[:, 0] > 0.5)


def pixels(dataset: Dataset) -> NDArray[np.float32]:
    """Of a prepared data set: float32 [M, C, S, S] in [0, 1]."""
    return np.asarray(dataset.images[:] / np.float32(255), dtype=np.float32)


def prepared(
    dataset: Dataset, preprocessing: Preprocessing, preparing: OnProgress | None = None
) -> Dataset:
    """The data set as the model sees it, uint8 [M, C, S, S]; turned classes stay lazy.

    Of a photo the tones, so its preprocessing must leave them in [0, 1]: mean 0, deviation 1.
    """
    turned = dataset.images if isinstance(dataset.images, TurnedPictures) else None
    raw = turned.base if turned else dataset.images
    used = np.unique(turned.picture) if turned else np.arange(len(raw))
    size_px = preprocessing.size_px
    result = np.zeros((len(raw), preprocessing.channels, size_px, size_px), dtype=np.uint8)
    for start in range(0, len(used), _CHUNK):
        rows = used[start : start + _CHUNK]
        batch = prepare.prepare_batch(select(raw, rows)[:], preprocessing)
        result[rows] = np.round(batch * 255).astype(np.uint8)
        if preparing:
            preparing("preparing the pictures", start + len(rows), len(used))
    return replace(dataset, images=replace(turned, base=result) if turned else result)


def _validation(
    dataset: Dataset, preprocessing: Preprocessing, n_way: int
) -> Callable[[Method], float]:
    """Accuracy in percent on fixed `n_way`-way 1-shot episodes, within alphabets where they are."""
    pictures = prepared(dataset, preprocessing)
    largest_group = max(dataset.group.count(group) for group in set(dataset.group))
    within = any(dataset.group) and largest_group > 1
    within = within and not isinstance(dataset.images, TurnedPictures)
    n_way = min(n_way, largest_group if within else len(dataset.class_names))
    n_query = max(1, min(5, int(np.bincount(dataset.class_index).min()) - 1))
    index = sample(
        pictures,
        n_way=n_way,
        k_shot=1,
        n_query=n_query,
        episodes=200,
        seed=0,
        within_group=within,
    )

    def accuracy(method: Method) -> float:
        return evaluate(
            method.episode_scores,
            gather(pictures.images, index),
            protocol="selection",
            n_query=n_query,
        ).accuracy

    return accuracy


def _told(preparing: OnProgress | None) -> Callable[[int, int], None] | None:
    if preparing is None:
        return None
    return lambda done, total: preparing("drawing the background with other pens", done, total)
