from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from holotype.errors import DataError
from holotype.train.methods.memory.sequences import TASKS, SequenceBatch, best_bits


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_shaped_as_it_says_and_repeatable(name: str) -> None:
    task = TASKS[name]
    for difficulty in {task.trained[0], 7, task.trained[1]}:
        batch, again = task(rng(), 3, difficulty), task(rng(), 3, difficulty)
        steps = len(batch.inputs)
        assert batch.inputs.shape == (steps, 3, task.input_width)
        assert batch.targets.shape == (steps, 3, task.output_width)
        assert batch.scored.shape == (steps,)
        assert batch.scored[-1]
        assert torch.equal(batch.inputs, again.inputs)
        assert torch.equal(batch.targets, again.targets)
        assert not batch.targets[~batch.scored].any()


def test_copy_asks_for_what_it_showed() -> None:
    batch = TASKS["copy"](rng(), 2, 4)
    assert torch.equal(batch.scored, torch.arange(9) >= 5)
    assert torch.equal(batch.targets[5:], batch.inputs[:4, :, :8])
    assert not batch.inputs[5:].any()  # nothing to see while it answers
    assert torch.equal(batch.inputs[..., 8], (torch.arange(9) == 4)[:, None].expand(-1, 2) * 1.0)


def test_repeat_copy_repeats_and_says_when_it_is_over() -> None:
    for seed in range(20):
        batch = TASKS["repeat-copy"](rng(seed), 2, 3)
        length = int(batch.inputs[:, 0, 8].argmax())
        repeats = round(10 * float(batch.inputs[length, 0, 9]))
        answer = batch.targets[batch.scored]
        assert 1 <= length <= 3
        assert len(answer) == repeats * length + 1
        assert torch.equal(answer[:-1, :, :8], batch.inputs[:length, :, :8].repeat(repeats, 1, 1))
        assert torch.equal(answer[:, 0, 8], (torch.arange(len(answer)) == len(answer) - 1) * 1.0)
    assert len(TASKS["repeat-copy"](rng(), 1, 14).inputs) > 14  # beyond the trained lengths


def test_recall_asks_for_the_item_after() -> None:
    batch = TASKS["recall"](rng(), 50, 5)
    query = batch.inputs[21:24, :, :6]
    for sequence in range(50):
        items = [batch.inputs[4 * i + 1 : 4 * i + 4, sequence, :6] for i in range(5)]
        after = [
            following
            for item, following in pairwise(items)
            if torch.equal(item, query[:, sequence])
        ]
        assert any(torch.equal(item, batch.targets[-3:, sequence]) for item in after)
    assert torch.equal(batch.inputs[:, 0, 6].nonzero().flatten(), torch.tensor([0, 4, 8, 12, 16]))
    assert torch.equal(batch.inputs[:, 0, 7].nonzero().flatten(), torch.tensor([20, 24]))


def test_ngrams_are_scored_on_the_next_bit_and_the_best_is_known() -> None:
    batch = TASKS["ngrams"](rng(), 4, 20)
    steps = torch.arange(5, 19)
    assert torch.equal(batch.targets[steps - 1, :, 0], batch.inputs[steps, :, 0])
    assert int(batch.scored.sum()) == 15
    # Always a 1: the best predictor says 1/2, then 3/4, then 5/6 (equation 10).
    ones = torch.ones(7, 1, 1)
    sure = SequenceBatch(ones, ones, torch.arange(7) >= 4)
    needed = 1 + math.log2(4 / 3) + math.log2(6 / 5)
    torch.testing.assert_close(best_bits(sure), torch.tensor([needed]))
    assert float(best_bits(TASKS["ngrams"](rng(), 50, 200)).mean()) < 195  # below guessing


@pytest.mark.parametrize(("name", "least"), [("copy", 1), ("recall", 2), ("ngrams", 6)])
def test_sequences_that_are_too_short_are_refused(name: str, least: int) -> None:
    assert len(TASKS[name](rng(), 1, least).inputs)
    with pytest.raises(DataError, match=f"is too short. Ask for at least {least}"):
        TASKS[name](rng(), 1, least - 1)
    with pytest.raises(DataError, match="too short"):
        TASKS["repeat-copy"](rng(), 1, 0)


def test_what_is_no_sequence_of_bits_is_refused() -> None:
    fine = torch.full((2, 1, 3), 0.5)
    scored = torch.tensor([False, True])
    SequenceBatch(fine, fine, scored)
    with pytest.raises(DataError, match="length 0"):
        SequenceBatch(fine[:0], fine[:0], scored[:0])
    for wrong, shown in ((1.5, "1.5"), (-1.0, "-1"), (math.nan, "nan")):
        bad = fine.clone()
        bad[1, 0, 2] = wrong
        with pytest.raises(DataError, match=rf"inputs lie in .*{shown}.*, outside 0 and 1"):
            SequenceBatch(bad, fine, scored)
        with pytest.raises(DataError, match="targets lie in"):
            SequenceBatch(fine, bad, scored)
