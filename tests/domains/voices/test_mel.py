"""Mel bands: by definition, and however the samples are divided."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from holotype.domains.voices.mel import MelBands
from holotype.pack import load_pack

HEARING = load_pack("voices").card.preprocessing.own


def bands(*blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    assert HEARING is not None
    mel = MelBands(HEARING)
    return np.concatenate([*(mel.add(block) for block in blocks), mel.end()])


def test_a_tone_lies_between_its_two_bands() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(1600) / 16000).astype(np.float32)
    found = bands(tone)
    assert found.shape == (11, 40)  # one at the first sample, one after each hop
    # Bands are 70.2 Hz apart below 1 kHz: the peak of number 13 lies at 983 Hz, and 1000 Hz between
    # it and its neighbor. A Hann window spreads (1/2)^2 of the power to the bins on either side.
    assert found[5, 12:15] == pytest.approx([88.4206, 104.52, 3.1285], rel=1e-4)
    assert np.abs(np.delete(found[5], [12, 13, 14])).max() < 1e-4


def test_nothing_is_power_zero() -> None:
    assert not bands(np.zeros(1000, np.float32)).any()


@given(st.lists(st.integers(0, 900), min_size=1, max_size=6), st.integers(0, 2**31))
def test_blocks_make_no_difference(sizes: list[int], seed: int) -> None:
    samples = np.random.default_rng(seed).normal(size=sum(sizes)).astype(np.float32)
    parts = np.split(samples, np.cumsum(sizes)[:-1])
    np.testing.assert_allclose(bands(*parts), bands(samples), rtol=1e-4, atol=1e-4)
    assert len(bands(samples)) == len(samples) // 160 + 1
