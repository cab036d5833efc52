"""Other drawings of a character: as different as was measured, and still of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from holotype.domains.strokes.drawing import Drawing, Tie
from holotype.domains.strokes.variation import Variation, measured, vary

LINE = np.linspace([0.3, 0.3], [0.7, 0.3], 21)
STEM = np.linspace([0.5, 0.3], [0.5, 0.8], 20)
TEE = Drawing((LINE, STEM), (Tie(((0, 10), (1, 0))),), (0.03, 0.03))
NONE = Variation(np.zeros((6, 6)), 0.0, 0.0, 0.0, np.zeros((2, 5)), 0.0)


def drawn(variation: Variation, count: int, of: Drawing = TEE) -> list[Drawing]:
    return [vary(of, variation, np.random.default_rng(seed)) for seed in range(count)]


def test_without_deviations_nothing_changes() -> None:
    for stroke, again in zip(TEE.strokes, drawn(NONE, 1)[0].strokes, strict=True):
        np.testing.assert_allclose(again, stroke, atol=1e-12)


def test_the_character_is_moved_as_far_as_the_covariance_says() -> None:
    covariance = np.zeros((6, 6))
    covariance[4, 4] = 0.1**2
    moved = [d.frame()[0][0] - 0.5 for d in drawn(replace(NONE, affine=covariance), 400)]
    # 0.1 of the size of the drawing, 0.5.
    assert np.std(moved) == pytest.approx(0.05, rel=0.15)
    assert np.mean(moved) == pytest.approx(0, abs=0.015)


def test_correlated_entries_vary_together() -> None:
    root = np.zeros((6, 1))
    root[[0, 3], 0] = 0.1  # both sides grow alike
    for found in drawn(replace(NONE, affine=root @ root.T), 10):
        (width, height) = np.ptp(np.concatenate(found.strokes), axis=0)
        assert width / height == pytest.approx(0.4 / 0.5, rel=1e-6)


def test_each_stroke_is_shifted_by_its_own() -> None:
    alone = replace(TEE, ties=())
    found = drawn(replace(NONE, shift=0.05), 400, alone)
    shifts = np.array([[s.mean(0) for s in d.strokes] for d in found])
    apart = shifts[:, 0] - shifts[:, 1]
    assert apart.std(0) == pytest.approx(np.sqrt(2) * 0.05 * 0.5, rel=0.15)


def test_bends_leave_the_ends_of_no_stroke_but_its_middle() -> None:
    bend = np.zeros((2, 5))
    bend[0, 1] = 0.05  # cos(2 pi t): plus at both ends, minus in the middle
    found = drawn(replace(NONE, bend=bend), 200, replace(TEE, ties=()))
    sagging = np.array([d.strokes[0][10, 1] - d.strokes[0][0, 1] for d in found])
    # A straight stroke 0.4 long; from an end to the middle the cosine falls by 2.
    assert sagging.std() == pytest.approx(2 * 0.05 * 0.4, rel=0.2)


@pytest.mark.parametrize("gap", [0.0, 0.02])
def test_strokes_that_touched_still_touch(gap: float) -> None:
    variation = replace(measured(), gap=gap)
    for found in drawn(variation, 50):
        (a, i), (b, k) = TEE.ties[0].visits
        apart = found.strokes[a][i] - found.strokes[b][k]
        assert np.abs(apart).max() <= 2.5 * gap * 0.5 * 2 + 1e-9


def test_a_ring_stays_closed() -> None:
    angle = np.linspace(0, 2 * np.pi, 40)
    circle = 0.5 + 0.2 * np.stack([np.cos(angle), np.sin(angle)], 1)
    ring = Drawing((circle,), (Tie(((0, 0), (0, 39))),), (0.03,))
    for found in drawn(measured(), 20, ring):
        np.testing.assert_allclose(found.strokes[0][0], found.strokes[0][-1], atol=1e-9)


def test_kin_stay_inside_the_frame() -> None:
    for found in drawn(measured().scaled(4), 100):
        points, width = np.concatenate(found.strokes), max(found.widths)
        assert points.min() >= width / 2
        assert points.max() <= 1 - width / 2


def test_strength_scales_every_deviation() -> None:
    half, whole = measured().scaled(0.5), measured()
    np.testing.assert_allclose(half.affine, whole.affine / 4)
    np.testing.assert_allclose(half.bend, whole.bend / 2)
    for name in ("shift", "turn", "scale", "gap"):
        assert getattr(half, name) == pytest.approx(getattr(whole, name) / 2)
