"""Sine waves of any amplitude and phase: the family that shows what adapting means."""

from __future__ import annotations

import math

import numpy as np
import torch

from holotype.train.methods.meta.points import PointTasks

AMPLITUDE, PHASE, RANGE = (0.1, 5.0), (0.0, math.pi), (-5.0, 5.0)


def sinusoids(seed: int, tasks: int, k_shot: int, n_query: int) -> PointTasks:
    """Tasks y = a sin(x - p), as in Finn et al. 2017, section 5.1.

    Args:
        seed: fixes amplitudes in [0.1, 5], phases in [0, pi] and all x in [-5, 5], all uniform.
        tasks: how many.
        k_shot: points given of each.
        n_query: points asked for of each.
    """
    rng = np.random.default_rng(seed)
    amplitude = rng.uniform(*AMPLITUDE, (tasks, 1, 1))
    phase = rng.uniform(*PHASE, (tasks, 1, 1))
    x = rng.uniform(*RANGE, (tasks, k_shot + n_query, 1))
    y = amplitude * np.sin(x - phase)
    known, asked = slice(None, k_shot), slice(k_shot, None)
    parts = (x[:, known], y[:, known], x[:, asked], y[:, asked])
    return PointTasks(*(torch.from_numpy(part).float() for part in parts))
