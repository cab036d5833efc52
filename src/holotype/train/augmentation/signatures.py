"""Signatures that nobody wrote: one drawer's characters in a row, as one hand would repeat them.

Collections of real signatures are bound to research use. What they teach can be had from drawings
of characters: a name is a sequence of characters, and a hand is how one drawer drew them. A
forgery is the same name by another drawer, or the owner's very drawings as somebody laid them out
who had practiced. So whose hand it is makes the class: just what a model of characters learns to
disregard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional as F

from holotype.datasets.dataset import Dataset
from holotype.datasets.lazy import PAPER
from holotype.errors import DataError
from holotype.train.augmentation.handwriting import Hand, Layout, laid_out
from holotype.train.augmentation.warps import gamma, warp

HEIGHT_PX, WIDTH_PX = 112, 304  # of a picture
HANDS = 4  # that write a name: its owner, one who practiced it, two more drawers
_SHORTEST, _LONGEST = 4, 9  # characters of a name
_FRAME_PX = 48  # a drawing's frame, as it is kept
_PATCH_PX = 64  # where a drawing is warped
_FULLEST = 0.8  # of the picture's width that a name takes before it is made smaller
_FULLER = 1.5  # strokes lose by the reduction, and are filled up by this factor
_INK_LEVEL = 0.3
_FLOURISH_PX = 50  # the height that a flourish is drawn in
_CURVE_POINTS = 24
_FIELD_STEP = 4  # fields of displacement are smooth: computed at every fourth pixel
_CHUNK = 64  # pictures drawn at once

Integers = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Glyphs:
    """Drawings of characters, ready to be put in a row."""

    frames: Tensor  # float32 [G, 1, 48, 48], ink 1
    ends: Doubles  # [G, 2, 2] the leftmost and the rightmost ink: x and y in frames


@dataclass(frozen=True, slots=True, eq=False)
class Signatures:
    """Pictures of signatures, drawn when they are asked for: uint8, ink 0 on paper 255."""

    glyphs: Glyphs
    hands: tuple[Hand, ...]  # [C]
    names: tuple[Integers, ...]  # [C] rows of `glyphs`
    taken: Integers  # [M, 2] class and day

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the drawn whole, [M, 112, 304]."""
        return len(self.taken), HEIGHT_PX, WIDTH_PX

    def __len__(self) -> int:
        """Number of signatures."""
        return len(self.taken)

    def __getitem__(self, index: Any, /) -> NDArray[np.uint8]:
        """The signatures at an integer, slice or integer array: uint8 [..., 112, 304]."""
        taken = self.taken[index]
        rows = taken.reshape(-1, 2)
        result = np.empty((len(rows), HEIGHT_PX, WIDTH_PX), np.uint8)
        for start in range(0, len(rows), _CHUNK):
            result[start : start + _CHUNK] = self._drawn(rows[start : start + _CHUNK])
        return result.reshape(*taken.shape[:-1], HEIGHT_PX, WIDTH_PX)

    def _drawn(self, rows: Integers) -> NDArray[np.uint8]:
        layouts = [laid_out(self.hands[c], len(self.names[c]), int(day)) for c, day in rows]
        written = zip(rows[:, 0], layouts, strict=True)
        ink = np.stack([self._row(self.names[c], layout) for c, layout in written])
        pens = [np.random.default_rng((*self.hands[c].seed, c, day, 1)) for c, day in rows]
        return _inked(_swayed(torch.from_numpy(ink)[:, None], layouts), pens)

    def _row(self, name: Integers, layout: Layout) -> NDArray[np.float32]:
        """The characters side by side and the lines between them: [112, 304], ink 1."""
        ends = self.glyphs.ends[name]
        frame: Doubles = np.exp(layout["size"]) * _FRAME_PX
        width = (ends[:, 1, 0] - ends[:, 0, 0]) * frame
        step = np.maximum(width + layout["gap"] * frame, 2.0)
        start = np.concatenate([[0.0], np.cumsum(step)[:-1]])
        total = float((start + width).max())
        shrink = min(1.0, _FULLEST * WIDTH_PX / total)
        frame, start, total = frame * shrink, start * shrink, total * shrink
        x = (WIDTH_PX - total) / 2 + start + (0.5 - ends[:, 0, 0]) * frame + layout["x_px"]
        # Larger ones rise: all stand on about one line.
        y = HEIGHT_PX / 2 - 0.3 * (frame - frame.mean()) + layout["y_px"]
        middle: Doubles = np.stack([x, y], 1)
        limit = np.array([WIDTH_PX, HEIGHT_PX]) - _PATCH_PX
        corner = np.clip(np.floor(middle - _PATCH_PX / 2), 0, limit).astype(np.int64)
        off: Doubles = middle - corner - _PATCH_PX / 2
        patches = self._patches(name, layout, frame, off)
        canvas = np.zeros((HEIGHT_PX, WIDTH_PX), np.float32)
        for patch, (left, top) in zip(patches, corner, strict=True):
            place = canvas[top : top + _PATCH_PX, left : left + _PATCH_PX]
            np.maximum(place, patch, out=place)
        tips = middle[:, None] + (ends - 0.5) * frame[:, None, None]
        return _lined(canvas, tips, layout, total)

    def _patches(
        self, name: Integers, layout: Layout, frame_px: Doubles, off_px: Doubles
    ) -> NDArray[np.float32]:
        """Each character resized, turned, bent and moved off the middle: [n, 64, 64]."""
        zoom = _PATCH_PX / frame_px
        cos, sin = np.cos(layout["turn"]) * zoom, np.sin(layout["turn"]) * zoom
        dx, dy = -2 * off_px.T / _PATCH_PX
        matrix = np.stack([cos, -sin, cos * dx - sin * dy, sin, cos, sin * dx + cos * dy], 1)
        grid = _grid(matrix.reshape(-1, 2, 3), _PATCH_PX, _PATCH_PX)
        grid = grid + _field([layout["bend"]], _PATCH_PX, _PATCH_PX)
        frames = self.glyphs.frames[torch.from_numpy(name)]
        return np.asarray(F.grid_sample(frames, grid, align_corners=False)[:, 0].numpy())


