"""Pictures that are unpacked or turned only when they are asked for."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from holotype.errors import DataError

PAPER = 255


class Pictures(Protocol):
    """What a data set holds: an array [M, ...], a tuple of paths, or one of the classes below.

    Arrays and the classes below also take slices and integer arrays of any shape.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any: ...


@dataclass(frozen=True, slots=True, eq=False)
class PackedDrawings:
    """Black-and-white drawings at one bit per pixel, read as uint8: ink 0 on paper 255.

    The whole of Omniglot takes 45 MB in this form and 357 MB unpacked.
    """

    bits: NDArray[np.uint8]  # [M, ceil(side * side / 8)], 1 is ink, as from np.packbits
    side_px: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the unpacked whole, [M, side, side]."""
        return len(self.bits), self.side_px, self.side_px

    def __len__(self) -> int:
        """Number of drawings."""
        return len(self.bits)

    def __getitem__(self, index: Any, /) -> NDArray[np.uint8]:
        """The drawings at an integer, slice or integer array: uint8 [..., side, side]."""
        packed = self.bits[index]
        ink = np.unpackbits(packed, axis=-1, count=self.side_px**2)
        return (1 - ink.reshape(*packed.shape[:-1], self.side_px, self.side_px)) * np.uint8(PAPER)

    def select(self, rows: NDArray[np.int64]) -> PackedDrawings:
        """The drawings of these rows, still packed."""
        return PackedDrawings(self.bits[rows], self.side_px)


@dataclass(frozen=True, slots=True, eq=False)
class TurnedPictures:
    """Quarter turns of square pictures, made when they are asked for.

    `base[:]` materializes; the result has the dtype of `base`.
    """

    base: Pictures  # an array or PackedDrawings, [B, ..., side, side]
    picture: NDArray[np.int64]  # [M] index into base
    quarter_turns: NDArray[np.int64]  # [M] 0..3, counterclockwise

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.picture)

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        """The pictures at an integer, slice or integer array: [..., side, side]."""
        pictures = np.asarray(self.base[np.asarray(self.picture[index])])
        return turn(pictures, np.asarray(self.quarter_turns[index]))

    def select(self, rows: NDArray[np.int64]) -> TurnedPictures:
        """The pictures of these rows, still to be turned."""
        return TurnedPictures(self.base, self.picture[rows], self.quarter_turns[rows])


@dataclass(frozen=True, slots=True, eq=False)
class PackedPhotographs:
    """Square photographs held as JPEG files, decoded when they are asked for: uint8."""

    files: tuple[bytes, ...]  # [M]
    side_px: int
    channels: int  # 3: RGB; 1: grey

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the decoded whole: [M, side, side, 3], or [M, side, side] of grey ones."""
        return len(self.files), *self._one

    def __len__(self) -> int:
        """Number of photographs."""
        return len(self.files)

    def __getitem__(self, index: Any, /) -> NDArray[np.uint8]:
        """The photographs at an integer, slice or integer array: uint8 [..., side, side(, 3)].

        Raises:
            DataError: a file is damaged, or of another size.
        """
        rows = np.arange(len(self.files))[index]
        pictures = np.empty((rows.size, *self._one), dtype=np.uint8)
        for place, row in enumerate(rows.ravel()):
            pictures[place] = self._decoded(int(row))
        return pictures.reshape(*rows.shape, *self._one)

    def select(self, rows: NDArray[np.int64]) -> PackedPhotographs:
        """The photographs of these rows, still packed."""
        chosen = tuple(self.files[row] for row in rows)
        return PackedPhotographs(chosen, self.side_px, self.channels)

    @property
    def _one(self) -> tuple[int, ...]:
        return (self.side_px, self.side_px, *([3] if self.channels == 3 else []))

    def _decoded(self, row: int) -> NDArray[np.uint8]:
        try:
            with Image.open(io.BytesIO(self.files[row]), formats=["JPEG"]) as picture:
                if picture.size != (self.side_px, self.side_px):
                    raise ValueError(f"it is of {picture.size[0]} x {picture.size[1]} px")
                return np.asarray(picture.convert("RGB" if self.channels == 3 else "L"), np.uint8)
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(
                f"photograph {row + 1} of {len(self.files)} cannot be decoded ({error})",
                "Copy the archive of the data set again",
            ) from error


def turn(pictures: NDArray[Any], quarter_turns: NDArray[np.int64]) -> NDArray[Any]:
    """Turn each picture counterclockwise, as `np.rot90` does.

    Args:
        pictures: [..., side, side] with `quarter_turns.shape` in front.
        quarter_turns: 0..3 for each picture.

    Returns:
        A new array of the shape and dtype of `pictures`.
    """
    turned = np.array(pictures)
    for turns in range(1, 4):
        which = quarter_turns == turns
        if which.any():
            turned[which] = np.rot90(turned[which], turns, axes=(-2, -1))
    return turned


def select(pictures: Pictures, rows: NDArray[np.int64]) -> Pictures:
    """The pictures of these rows, in the form in which they are held."""
    if isinstance(pictures, tuple):
        return tuple(pictures[row] for row in rows)
    if isinstance(pictures, PackedDrawings | TurnedPictures | PackedPhotographs):
        return pictures.select(rows)
    chosen: Pictures = pictures[rows]
    return chosen


def require_square(pictures: Pictures, name: str) -> None:
    """Refuse pictures that cannot be turned in place.

    Raises:
        DataError: they are paths, or not square.
    """
    shape: tuple[int, ...] = getattr(pictures, "shape", ())
    if len(shape) < 3 or shape[-1] != shape[-2]:
        raise DataError(
            f"quarter turns need square arrays; the pictures of '{name}' are "
            + (f"of shape {tuple(shape)}" if shape else "files"),
            "Prepare the pictures first and pass them with `with_images`",
        )
