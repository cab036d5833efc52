"""The sequence tasks of the Neural Turing Machine (Graves et al. 2014, section 4).

A task makes batches of one difficulty: the length of what is copied, the number of items to
recall. All randomness comes from the generator that it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from holotype.errors import DataError


@dataclass(frozen=True, slots=True)
class SequenceBatch:
    """B sequences of T steps.

    Raises:
        DataError: no steps, or numbers outside 0 and 1.
    """

    inputs: Tensor  # float32 [T, B, I] in [0, 1]
    targets: Tensor  # float32 [T, B, O] in {0, 1}
    scored: Tensor  # bool [T]: the steps whose targets count

    def __post_init__(self) -> None:
        """Refuse what no task means."""
        if len(self.inputs) == 0:
            raise DataError("the sequences have length 0", "Pass sequences of at least one step")
        for name, values in (("inputs", self.inputs), ("targets", self.targets)):
            low, high = (float(end) for end in torch.aminmax(values))
            if not (low >= 0 and high <= 1):  # also what is not a number
                raise DataError(
                    f"the {name} lie in [{low:g}, {high:g}], outside 0 and 1", "Rescale them"
                )


class SequenceTask(Protocol):
    """Makes sequences, and says how hard they are in training."""

    input_width: int
    output_width: int
    trained: tuple[int, int]  # smallest and largest difficulty that is trained on

    def __call__(self, rng: np.random.Generator, sequences: int, difficulty: int) -> SequenceBatch:
        """A batch of `sequences` sequences of this difficulty."""


class Copy:
    """Repeat up to 20 vectors of 8 random bits after the last was seen (section 4.1)."""

    input_width, output_width = 9, 8
    trained = (1, 20)

    def __call__(self, rng: np.random.Generator, sequences: int, difficulty: int) -> SequenceBatch:
        """`difficulty` vectors, a delimiter, and as many steps to answer in."""
        _at_least(1, difficulty, "vectors")
        bits = _bits(rng, difficulty, sequences, 8)
        inputs = np.zeros((2 * difficulty + 1, sequences, 9), np.float32)
        inputs[:difficulty, :, :8] = bits
        inputs[difficulty, :, 8] = 1
        return _batch(inputs, bits)


class RepeatCopy:
    """Repeat a sequence as often as asked, then say that it is over (section 4.2).

    Lengths and numbers of repeats are both up to the difficulty, 10 in training. The number of
    repeats is given as a tenth of itself, to lie in [0, 1] in training; past 10 it is capped, so
    that only the length grows.
    """

    input_width, output_width = 10, 9
    trained = (1, 10)

    def __call__(self, rng: np.random.Generator, sequences: int, difficulty: int) -> SequenceBatch:
        """Vectors of 8 bits, the number of repeats, and the steps to answer in."""
        _at_least(1, difficulty, "vectors")
        low, high = self.trained
        length = int(rng.integers(low, difficulty + 1)) if difficulty <= high else difficulty
        repeats = int(rng.integers(low, min(difficulty, high) + 1))
        bits = _bits(rng, length, sequences, 8)
        answer = np.zeros((repeats * length + 1, sequences, 9), np.float32)
        answer[:-1, :, :8] = np.tile(bits, (repeats, 1, 1))
        answer[-1, :, 8] = 1
        inputs = np.zeros((length + 1 + len(answer), sequences, 10), np.float32)
        inputs[:length, :, :8] = bits
        inputs[length, :, 8] = 1
        inputs[length, :, 9] = repeats / high
        return _batch(inputs, answer)


class AssociativeRecall:
    """Shown a list of items and one of them again, name the item after it (section 4.3).

    An item is three vectors of 6 bits behind a delimiter; 2 to 6 items in training.
    """

    input_width, output_width = 8, 6
    trained = (2, 6)

    def __call__(self, rng: np.random.Generator, sequences: int, difficulty: int) -> SequenceBatch:
        """`difficulty` items, the query between delimiters of its own, three steps to answer."""
        _at_least(2, difficulty, "items")
        items = _bits(rng, difficulty * 3, sequences, 6).reshape(difficulty, 3, sequences, 6)
        asked = rng.integers(0, difficulty - 1, sequences)
        every = np.arange(sequences)
        inputs = np.zeros((4 * difficulty + 8, sequences, 8), np.float32)
        listed = inputs[: 4 * difficulty].reshape(difficulty, 4, sequences, 8)
        listed[:, 0, :, 6] = 1
        listed[:, 1:, :, :6] = items
        inputs[4 * difficulty, :, 7] = 1
        query = inputs[4 * difficulty + 1 : 4 * difficulty + 4]
        query[..., :6] = items[asked, :, every].swapaxes(0, 1)
        inputs[4 * difficulty + 4, :, 7] = 1
        return _batch(inputs, items[asked + 1, :, every].swapaxes(0, 1))


class DynamicNGrams:
    """Predict each next bit of a random 6-gram source, learned while it is read (section 4.4).

    The chance of a 1 after each of the 32 contexts of five bits is drawn from Beta(1/2, 1/2) for
    every sequence anew. The best that anybody can do is known: see `best_bits`.
    """

    input_width, output_width = 1, 1
    trained = (200, 200)

    def __call__(self, rng: np.random.Generator, sequences: int, difficulty: int) -> SequenceBatch:
        """`difficulty` bits; each is to be predicted from those before it."""
        _at_least(6, difficulty, "bits")
        chance = rng.beta(0.5, 0.5, (sequences, 32))
        bits = np.zeros((difficulty, sequences), np.int64)
        bits[:5] = rng.integers(0, 2, (5, sequences))
        draws = rng.random((difficulty, sequences))
        for step in range(5, difficulty):
            context = _contexts(bits, step)
            bits[step] = draws[step] < chance[np.arange(sequences), context]
        inputs = bits[:-1, :, None].astype(np.float32)
        return _batch(inputs, bits[5:, :, None].astype(np.float32))


def best_bits(batch: SequenceBatch) -> Tensor:
    """Bits that the optimal predictor of `DynamicNGrams` needs (equation 10): float32 [B].

    With n1 ones and n0 zeros seen so far after a context, it says (n1 + 1/2) / (n1 + n0 + 1).
    """
    bits = torch.cat([batch.inputs, batch.targets[-1:]])[..., 0].long().numpy()
    sequences = np.arange(bits.shape[1])
    counts = np.zeros((bits.shape[1], 32, 2))
    needed = np.zeros(bits.shape[1])
    for step in range(5, len(bits)):
        seen = counts[sequences, _contexts(bits, step)]
        chance = (seen[sequences, bits[step]] + 0.5) / (seen.sum(1) + 1)
        needed -= np.log2(chance)
        counts[sequences, _contexts(bits, step), bits[step]] += 1
    return torch.from_numpy(needed).float()


TASKS: Mapping[str, SequenceTask] = {
    "copy": Copy(),
    "recall": AssociativeRecall(),
    "repeat-copy": RepeatCopy(),
    "ngrams": DynamicNGrams(),
}


def find_task(name: str) -> SequenceTask:
    """A sequence task by name.

    Raises:
        DataError: there is no such task.
    """
    if name not in TASKS:
        raise DataError(f"there is no sequence task {name!r}", f"Choose from {', '.join(TASKS)}")
    return TASKS[name]


def _contexts(bits: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    """The five bits before a step as a number in 0..31: [B]."""
    return np.asarray((bits[step - 5 : step] << np.arange(5)[:, None]).sum(0))


def _bits(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return rng.integers(0, 2, shape).astype(np.float32)


def _batch(inputs: NDArray[np.float32], answer: NDArray[np.float32]) -> SequenceBatch:
    """The answer is what the last steps are to say."""
    targets = np.zeros((len(inputs), *answer.shape[1:]), np.float32)
    targets[-len(answer) :] = answer
    scored = torch.arange(len(inputs)) >= len(inputs) - len(answer)
    return SequenceBatch(torch.from_numpy(inputs), torch.from_numpy(targets), scored)


def _at_least(least: int, difficulty: int, what: str) -> None:
    if difficulty < least:
        raise DataError(
            f"a sequence of {difficulty} {what} is too short", f"Ask for at least {least} {what}"
        )
