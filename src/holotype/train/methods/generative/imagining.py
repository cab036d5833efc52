"""What the methods that can draw share, and a finished run of one at work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from holotype.errors import DataError, TrainingError
from holotype.image import prepare
from holotype.image.prepare import ImageSource
from holotype.train.feature_comparison import ComparingMethod
from holotype.train.method import Method
from holotype.train.methods.generative.decoder import Decoder
from holotype.train.methods.generative.gaussians import Gaussian


class ImaginingMethod(Method):
    """A method that draws others of the kind of some pictures.

    Attributes:
        detail: how many times the side of its pictures in training it can draw.
    """

    detail: ClassVar[int] = 1

    def imagine(self, support: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """Other pictures of the classes of some examples.

        Args:
            support: float32 [N, K, C, H, W] in [0, 1].
            count: pictures of each class.
            generator: of the draws.

        Returns:
            float32 [N, count, C, H, W] in [0, 1].
        """
        raise NotImplementedError

    def between(self, first: Tensor, second: Tensor, count: int) -> Tensor:
        """Pictures on the way from one class to another.

        Args:
            first: examples of the one, float32 [K, C, H, W] in [0, 1].
            second: examples of the other, likewise.
            count: pictures, the typical ones of both included.

        Returns:
            float32 [count, C, H, W] in [0, 1].
        """
        raise NotImplementedError


class CodedMethod(ComparingMethod, ImaginingMethod):
    """A method with a code for pictures, that tells which codes a class may have."""

    decoder: Decoder

    def predicted(self, support: Tensor) -> Gaussian:
        """The codes of further pictures of each class: [N, K, C, H, W] -> [N, latent_dim]."""
        raise NotImplementedError

    def imagine(self, support: Tensor, count: int, generator: torch.Generator) -> Tensor:
        """The means of p(x | z) for codes z of each class; see `ImaginingMethod`."""
        return self.decoder.pictures(self.predicted(support).repeated(count).sample(generator))

    def between(self, first: Tensor, second: Tensor, count: int) -> Tensor:
        """On the straight way between the typical codes of both; see `ImaginingMethod`."""
        a, b = self.predicted(first[None]).mean, self.predicted(second[None]).mean
        return self.decoder.pictures(torch.lerp(a, b, torch.linspace(0, 1, count)[:, None]))


class RunImagination:
    """A finished run at work: pictures in, pictures of their kind out.

    Args:
        run: the folder.

    Raises:
        TrainingError: the run is missing, unfinished or damaged, or its method draws nothing.
    """

    def __init__(self, run: Path) -> None:
        from holotype.train.pipeline import run_scorer
        from holotype.train.registry import METHODS  # which themselves need the class above

        loaded = run_scorer(run)
        if not isinstance(loaded.method, ImaginingMethod):
            draws = (n for n, card in METHODS.items() if issubclass(card.load(), ImaginingMethod))
            raise TrainingError(
                f"{run} is of {type(loaded.method).__name__}, which draws nothing",
                f"Name a run of {' or '.join(draws)}, or a pack of ink drawings",
            )
        self.method = loaded.method
        self.preprocessing = replace(
            loaded.preprocessing, size_px=loaded.preprocessing.size_px * self.method.detail
        )

    def reference(self, source: ImageSource) -> NDArray[np.uint8]:
        """A picture as the run draws it again: uint8 [S, S], ink 0 on paper 255.

        Raises:
            ImageError: the picture cannot be read, or is blank.
        """
        return np.asarray(_ink(self._examples(source))[0], dtype=np.uint8)

    def imagine(self, source: ImageSource, count: int, seed: int = 0) -> NDArray[np.uint8]:
        """Others of the kind of one picture: uint8 [count, S, S], ink 0 on paper 255.

        Raises:
            ImageError: the picture cannot be read, or is blank.
            DataError: the count is below 1.
        """
        if count < 1:
            raise DataError(f"count={count} is below 1", "Choose count of at least 1")
        generator = torch.Generator().manual_seed(seed)
        with torch.inference_mode():
            return _ink(self.method.imagine(self._examples(source)[None], count, generator)[0])

    def between(self, first: ImageSource, second: ImageSource, count: int) -> NDArray[np.uint8]:
        """From one picture's kind to another's: uint8 [count, S, S], ink 0 on paper 255.

        Raises:
            ImageError: a picture cannot be read, or is blank.
        """
        with torch.inference_mode():
            shown = self.method.between(self._examples(first), self._examples(second), count)
        return _ink(shown)

    def _examples(self, source: ImageSource) -> Tensor:
        return torch.from_numpy(prepare.prepare_batch([source], self.preprocessing))


def _ink(pictures: Tensor) -> NDArray[np.uint8]:
    return np.asarray(np.round(255 * (1 - pictures[:, 0].numpy())), dtype=np.uint8)