def _lined(
    canvas: NDArray[np.float32], tips: Doubles, layout: Layout, width_px: float
) -> NDArray[np.float32]:
    """With the lines from character to character, and the flourish."""
    picture = Image.fromarray(canvas)
    pen = ImageDraw.Draw(picture)

    def curve(points: Doubles) -> None:
        pen.line([(x, y) for x, y in _curve(points).tolist()], fill=1.0, width=2)

    for i in np.flatnonzero(layout["joined"]):
        first, last = tips[i, 1], tips[i + 1, 0]
        curve(np.stack([first, (first + last) / 2 + [0, layout["sag_px"][i]], last]))
    if layout["flourished"]:
        box = np.array([max(width_px, _FLOURISH_PX), _FLOURISH_PX])
        middle = np.array([WIDTH_PX, HEIGHT_PX]) / 2
        curve(middle + (layout["flourish"] - [0.5, 0]) * box)
    return np.asarray(picture, np.float32)


def _swayed(ink: Tensor, layouts: list[Layout]) -> Tensor:
    """Slanted, sloped, stretched, and every stroke a little off: [B, 1, 112, 304]."""
    slant, slope, stretch = (
        np.stack([layout[name] for layout in layouts]) for name in ("slant", "slope", "stretch")
    )
    ratio, wider, zero = HEIGHT_PX / WIDTH_PX, np.exp(-stretch / 2), np.zeros(len(layouts))
    matrix = np.stack([wider, (slant + slope) * ratio, zero, -slope / ratio, 1 / wider, zero], 1)
    sway, tremor = (np.stack([layout[name] for layout in layouts]) for name in ("sway", "tremor"))
    bend = _field([sway, tremor], HEIGHT_PX, WIDTH_PX) * torch.tensor([ratio, 1.0])
    grid = _grid(matrix.reshape(-1, 2, 3), HEIGHT_PX, WIDTH_PX) + bend
    return F.grid_sample(ink, grid, align_corners=False)


def _inked(ink: Tensor, pens: list[np.random.Generator]) -> NDArray[np.uint8]:
    """With a finer or a fuller pen, pressed more here and less there."""
    full = torch.tensor([pen.uniform(0, 1) for pen in pens], dtype=torch.float32)
    press = np.stack([1 + pen.uniform(0, 0.3) * pen.normal(size=(1, 3, 9)) for pen in pens])
    fuller = ink.clone()
    for axis in (2, 3):  # a square nib of three pixels, one axis after the other
        length = ink.shape[axis] - 1
        narrow = fuller.clone()
        for onto, of in ((1, 0), (0, 1)):
            place = fuller.narrow(axis, onto, length)
            torch.maximum(place, narrow.narrow(axis, of, length), out=place)
    ink = torch.lerp(ink, fuller, full[:, None, None, None])
    pressed = torch.from_numpy(press.clip(0.35, 1).astype(np.float32))
    ink = ink * F.interpolate(pressed, ink.shape[-2:], mode="bilinear", align_corners=True)
    return np.round(PAPER * (1 - ink[:, 0].clamp(0, 1).numpy())).astype(np.uint8)


def _grid(matrix: Doubles, height: int, width: int) -> Tensor:
    """As `affine_grid`, which is slow on many small pictures: [B, 2, 3] -> [B, H, W, 2]."""
    m = torch.from_numpy(matrix.astype(np.float32))[:, None, None]  # [B, 1, 1, 2, 3]
    x = ((torch.arange(width) * 2 + 1) / width - 1)[None, None, :, None]
    y = ((torch.arange(height) * 2 + 1) / height - 1)[None, :, None, None]
    return m[..., 0] * x + (m[..., 1] * y + m[..., 2])


