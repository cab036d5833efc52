"""Episodes as tensors, several at once, the task axis in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from holotype.errors import DataError, TrainingError
from holotype.records import Episode


@dataclass(frozen=True, slots=True)
class EpisodeBatch:
    """T episodes of one shape. Pictures are float32 in [0, 1].

    T = tasks, N = n_way, K = k_shot, Q = queries per task.
    """

    support: Tensor  # [T, N, K, C, H, W]
    query: Tensor  # [T, Q, C, H, W]
    query_class: Tensor | None = None  # int64 [T, Q] in 0..N-1; None: withheld from a method
    class_id: Tensor | None = None  # int64 [T, N] global ids, for background objectives

    def targets(self) -> Tensor:
        """`query_class`, int64 [T, Q].

        Raises:
            TrainingError: the batch carries none.
        """
        if self.query_class is None:
            raise TrainingError(
                "query_class is absent, and a loss needs the classes of the queries",
                "Train on labeled episodes",
            )
        return self.query_class

    def images(self) -> Tensor:
        """All support pictures, then all queries: float32 [T*N*K + T*Q, C, H, W]."""
        return torch.cat([self.support.flatten(0, 2), self.query.flatten(0, 1)])

    def image_ids(self) -> Tensor:
        """The global class of each of `images()`: int64 [T*N*K + T*Q].

        Raises:
            TrainingError: the batch carries no `class_id`, or no `query_class`.
        """
        if self.class_id is None:
            raise TrainingError(
                "class_id is absent, and a background objective needs the global class ids",
                "Train on episodes with class ids",
            )
        k_shot = self.support.shape[2]
        of_support = self.class_id[:, :, None].expand(-1, -1, k_shot)
        of_query = self.class_id.gather(1, self.targets())
        return torch.cat([of_support.flatten(), of_query.flatten()])


def collate(episodes: Sequence[Episode]) -> EpisodeBatch:
    """Episodes -> one batch.

    Args:
        episodes: at least one, all of one shape; support [N, K, C, H, W] or [N, K, H, W] and
            query likewise, uint8 in 0..255 or float in [0, 1].

    Returns:
        The batch. Labels and ids are absent from it where the first episode has none.

    Raises:
        DataError: no episodes, or episodes of different shapes.
    """
    shapes = {(episode.support.shape, episode.query.shape) for episode in episodes}
    if len(shapes) != 1:
        raise DataError(
            f"a batch needs episodes of one shape; {len(episodes)} episodes have {len(shapes)}",
            "Sample all episodes of a batch with the same n_way, k_shot and n_query",
        )
    first = episodes[0]
    return EpisodeBatch(
        support=_pictures([episode.support for episode in episodes], axes=6),
        query=_pictures([episode.query for episode in episodes], axes=5),
        query_class=_integers([episode.query_class for episode in episodes])
        if first.query_class is not None
        else None,
        class_id=_integers([episode.class_id for episode in episodes])
        if first.class_id is not None
        else None,
    )


def _pictures(arrays: Sequence[NDArray[Any]], axes: int) -> Tensor:
    stacked = np.stack(arrays)
    result = torch.from_numpy(stacked).float()
    if stacked.dtype == np.uint8:
        result = result / 255
    return result if result.ndim == axes else result.unsqueeze(-3)


def _integers(arrays: Sequence[NDArray[np.int64] | None]) -> Tensor:
    return torch.from_numpy(np.stack([np.asarray(array, dtype=np.int64) for array in arrays]))
