from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from holotype.errors import DataError
from holotype.train.batches import EpisodeBatch
from holotype.train.methods.memory.lifelong import (
    EMPTY,
    LifelongMemory,
    LifelongMemoryNetwork,
    Written,
    memory_loss,
)


def at(*degrees: float) -> Tensor:
    """Unit vectors in the plane: [len, 2]."""
    angle = torch.deg2rad(torch.tensor(degrees))
    return torch.stack([angle.cos(), angle.sin()], 1)


def write(memory: LifelongMemory, degrees: float, value: int) -> Written:
    return memory.write(at(degrees), torch.tensor([value]))


def direction(memory: LifelongMemory, slot: int) -> float:
    x, y = memory.keys[0, slot].tolist()
    return float(np.rad2deg(np.arctan2(y, x)))


def test_an_empty_memory_answers_nothing() -> None:
    value, similarity = LifelongMemory(3, 2).read(at(10)[None])
    assert value.tolist() == [[EMPTY]]
    assert similarity.tolist() == [[-2.0]]


def test_a_new_value_takes_an_empty_slot_and_the_same_value_moves_the_key() -> None:
    memory = LifelongMemory(3, 2)
    first = write(memory, 0, 7)
    assert (first.slot.item(), first.merged.item(), first.lost.item()) == (0, False, EMPTY)
    # Case 1: the renormalized sum of (1, 0) and (0.6, 0.8) is (1.6, 0.8) / sqrt(3.2).
    again = memory.write(torch.tensor([[0.6, 0.8]]), torch.tensor([7]))
    assert (again.slot.item(), again.merged.item(), again.lost.item()) == (0, True, EMPTY)
    assert memory.keys[0, 0].tolist() == pytest.approx([0.894427191, 0.447213595])
    # Case 2: another value, however near.
    other = write(memory, 26, 8)
    assert (other.slot.item(), other.merged.item()) == (1, False)
    assert direction(memory, 1) == pytest.approx(26, abs=1e-4)
    value, similarity = memory.read(at(25, 90)[None])
    assert value.tolist() == [[8, 7]]
    assert similarity[0].tolist() == pytest.approx([np.cos(np.deg2rad(1)), 0.447213595])


def test_the_same_value_far_away_is_a_second_slot() -> None:
    memory = LifelongMemory(3, 2)
    write(memory, 0, 7)
    write(memory, 90, 8)
    assert write(memory, 80, 7).slot.item() == 2  # its nearest key is of 8
    assert memory.values.tolist() == [[7, 8, 7]]


def test_ages_count_the_writes_since_a_slot_was_written() -> None:
    memory = LifelongMemory(3, 2)
    for degrees, value in ((0, 1), (60, 2), (120, 3), (1, 1), (61, 2)):
        write(memory, degrees, value)
    assert memory.ages.tolist() == [[1, 0, 2]]


def test_a_full_memory_gives_up_what_was_longest_unused_and_says_so() -> None:
    memory = LifelongMemory(2, 2)
    write(memory, 0, 1)
    write(memory, 90, 2)
    write(memory, 5, 1)  # moves slot 0, which is now the younger one
    full = write(memory, 180, 3)
    assert (full.slot.item(), full.merged.item(), full.lost.item()) == (1, False, 2)
    assert memory.values.tolist() == [[1, 3]]


def test_memories_side_by_side_are_apart() -> None:
    both = LifelongMemory(4, 2, memories=2)
    alone = [LifelongMemory(4, 2) for _ in range(2)]
    angles = np.random.default_rng(0).uniform(0, 360, (12, 2)).tolist()
    values = np.random.default_rng(1).integers(0, 5, (12, 2))
    for angle, value in zip(angles, values, strict=True):
        done = both.write(at(*angle), torch.from_numpy(value))
        for m, memory in enumerate(alone):
            one = write(memory, angle[m], int(value[m]))
            assert (done.slot[m], done.lost[m]) == (one.slot[0], one.lost[0])
    for m, memory in enumerate(alone):
        torch.testing.assert_close(both.keys[m], memory.keys[0])
        assert torch.equal(both.ages[m], memory.ages[0])


