"""How a memory network learns to tell intents apart from one utterance each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset
from holotype.datasets.intents import INTENT_SHARES, load_intents
from holotype.datasets.splits import random_split
from holotype.evaluation.accuracy import evaluate
from holotype.evaluation.episodes import episodes as gather
from holotype.evaluation.episodes import sample
from holotype.records import Episode, OnProgress
from holotype.train.batches import EpisodeBatch
from holotype.train.methods.memory.memory_network import MemoryNetwork
from holotype.train.methods.memory.ngrams import BUCKETS, NgramEmbedding, hashed, rarity
from holotype.train.recipe import Prepared
from holotype.train.settings import TrainingSettings

N_WAY, N_QUERY = 20, 5
_DIM = 256
# The intents are divided once and for all: another seed must not train on what is tested.
_SPLIT_SEED = 0


def intent_network(weights: NDArray[np.float32] | None = None) -> MemoryNetwork:
    """An untrained memory network over n-grams.

    Args:
        weights: float32 [BUCKETS], the rarity of the n-grams in the background; None where the
            state of a trained network will be loaded.
    """
    ones = np.ones(BUCKETS, dtype=np.float32)
    return MemoryNetwork(NgramEmbedding(ones if weights is None else weights, _DIM), _DIM)


def intent_parts(name: str) -> dict[str, Dataset]:
    """The utterances by part, "training", "selection", "cohort" and "test": disjoint intents.

    Raises:
        DataError: as for `load_intents`.
    """
    return random_split(load_intents(name), INTENT_SHARES, _SPLIT_SEED)


class IntentBatches:
    """Episodes of utterances, a pure function of (seed, step).

    Args:
        dataset: buckets int64 [M, L], as from `hashed`.
        seed: of the run.
    """

    def __init__(self, dataset: Dataset, seed: int) -> None:
        self.dataset = dataset
        self.seed = seed

    def __call__(self, step: int) -> EpisodeBatch:
        """The batch of this step: one episode, support int64 [1, N, 1, L], query [1, Q, L]."""
        index = sample(
            self.dataset, N_WAY, 1, N_QUERY, episodes=1, seed=self.seed * 1_000_003 + step
        )
        return _batch(next(gather(self.dataset.images, index)))


@dataclass(frozen=True, slots=True)
class IntentRecipe:
    """A named way to train a memory network on utterances."""

    description: str
    settings: TrainingSettings

    def prepare(self, data: str, seed: int, preparing: OnProgress | None = None) -> Prepared:
        """Read "clinc150" or "banking77" and build the network; see `Recipe`."""
        parts = intent_parts(data)
        background = _hashed(parts["training"])
        torch.manual_seed(seed)
        network = intent_network(rarity(background.images[:]))
        validate = _validation(_hashed(parts["selection"]))
        return Prepared(network, IntentBatches(background, seed), validate)


def _hashed(dataset: Dataset) -> Dataset:
    return dataset.with_images(hashed(dataset.images[:]))


def _batch(episode: Episode) -> EpisodeBatch:
    def tensor(array: NDArray[Any] | None) -> torch.Tensor | None:
        return None if array is None else torch.from_numpy(array)[None]

    support, query = torch.from_numpy(episode.support)[None], torch.from_numpy(episode.query)[None]
    return EpisodeBatch(support, query, tensor(episode.query_class), tensor(episode.class_id))


def _validation(dataset: Dataset) -> Callable[[MemoryNetwork], float]:
    """Accuracy in percent on fixed one-shot episodes."""
    n_way = min(N_WAY, len(dataset.class_names))
    index = sample(dataset, n_way, 1, N_QUERY, episodes=200, seed=0)

    def accuracy(network: MemoryNetwork) -> float:
        def scores(episode: Episode) -> NDArray[np.float32]:
            with torch.inference_mode():
                return np.asarray(network.scores(_batch(episode))[0].numpy(), dtype=np.float32)

        pictures = gather(dataset.images, index)
        return evaluate(scores, pictures, protocol="selection", n_query=N_QUERY).accuracy

    return accuracy


INTENTS = IntentRecipe(
    description="n-grams of words and characters, 20-way episodes of one utterance each, "
    "disjoint intents",
    settings=TrainingSettings(steps=600, learning_rate=1e-3, validate_every=100),
)