def _field(coarse: list[Doubles], height: int, width: int) -> Tensor:
    """The sum of coarse fields [B, 2, h, w], smooth between their nodes: [B, H, W, 2]."""
    size = (height // _FIELD_STEP, width // _FIELD_STEP)
    smooth = sum(
        F.interpolate(
            torch.from_numpy(field.astype(np.float32)), size, mode="bicubic", align_corners=True
        )
        for field in coarse
    )
    assert isinstance(smooth, Tensor)
    fine = F.interpolate(smooth, (height, width), mode="bilinear", align_corners=True)
    return fine.permute(0, 2, 3, 1)


def _curve(points: Doubles) -> Doubles:
    """From the first point to the last, drawn towards those between (Bezier): [24, 2]."""
    t = np.linspace(0, 1, _CURVE_POINTS)[:, None, None]
    level = np.repeat(points[None], _CURVE_POINTS, axis=0)
    while level.shape[1] > 1:
        level = (1 - t) * level[:, :-1] + t * level[:, 1:]
    return np.asarray(level[:, 0])


@dataclass(frozen=True, slots=True)
class Signing:
    """Makes signatures of characters."""

    hands: int  # of each name, 1 to 4; each is a class
    days: int  # signatures of each hand

    def __call__(self, characters: Dataset, seed: int) -> Dataset:
        """Four hands' signatures to every character, as a function of the seed.

        Args:
            characters: drawings with alphabets as groups and known drawers.
            seed: of everything that is drawn.

        Returns:
            A data set of `4 * C` classes in the same groups, `days` pictures each.

        Raises:
            DataError: nobody knows who drew the characters.
        """
        drawers = characters.drawer
        if drawers is None or len(np.unique(drawers)) < HANDS:
            raise DataError(
                f"'{characters.name}' does not say which of at least {HANDS} people drew what",
                "Use the data set 'omniglot'",
            )
        row = np.full((len(characters.class_names), int(drawers.max()) + 1), -1)
        row[characters.class_index, drawers] = np.arange(len(characters))
        group = np.array(characters.group)
        rng = np.random.default_rng((seed, len(characters)))
        hands, names, titles, groups = [], [], [], []
        for name in range(len(characters.class_names) * HANDS // self.hands):
            alphabet = group[rng.integers(len(group))]
            length = rng.integers(_SHORTEST, _LONGEST + 1)
            text = rng.choice(np.flatnonzero(group == alphabet), length)
            able = np.flatnonzero((row[text] >= 0).all(0))
            owner, *others = rng.choice(able, HANDS - 1, replace=False)
            for hand, drawer in enumerate((owner, owner, *others)[: self.hands]):
                hands.append(Hand((seed, len(characters), name), hand, practiced=hand == 1))
                names.append(row[text, drawer])
                titles.append(f"{alphabet}/name{name + 1:04d}/hand{hand + 1}")
                groups.append(str(alphabet))
        classes = np.arange(len(hands))
        taken = np.stack([np.repeat(classes, self.days), np.tile(range(self.days), len(hands))], 1)
        return replace(
            characters,
            images=Signatures(_glyphs(characters), tuple(hands), tuple(names), taken),
            class_index=taken[:, 0].copy(),
            class_names=tuple(titles),
            group=tuple(groups),
            drawer=None,
        )


def rescanned(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each signature once more: a little off, and in lighter or fuller ink.

    Args:
        images: float32 [B, 1, H, W], ink 1.
        generator: the source of all randomness.

    Returns:
        float32 [B, 1, H, W] in [0, 1].
    """
    moved = warp(
        images, generator, rotation_degrees=3, scale=0.06, shear=0.06, shift=0.03, elastic=0.015
    )
    return gamma(moved, generator)


def _glyphs(characters: Dataset) -> Glyphs:
    frames = np.empty((len(characters), _FRAME_PX, _FRAME_PX), np.float32)
    for i in range(len(characters)):
        ink = Image.fromarray(PAPER - np.asarray(characters.images[i], np.uint8))
        small = ink.resize((_FRAME_PX, _FRAME_PX), Image.Resampling.BILINEAR)
        frames[i] = np.asarray(small, np.float32) / PAPER
    frames = np.minimum(frames * _FULLER, 1)
    inked = frames > _INK_LEVEL
    columns = inked.any(1)
    x = np.stack([columns.argmax(1), _FRAME_PX - 1 - columns[:, ::-1].argmax(1)], 1)  # [G, 2]
    at = np.take_along_axis(inked, x[:, None], axis=2)  # [G, 48, 2]
    y = (at * np.arange(_FRAME_PX)[:, None]).sum(1) / np.maximum(at.sum(1), 1)
    ends = (np.stack([x, y], 2) + 0.5) / _FRAME_PX
    return Glyphs(torch.from_numpy(frames)[:, None], ends)
