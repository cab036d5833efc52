"""Equations 5 to 8 of Santoro et al. 2016, worked out by hand."""

from __future__ import annotations

import torch
from torch import Tensor

from holotype.train.methods.memory import least_used


def one(*rows: object) -> Tensor:
    return torch.tensor([list(rows)], dtype=torch.float32)


def test_equation_5_usage() -> None:
    used = least_used.usage(one(2.0, 1.0), one([0.5, 0.5], [1, 0]), one([0, 1], [0, 0]), 0.9)
    torch.testing.assert_close(used, one(1.8 + 0.5 + 1, 0.9 + 0.5 + 1))


def test_equation_6_the_least_used_slots() -> None:
    used = one(0.3, 0.1, 0.2, 0.1)
    assert torch.equal(least_used.least_used(used, 1), one([0, 1, 0, 0]))
    assert torch.equal(
        least_used.least_used(used, 3), one([0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0])
    )


def test_equation_7_where_to_write() -> None:
    weighting = least_used.write_weighting(one([0.25]), one([0.6, 0.4]), one([0, 1]))
    torch.testing.assert_close(weighting, one([0.15, 0.85]))


def test_equation_8_writing() -> None:
    written = least_used.write(one([1, 2], [3, 4]), one([0, 1]), one([0.15, 0.85]), one([10, 20]))
    torch.testing.assert_close(written, one([1 + 1.5, 2 + 3], [8.5, 17]))
