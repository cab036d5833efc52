"""From ink to strokes and back."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from holotype.domains.strokes.drawing import Drawing, length
from holotype.domains.strokes.rendering import render
from holotype.domains.strokes.skeleton import branches, neighbors, skeleton
from holotype.domains.strokes.tracing import fills_frame, framed, trace

SIDE_PX = 105


def inked(*lines: list[tuple[float, float]], width: int = 3) -> NDArray[np.float32]:
    """Ink 1 on paper 0, [105, 105], lines through points."""
    canvas = Image.new("L", (SIDE_PX, SIDE_PX))
    for line in lines:
        ImageDraw.Draw(canvas).line(line, fill=255, width=width)
    return np.asarray(canvas, dtype=np.float32) / 255


CROSS = inked([(20, 20), (80, 80)], [(80, 20), (20, 80)])
TEE = inked([(20, 20), (80, 20)], [(50, 20), (50, 85)])
RING = np.asarray(
    [[30 < np.hypot(x - 52, y - 52) < 34 for x in range(SIDE_PX)] for y in range(SIDE_PX)],
    dtype=np.float32,
)


def test_a_skeleton_is_one_pixel_wide_and_in_the_middle() -> None:
    bar = np.zeros((20, 40), dtype=bool)
    bar[8:13, 5:35] = True
    thin = skeleton(bar)
    assert (thin.sum(0) <= 1).all()
    assert np.argwhere(thin)[:, 0].min() == np.argwhere(thin)[:, 0].max() == 10
    assert thin.sum() >= 24


def test_a_skeleton_keeps_what_hangs_together() -> None:
    thin = np.pad(skeleton(RING > 0), 1)
    # A ring has no end and no crossing: two lines leave each of its pixels.
    assert set(branches(neighbors(thin))[thin].tolist()) == {2}


@pytest.mark.parametrize(
    ("ink", "strokes", "ties"),
    [(CROSS, 2, 1), (TEE, 2, 1), (RING, 1, 1), (inked([(20, 20), (80, 60)]), 1, 0)],
)
def test_strokes_and_where_they_touch(ink: NDArray[np.float32], strokes: int, ties: int) -> None:
    drawing = trace(ink)
    assert len(drawing.strokes) == strokes
    assert len(drawing.ties) == ties


def test_a_pen_goes_straight_on_through_a_crossing() -> None:
    for stroke in trace(CROSS).strokes:
        ends = stroke[-1] - stroke[0]
        assert length(stroke) == pytest.approx(float(np.hypot(*ends)), rel=0.02)
        assert length(stroke) == pytest.approx(60 * np.sqrt(2) / SIDE_PX, rel=0.1)


def test_the_strokes_of_a_tee_meet_where_it_does() -> None:
    drawing = trace(TEE)
    for stroke, point in drawing.ties[0].visits:
        np.testing.assert_allclose(drawing.strokes[stroke][point] * SIDE_PX, [50.5, 20.5], atol=2.0)


def test_a_dot_is_a_stroke() -> None:
    ink = inked([(20, 20), (80, 20)])
    ink[60:64, 50:54] = 1
    drawing = trace(ink)
    assert sorted(len(stroke) > 1 for stroke in drawing.strokes) == [False, True]


def test_what_is_filled_in_is_wider_than_the_pen() -> None:
    ink = inked([(10, 20), (90, 20)])
    ink[60:80, 40:60] = 1
    wide = max(trace(ink).widths)
    assert wide > 3 * min(trace(ink).widths)


@pytest.mark.parametrize("ink", [CROSS, TEE, RING], ids=["cross", "tee", "ring"])
def test_drawn_again_it_is_the_same_drawing(ink: NDArray[np.float32]) -> None:
    again = render(trace(ink), SIDE_PX) < 128
    both, either = (again & (ink > 0.5)).sum(), (again | (ink > 0.5)).sum()
    assert both / either > 0.7


@pytest.mark.parametrize("shape", [(105, 105), (105, 60), (40, 105)])
def test_a_drawing_stays_where_it_is_in_its_squared_frame(shape: tuple[int, int]) -> None:
    height, width = shape
    ink = np.zeros(shape, dtype=np.float32)
    ink[10:33, 20:23] = 1
    points = np.concatenate(trace(ink).strokes)
    side = max(shape)
    expected = (np.array([21.5, 21.5]) + (side - np.array([width, height])) / 2) / side
    np.testing.assert_allclose((points.min(0) + points.max(0)) / 2, expected, atol=0.02)


def test_little_ink_in_much_paper_is_cut_out() -> None:
    ink = np.zeros((800, 800), dtype=np.float32)
    ink[100:160, 300:303] = 1
    assert not fills_frame(ink)
    center, size = trace(ink).frame()
    assert size > 0.5
    np.testing.assert_allclose(center, 0.5, atol=0.05)
    assert (framed(ink, 105) < 128).sum() > 100


def test_centered_has_the_size_and_the_pen_that_were_asked_for() -> None:
    drawing = trace(TEE).centered(0.5, 0.03)
    center, size = drawing.frame()
    np.testing.assert_allclose(center, 0.5, atol=1e-9)
    assert size == pytest.approx(0.5)
    assert set(drawing.widths) == {0.03}


def test_rendering_is_round_and_smooth() -> None:
    dot = Drawing((np.array([[0.5, 0.5]]),), (), (0.4,))
    picture = render(dot, 100)
    assert picture.shape == (100, 100)
    assert 255 * np.pi * 20**2 == pytest.approx(float((255 - picture).sum(dtype=float)), rel=0.03)
    assert ((picture > 0) & (picture < 255)).any()
