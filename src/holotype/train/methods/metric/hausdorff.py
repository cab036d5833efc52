"""The modified Hausdorff distance (Dubuisson and Jain 1994)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from holotype.train.batches import EpisodeBatch
from holotype.train.method import Method


def ink_points(picture: Tensor) -> Tensor:
    """Where the ink is, seen from its center of mass.

    Ink is what is at least half as bright as the brightest pixel.

    Args:
        picture: float32 [C, H, W], ink bright.

    Returns:
        float32 [P, 2] in pixels, P >= 1.
    """
    brightness = picture.mean(0)
    points = torch.nonzero(brightness >= brightness.max() / 2).float()
    return points - points.mean(0)


def distances(points: Tensor, others: Tensor, counts: Tensor) -> Tensor:
    """The modified Hausdorff distance of one point set to each of M others.

    `max(h(A, B), h(B, A))`, where `h(A, B)` is the mean over A of the distance to the nearest
    point of B (the sixth of the paper's directed distances, combined by the maximum).

    Args:
        points: float32 [P, 2].
        others: float32 [M, R, 2], padded.
        counts: int64 [M], points of each that are real.

    Returns:
        float32 [M], in pixels.
    """
    real = torch.arange(others.shape[1]) < counts[:, None]
    apart = torch.cdist(points[None], others, compute_mode="donot_use_mm_for_euclid_dist")
    to_others = apart.masked_fill(~real[:, None], torch.inf).amin(2).mean(1)
    from_others = (apart.amin(1) * real).sum(1) / counts
    return torch.maximum(to_others, from_others)


class ModifiedHausdorff(Method):
    """Nothing is learned: pictures are alike whose ink lies near each other's.

    Each picture is laid with its center of mass on the other's, as Lake et al. (2015) do; a class
    answers with its nearest example. There is no pack: a distance of point sets is no cosine of
    vectors.
    """

    trainable = False

    def scores(self, batch: EpisodeBatch) -> Tensor:
        """Negative distance to the nearest example, in pixels: float32 [T, Q, N]."""
        n_way, k_shot = batch.support.shape[1:3]
        answers = []
        for support, query in zip(batch.support.flatten(1, 2), batch.query, strict=True):
            sets = [ink_points(picture) for picture in support]
            counts = torch.tensor([len(points) for points in sets])
            others = pad_sequence(sets, batch_first=True)
            nearest = [
                distances(ink_points(picture), others, counts).view(n_way, k_shot).amin(1)
                for picture in query
            ]
            answers.append(-torch.stack(nearest))
        return torch.stack(answers)
