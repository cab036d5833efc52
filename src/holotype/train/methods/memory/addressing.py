"""How the heads of a Neural Turing Machine find, read and change memory (Graves et al. 2014).

Every function is one equation of section 3, for all heads and slots at once. B = sequences,
H = heads, N = slots, M = numbers in a slot. A weighting is float32 [B, H, N], not negative, with
sum 1 over the slots.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_SMALLEST = 1e-8  # keeps the cosine of an empty slot, and the sharpening of nothing, finite


def cosine(keys: Tensor, memory: Tensor) -> Tensor:
    """Cosine similarity of each key and each slot (equation 6): [B, H, N] in [-1, 1].

    Args:
        keys: float32 [B, H, M].
        memory: float32 [B, N, M].
    """
    lengths = torch.linalg.vector_norm(keys, dim=-1, keepdim=True)
    slot_lengths = torch.linalg.vector_norm(memory, dim=-1).unsqueeze(1)
    similar: Tensor = torch.bmm(keys, memory.mT) / (lengths * slot_lengths + _SMALLEST)
    return similar


def by_content(keys: Tensor, strength: Tensor, memory: Tensor) -> Tensor:
    """Weight the slots by how alike they are to the keys (equation 5): a weighting.

    Args:
        keys: float32 [B, H, M].
        strength: float32 [B, H, 1], not negative; the larger, the more the best slot gets.
        memory: float32 [B, N, M].
    """
    return F.softmax(strength * cosine(keys, memory), dim=-1)


def interpolate(previous: Tensor, content: Tensor, gate: Tensor) -> Tensor:
    """Between the last weighting (gate 0) and the content's (gate 1) (equation 7): a weighting.

    Args:
        previous: weighting of the last step.
        content: weighting by content.
        gate: float32 [B, H, 1] in [0, 1].
    """
    return torch.lerp(previous, content, gate)


def shift(weighting: Tensor, shifts: Tensor) -> Tensor:
    """Move a weighting along the slots, around the end (equation 8): a weighting.

    Args:
        weighting: what is moved.
        shifts: float32 [B, H, 2R + 1], the share that moves by -R..R slots; sum 1.
    """
    slots, reach = weighting.shape[-1], shifts.shape[-1] // 2
    around = torch.cat([weighting[..., -reach:], weighting, weighting[..., :reach]], dim=-1)
    # What arrives at slot i moved by `by`, so it comes from slot i - by.
    arriving = [
        around[..., reach - by : reach - by + slots] * shifts[..., by + reach, None]
        for by in range(-reach, reach + 1)
    ]
    return sum(arriving[1:], arriving[0])


def sharpen(weighting: Tensor, sharpness: Tensor) -> Tensor:
    """Undo the blur that shifting leaves (equation 9): a weighting.

    Args:
        weighting: what is sharpened.
        sharpness: float32 [B, H, 1], at least 1; 1 changes nothing.
    """
    powers = weighting.clamp_min(_SMALLEST).pow(sharpness)
    return powers / powers.sum(-1, keepdim=True)


def read(memory: Tensor, weighting: Tensor) -> Tensor:
    """What each head reads (equation 2): float32 [B, H, M]."""
    return torch.bmm(weighting, memory)


def write(memory: Tensor, weighting: Tensor, erase: Tensor, add: Tensor) -> Tensor:
    """Erase, then add, all heads together (equations 3 and 4): float32 [B, N, M].

    Args:
        memory: float32 [B, N, M].
        weighting: where each head writes.
        erase: float32 [B, H, M] in [0, 1]; 1 clears what the weighting points to.
        add: float32 [B, H, M].
    """
    if weighting.shape[1] == 1:
        kept = 1 - torch.bmm(weighting.mT, erase)
    else:
        kept = (1 - weighting.unsqueeze(-1) * erase.unsqueeze(-2)).prod(1)
    return memory * kept + torch.bmm(weighting.mT, add)