@pytest.mark.parametrize(
    ("query", "value", "problem"),
    [
        (torch.zeros(1, 3), torch.tensor([0]), "queries of 3 dimensions for 1 memories"),
        (torch.zeros(2, 2), torch.tensor([0, 0]), "queries of 2 dimensions for 2 memories"),
        (at(0), torch.tensor([-1]), r"values \[-1\] do not fit 1 memories"),
        (at(0), torch.tensor([1, 2]), r"values \[1, 2\] do not fit 1 memories"),
    ],
)
def test_what_does_not_fit_is_refused(query: Tensor, value: Tensor, problem: str) -> None:
    memory = LifelongMemory(2, 2)
    with pytest.raises(DataError, match=problem):
        memory.write(query, value)
    assert memory.values.tolist() == [[EMPTY, EMPTY]]


@pytest.mark.parametrize("name", ["slots", "dim", "memories"])
def test_a_memory_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=f"{name}=0 is below 1"):
        LifelongMemory(**{"slots": 2, "dim": 2, "memories": 1, name: 0})


def test_the_loss_of_the_paper_by_hand() -> None:
    # Cosines of two queries to four slots. First: the best of its own value 0.6, of another 0.75:
    # [0.75 - 0.6 + 0.1]+ = 0.25. Second: own 0.9, other 0.3: nothing. Mean 0.125.
    similarity = torch.tensor([[[0.5, 0.6, 0.75, 0.1], [0.3, -0.2, 0.9, 0.4]]])
    same = torch.tensor([[[True, True, False, False], [False, False, True, True]]])
    assert float(memory_loss(similarity, same)) == pytest.approx(0.125)


def test_a_query_without_a_positive_or_a_negative_costs_nothing() -> None:
    similarity = torch.tensor([[[0.5, -2.0], [0.5, -2.0]]], requires_grad=True)
    same = torch.tensor([[[True, False], [False, True]]])  # the second slot is empty
    loss = memory_loss(similarity, same)
    loss.backward()
    assert loss.item() == 0
    assert similarity.grad is not None
    assert not similarity.grad.any()


def plane(support: list[list[float]], query: list[float]) -> EpisodeBatch:
    """Directions in degrees as pictures of 1 x 2 pixels: support by class."""
    return EpisodeBatch(
        torch.stack([at(*examples) for examples in support])[None, ..., None, None, :],
        at(*query)[None, :, None, None, :],
        torch.zeros(1, len(query), dtype=torch.int64),
    )


def test_the_network_scores_by_the_nearest_key_of_each_class() -> None:
    network = LifelongMemoryNetwork(nn.Flatten())
    # 0 and 20 degrees merge to 10; 120 and 200 merge to 160.
    batch = plane([[0, 20], [120, 200]], [30])
    expected = [np.cos(np.deg2rad(20)), np.cos(np.deg2rad(130))]
    assert network.scores(batch)[0, 0].tolist() == pytest.approx(expected, abs=1e-6)
    # The query is of class 0 and is nearer to it: no loss. Were it of class 1, it would cost
    # cos 20 - cos 130 + 0.1.
    assert network.loss(batch).item() == 0
    batch.query_class[:] = 1
    assert network.loss(batch).item() == pytest.approx(expected[0] - expected[1] + 0.1)


def test_the_order_of_the_classes_may_decide_what_merges() -> None:
    # Declared as `order_dependent`. First 40 merges with 0 to 20, and 46 finds that key nearer
    # than its own at 90. The other way around 46 merges with 90 to 68, and 40 finds that nearer.
    network = LifelongMemoryNetwork(nn.Flatten())
    one = network.scores(plane([[0, 40], [90, 46]], [30]))
    other = network.scores(plane([[90, 46], [0, 40]], [30])).flip(2)
    assert one[0, 0].tolist() == pytest.approx(np.cos(np.deg2rad([10, 16])).tolist(), abs=1e-6)
    assert other[0, 0].tolist() == pytest.approx(np.cos(np.deg2rad([10, 38])).tolist(), abs=1e-6)


def test_the_gradient_reaches_the_backbone_through_queries_and_keys() -> None:
    backbone = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    network = LifelongMemoryNetwork(backbone)
    batch = plane([[0], [30]], [25])  # of class 0, and nearer to class 1
    support, query = batch.support.requires_grad_(), batch.query.requires_grad_()
    network.loss(batch).backward()
    assert support.grad is not None
    assert query.grad is not None
    assert (support.grad.flatten(3).norm(dim=3) > 0).all()
    assert query.grad.any()


def test_the_example_of_the_docs_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[3] / "docs" / "memory.md"
    marked = r"<!-- executed by tests/train/memory/test_lifelong\.py -->\n```python\n(.*?)```"
    (code,) = re.findall(marked, page.read_text(), re.DOTALL)
    exec(compile(code, str(page), "exec"), {})
    assert capsys.readouterr().out == "overwritten: 7\n9 0.96\n"
