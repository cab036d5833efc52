from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from toys import conv, toy_batch

from holotype.errors import DataError
from holotype.train.methods.memory.instances import InstanceMethod, Instances
from holotype.train.methods.memory.labels import Labels
from holotype.train.methods.memory.mann import MANN, RECIPES, LeastUsedMemory, PlainLSTM


def mann(labels: Labels | None = None, slots: int = 32, heads: int = 1) -> MANN:
    torch.manual_seed(0)
    return MANN(conv(), 8, labels, hidden=16, slots=slots, width=6, heads=heads).eval()


def control() -> InstanceMethod:
    torch.manual_seed(0)
    return InstanceMethod(conv(), 8, PlainLSTM(8 + 5, 16), Labels()).eval()


def shown(method: InstanceMethod, seed: int = 0) -> Instances:
    return method.sequences(toy_batch(seed, n_query=4), torch.Generator().manual_seed(seed))


def test_the_kth_instance_is_counted() -> None:
    index = torch.tensor([[0, 1], [0, 1], [1, 1], [0, 0]])
    counted = Instances(torch.empty(4, 2, 1, 1, 1), index[..., None], index).instance()
    assert torch.equal(counted, torch.tensor([[1, 1], [2, 2], [1, 3], [3, 1]]))


def test_every_picture_is_shown_once_with_the_label_of_its_class() -> None:
    batch = toy_batch(0, n_query=4)
    sequences = shown(mann())
    assert sequences.images.shape == (25, 2, 1, 16, 16)
    pictures = torch.cat([batch.support.flatten(1, 2), batch.query], 1)
    for task in range(2):
        one = {tuple(p.flatten().tolist()) for p in pictures[task]}
        assert one == {tuple(p.flatten().tolist()) for p in sequences.images[:, task]}
        pairs = set(
            zip(
                sequences.class_index[:, task].tolist(),
                sequences.label[:, task, 0].tolist(),
                strict=True,
            )
        )
        assert len(pairs) == 5
    assert torch.equal(sequences.instance().amax(0), torch.tensor([5, 5]))


@pytest.mark.parametrize("build", [mann, control])
def test_a_label_is_not_known_before_it_is_told(build: object) -> None:
    method = build()  # type: ignore[operator]
    sequences = shown(method)
    with torch.no_grad():
        said = method(sequences.images, sequences.label)
        for step in (0, 7, 24):
            other = sequences.label.clone()
            other[step:] = (other[step:] + 1) % 5
            otherwise = method(sequences.images, other)
            # What is said of this picture, and of those before it, owes nothing to its label...
            assert torch.equal(otherwise[: step + 1], said[: step + 1])
            # ... and what is said of the next one does.
            if step < 24:
                assert not torch.equal(otherwise[step + 1], said[step + 1])


def test_guessing_by_exclusion_reaches_what_the_leak_test_allows() -> None:
    # The best that can be said of a new class: a label that was not told yet.
    generator = torch.Generator().manual_seed(0)
    right = []
    for _ in range(2000):
        order = torch.randperm(5, generator=generator).tolist()
        for told in range(5):
            left = order[told:]
            right.append(
                left[int(torch.randint(len(left), (), generator=generator))] == order[told]
            )
    bound = sum(1 / left for left in range(1, 6)) / 5
    assert bound == pytest.approx(0.4567, abs=1e-4)
    assert sum(right) / len(right) == pytest.approx(bound, abs=0.015)


@pytest.mark.parametrize("heads", [1, 2])
def test_it_writes_to_one_unused_slot_after_the_other(heads: int) -> None:
    memory = LeastUsedMemory(3, hidden=8, slots=6, width=4, heads=heads)
    with torch.no_grad():
        memory.norm.weight.zero_()
        memory.norm.bias.fill_(1)
        memory.interface.weight.zero_()
        memory.interface.weight[4 + 1 :: 4 + 2] = -9  # the gates: always to the least used
        state, written = memory.start(1), []
        for _ in range(6 // heads):
            _, state = memory.step(torch.zeros(1, 3), state)
            written += state.writes[0].argmax(1).tolist()
    assert sorted(written) == list(range(6))


def test_a_full_memory_says_what_is_overwritten() -> None:
    with pytest.warns(UserWarning, match="25 pictures and a memory of 8 slots.*least recently"):
        loss = mann(slots=8).loss(toy_batch(0, n_query=4))
    assert loss.isfinite()


def test_labels_of_several_letters() -> None:
    method = mann(Labels(5, 3))
    batch = toy_batch(0, n_way=9)
    scores = method.scores(batch)
    assert scores.shape == (2, 18, 9)
    assert (scores < 0).all()  # log-probabilities
    assert method.loss(batch).isfinite()
    with pytest.raises(DataError, match="n_way=9 needs 9 labels"):
        mann().scores(batch)


def test_scores_are_the_probabilities_of_the_labels() -> None:
    scores = mann().scores(toy_batch(0))
    torch.testing.assert_close(scores.exp().sum(-1), torch.ones(2, 10))


def test_the_order_of_the_support_matters_to_it() -> None:
    method, batch = mann(), toy_batch(0)
    order = torch.tensor([3, 0, 4, 1, 2])
    permuted = method.scores(replace(batch, support=batch.support[:, order]))
    assert method.order_dependent
    assert not torch.allclose(permuted, method.scores(batch)[..., order], atol=1e-6)


def test_the_control_is_as_large_as_the_network_with_a_memory() -> None:
    sizes = {
        name: sum(value.numel() for value in RECIPES["mann"][name].build(0, 20).parameters())
        for name in ("conv", "conv-lstm")
    }
    assert sizes["conv"] <= sizes["conv-lstm"] < 1.03 * sizes["conv"]
    assert isinstance(RECIPES["mann"]["pixels"].build(0, 20).backbone, nn.Flatten)


def test_no_label_leaked_into_what_is_published() -> None:
    """A first instance can only be guessed, among the labels that were not told yet."""
    published = Path(__file__).parents[3] / "results" / "mann.json"
    runs = json.loads(published.read_text())["runs"]
    assert runs
    for run in runs:
        assert run["accuracy"][0] <= run["exclusion"] + run["ci95"][0], run["recipe"]
