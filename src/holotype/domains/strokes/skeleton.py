"""Thinning: ink -> lines one pixel wide (Zhang and Suen 1984)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Pixel = tuple[int, int]  # row, column

# The eight neighbors as (row, column) offsets, clockwise from the one above: P2 to P9.
AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


def skeleton(ink: Mask) -> Mask:
    """The center lines of strokes: bool [H, W] -> bool [H, W].

    In turns, pixels of the lower right and of the upper left border are taken away that neither
    end a line nor hold two parts together, until none is left to take.
    """
    thin = np.pad(ink, 1)
    while True:
        before = thin.sum()
        for corners in ((0, 2, 4), (2, 4, 6)), ((0, 2, 6), (0, 4, 6)):
            near = neighbors(thin)
            count = near.sum(0)
            open_sides = (~near[list(corners[0])]).any(0) & (~near[list(corners[1])]).any(0)
            thin = thin & ~((count >= 2) & (count <= 6) & (branches(near) == 1) & open_sides)
        if thin.sum() == before:
            break
    thin = _unstepped(thin)[1:-1, 1:-1]
    for part in parts(ink):  # the rules above make a square vanish
        if not any(thin[pixel] for pixel in part):
            middle = np.mean(part, axis=0)
            thin[min(part, key=lambda pixel: float(np.hypot(*(pixel - middle))))] = True
    return thin


def neighbors(mask: Mask) -> Mask:
    """The eight neighbors of each pixel, in the order of `AROUND`: bool [8, H, W]."""
    return np.stack([np.roll(mask, (-row, -column), (0, 1)) for row, column in AROUND])


def branches(near: Mask) -> NDArray[np.int64]:
    """How many lines leave each pixel: the changes from paper to ink once around it."""
    return np.asarray((~near & np.roll(near, -1, 0)).sum(0), dtype=np.int64)


def parts(mask: Mask) -> list[list[Pixel]]:
    """The pixels of each part that hangs together, sides or corners touching."""
    left = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    found = []
    while left:
        part = [min(left)]
        left.remove(part[0])
        for pixel in part:  # it grows while it is read
            for near in beside(pixel):
                if near in left:
                    left.remove(near)
                    part.append(near)
        found.append(part)
    return found


def beside(pixel: Pixel) -> list[Pixel]:
    """The eight pixels around one: those at its sides, then those at its corners."""
    row, column = pixel
    return [(row + down, column + right) for down, right in (*AROUND[::2], *AROUND[1::2])]


def _unstepped(thin: Mask) -> Mask:
    """Without the inner corners of stairs: there, two neighbors are enough to go on."""
    thin = thin.copy()
    for row, column in np.argwhere(thin):
        near = [bool(thin[row + down, column + right]) for down, right in AROUND]
        is_corner = (near[0] or near[4]) and (near[2] or near[6])
        if is_corner and _joined_around(near):
            thin[row, column] = False
    return thin


def _joined_around(near: list[bool]) -> bool:
    """Whether the neighbors hang together without the pixel: Hilditch's crossing number is 1."""
    number = 0
    for side in range(0, 8, 2):
        corner, next_side = near[side + 1], near[(side + 2) % 8]
        number += not near[side] and (corner or next_side)
    return number == 1
