"""Each equation of section 3 of Graves et al. 2014, worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from holotype.train.methods.memory import addressing


def one(*rows: object) -> Tensor:
    """One sequence: a tensor with an axis of 1 in front."""
    return torch.tensor([list(rows)], dtype=torch.float32)


def test_equation_6_cosine() -> None:
    similar = addressing.cosine(one([3, 4]), one([6, 8], [4, -3], [-3, -4], [0, 0]))
    torch.testing.assert_close(similar, one([1, 0, -1, 0]))


def test_equation_5_content() -> None:
    # exp(ln 3 * 1) against exp(ln 3 * 0): 3 to 1.
    weighting = addressing.by_content(one([1, 0]), one([math.log(3)]), one([2, 0], [0, 5]))
    torch.testing.assert_close(weighting, one([0.75, 0.25]))


def test_equation_7_interpolation() -> None:
    mixed = addressing.interpolate(one([0, 1, 0]), one([0.5, 0.25, 0.25]), one([0.2]))
    torch.testing.assert_close(mixed, one([0.1, 0.85, 0.05]))


def test_equation_8_shift() -> None:
    # 0.1 of each weight moves one slot down, 0.2 stays, 0.7 moves one up; the ends are joined.
    moved = addressing.shift(one([0.6, 0, 0, 0.4]), one([0.1, 0.2, 0.7]))
    torch.testing.assert_close(moved, one([0.12 + 0.28, 0.42, 0.04, 0.06 + 0.08]))


def test_equation_9_sharpening() -> None:
    torch.testing.assert_close(addressing.sharpen(one([0.75, 0.25]), one([2])), one([0.9, 0.1]))
    torch.testing.assert_close(addressing.sharpen(one([0.75, 0.25]), one([1])), one([0.75, 0.25]))


def test_equation_2_reading() -> None:
    read = addressing.read(one([4, 0], [0, 8]), one([0.25, 0.75], [1, 0]))
    torch.testing.assert_close(read, one([1, 6], [4, 0]))


def test_equations_3_and_4_writing() -> None:
    # Slot 0: 2 * (1 - 0.5 * 1) + 0.5 * 4 and 2 * (1 - 0.5 * 0) + 0.5 * 8; slot 1 likewise.
    memory, half = one([2, 2], [2, 2]), one([0.5, 0.5])
    written = addressing.write(memory, half, one([1, 0]), one([4, 8]))
    torch.testing.assert_close(written, one([3, 6], [3, 6]))


def test_several_heads_erase_first_and_then_add() -> None:
    memory = one([2, 2], [2, 2])
    weighting = one([1, 0], [0.5, 0.5])
    erase, add = one([0.5, 0], [1, 0]), one([0, 1], [4, 8])
    written = addressing.write(memory, weighting, erase, add)
    torch.testing.assert_close(written, one([2 * 0.5 * 0.5 + 2, 2 + 1 + 4], [2 * 0.5 + 2, 2 + 4]))
    order = [1, 0]
    swapped = addressing.write(memory, weighting[:, order], erase[:, order], add[:, order])
    torch.testing.assert_close(swapped, written)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(3, 9), st.integers(1, 4))
def test_every_stage_keeps_a_weighting(seed: int, slots: int, heads: int) -> None:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(2, *shape, generator=generator)

    previous = draw(heads, slots).softmax(-1)
    content = addressing.by_content(draw(heads, 4), draw(heads, 1).exp(), draw(slots, 4))
    mixed = addressing.interpolate(previous, content, draw(heads, 1).sigmoid())
    moved = addressing.shift(mixed, draw(heads, 3).softmax(-1))
    sharp = addressing.sharpen(moved, 1 + draw(heads, 1).exp())
    for weighting in (content, mixed, moved, sharp):
        assert weighting.shape == (2, heads, slots)
        assert (weighting >= 0).all()
        torch.testing.assert_close(weighting.sum(-1), torch.ones(2, heads))


@pytest.mark.parametrize("sharpness", [1.0, 40.0])
def test_gradients_stay_finite_on_empty_memory_and_a_sharp_weighting(sharpness: float) -> None:
    memory = torch.zeros(1, 4, 3, requires_grad=True)
    keys = torch.zeros(1, 1, 3, requires_grad=True)
    gamma = torch.full((1, 1, 1), sharpness, requires_grad=True)
    content = addressing.by_content(keys, torch.ones(1, 1, 1), memory)
    weighting = addressing.sharpen(one([1, 0, 0, 0]) + 0 * content, gamma)
    (content.sum() + addressing.read(memory, weighting).sum() + weighting[0, 0, 0]).backward()
    for leaf in (memory, keys, gamma):
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()
