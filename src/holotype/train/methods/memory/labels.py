"""Labels that mean nothing beyond their episode (Santoro et al. 2016, section 3.1).

A label is a string of letters, and each class of an episode gets one at random: there is nothing
to remember from one episode to the next. One letter is the one-hot label of most papers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from holotype.errors import DataError
from holotype.train.device import uniform


@dataclass(frozen=True, slots=True)
class Labels:
    """All strings of `letters` letters from an alphabet of `alphabet`."""

    alphabet: int = 5
    letters: int = 1

    @property
    def width(self) -> int:
        """Numbers in an encoded label: a one-hot vector for each letter."""
        return self.alphabet * self.letters

    def draw(self, tasks: int, n_way: int, generator: torch.Generator | None = None) -> Tensor:
        """A label for each class, no two alike in a task: int64 [tasks, n_way, letters].

        Args:
            tasks: number of episodes.
            n_way: classes in each.
            generator: what chance to use; None: torch's own.

        Raises:
            DataError: there are not as many labels.
        """
        count = self.alphabet**self.letters
        if n_way > count:
            raise DataError(
                f"n_way={n_way} needs {n_way} labels; {self.letters} letters of an alphabet of "
                f"{self.alphabet} make {count}",
                f"Lower n_way to {count}, or train a method with wider labels",
            )
        number = uniform((tasks, count), generator).argsort(1)[:, :n_way, None]
        return number // self.alphabet ** torch.arange(self.letters) % self.alphabet

    def encode(self, label: Tensor) -> Tensor:
        """int64 [..., letters] in 0..alphabet-1 -> float32 [..., width].

        Raises:
            DataError: a letter is outside the alphabet, or there are more or fewer of them.
        """
        if label.shape[-1] != self.letters:
            raise DataError(
                f"a label of {label.shape[-1]} letters; labels here have {self.letters}",
                "Train a method with labels of that length",
            )
        if len(label) and not (int(label.min()) >= 0 and int(label.max()) < self.alphabet):
            raise DataError(
                f"letters {int(label.min())} to {int(label.max())} of a label are outside the "
                f"alphabet 0..{self.alphabet - 1}",
                "Train a method with a larger alphabet",
            )
        return F.one_hot(label, self.alphabet).flatten(-2).float()
