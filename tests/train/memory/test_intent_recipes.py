from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
import torch

from holotype.datasets.catalogue import Dataset
from holotype.train.methods.memory.intent_recipes import (
    INTENTS,
    IntentBatches,
    intent_network,
    intent_parts,
)
from holotype.train.methods.memory.ngrams import hashed


def toy() -> Dataset:
    """25 intents, each with a word of its own that only it has."""
    texts = [f"please do thing{c}x for me {n}" for c in range(25) for n in range(6)]
    return Dataset(
        "toy", hashed(texts), np.repeat(np.arange(25), 6), tuple(f"{c:02d}" for c in range(25)),
        ("",) * 25, None, "", "",
    )  # fmt: skip


def test_batches_are_a_function_of_seed_and_step() -> None:
    one, again, other = IntentBatches(toy(), 3), IntentBatches(toy(), 3), IntentBatches(toy(), 4)
    assert torch.equal(one(5).support, again(5).support)
    assert not torch.equal(one(5).support, one(6).support)
    assert not torch.equal(one(5).support, other(5).support)
    batch = one(0)
    assert batch.support.shape[:3] == (1, 20, 1)
    assert batch.query.shape[:2] == (1, 100)
    assert batch.support.dtype == batch.query.dtype == torch.int64


def test_the_network_learns_utterances() -> None:
    torch.manual_seed(0)
    network, batches = intent_network(), IntentBatches(toy(), 0)
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    # Not by `train`: a checkpoint of 33,000 vectors would take longer than the learning.
    loss = [
        float(network.training_step([batches(step)], optimizer, nullcontext())) for step in range(3)
    ]
    assert loss[-1] < 0.9 * loss[0]
    network.eval()
    batch = IntentBatches(toy(), 1)(0)
    with torch.no_grad():
        right = network.scores(batch).argmax(2) == batch.targets()
    assert right.double().mean() > 0.9  # chance is 0.05


@pytest.mark.data
def test_the_recipe_on_its_data() -> None:
    # Another seed is another network and other episodes, never another division of the intents.
    ready = INTENTS.prepare("clinc150", seed=1)
    parts = intent_parts("clinc150")
    trained = ready.batches.dataset.class_names
    assert trained == parts["training"].class_names
    assert len(ready.batches.dataset) == 70 * 150
    for name in ("selection", "cohort", "test"):
        assert not set(trained) & set(parts[name].class_names)
