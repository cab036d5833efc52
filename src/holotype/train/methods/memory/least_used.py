"""Least recently used access (Santoro et al. 2016, section 3.2): where a memory writes.

To a slot that was just read, to bring it up to date, or to the slot that has been of least use.
B = sequences, H = heads, N = slots, M = numbers in a slot; weightings are float32 [B, H, N].
"""

from __future__ import annotations

import torch
from torch import Tensor


def usage(previous: Tensor, reads: Tensor, writes: Tensor, decay: float) -> Tensor:
    """How much each slot was used, long ago counting less (equation 5): float32 [B, N].

    Args:
        previous: usage before this step, float32 [B, N].
        reads: read weightings of this step.
        writes: write weightings of this step.
        decay: in [0, 1).
    """
    return decay * previous + (reads + writes).sum(1)


def least_used(used: Tensor, heads: int) -> Tensor:
    """The slots of least use (equation 6): 0 or 1, float32 [B, H, N], one slot for each head.

    Equation 6 marks as many slots as there are heads; here each head gets one of them, so that
    the heads do not write over each other. Of slots used equally little, the first is taken.
    """
    slots = used.argsort(dim=1, stable=True)[:, :heads]
    return torch.zeros_like(used).unsqueeze(1).repeat(1, heads, 1).scatter_(2, slots[..., None], 1)


def write_weighting(gate: Tensor, read_before: Tensor, least: Tensor) -> Tensor:
    """Between the slots just read (gate 1) and the least used (gate 0) (equation 7): a weighting.

    Args:
        gate: float32 [B, H, 1] in [0, 1].
        read_before: read weightings of the step before.
        least: from `least_used`, before this step.
    """
    return torch.lerp(least, read_before, gate)


def write(memory: Tensor, least: Tensor, weighting: Tensor, values: Tensor) -> Tensor:
    """Clear the least used slots, then add (equation 8): float32 [B, N, M].

    Args:
        memory: float32 [B, N, M].
        least: from `least_used`, before this step.
        weighting: where each head writes.
        values: float32 [B, H, M], what each head writes.
    """
    kept = 1 - least.sum(1).unsqueeze(-1)
    return memory * kept + torch.bmm(weighting.mT, values)
