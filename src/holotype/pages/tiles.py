"""Pictures inside a page, and how alike two of them are."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from holotype.errors import ImageError
from holotype.image import prepare

Pixels = NDArray[np.uint8]  # [H, W] grey or [H, W, 3] RGB
Box = tuple[int, int, int, int]  # left, top, right, bottom, in px

_SIDE_PX = 240
_COARSE_PX = 32  # smaller pictures are shown with their pixels
_QUALITY = 82
# Grey and mostly this bright: ink on paper. A dark page shows it as light ink on dark.
_PAPER, _MOSTLY = 200, 0.6
_BOX = "#ff3b6b"


def readable(source: prepare.ImageSource) -> Pixels | None:
    """A picture as it is looked at; None where it cannot be read."""
    try:
        return np.round(255 * prepare.read(source)).astype(np.uint8).transpose(1, 2, 0)
    except ImageError:
        return None


def tile(pixels: Pixels, name: str, box: Box | None = None) -> Markup:
    """A picture as it is, small.

    Args:
        pixels: uint8 [H, W] grey or [H, W, 3] RGB.
        name: for those who cannot see it.
        box: drawn into it.
    """
    picture = Image.fromarray(pixels)
    grey = pixels.ndim == 2 or bool(np.ptp(pixels.astype(np.int16), axis=2).max() <= 2)
    styles = ["tile"]
    if max(picture.size) < _COARSE_PX:
        styles.append("coarse")
    if grey and np.mean(pixels >= _PAPER) >= _MOSTLY:
        styles.append("ink")
    if box is not None:
        grey, picture = False, _boxed(picture, box)
    picture.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
    kind, data = _encoded(picture, grey)
    return Markup('<img class="{}" alt="{}" loading="lazy" src="data:image/{};base64,{}">').format(
        " ".join(styles), name, kind, base64.b64encode(data).decode()
    )


def meter(similarity: float, threshold: float | None) -> Markup:
    """A bar as long as the similarity, with a tick where acceptance begins.

    Args:
        similarity: in [-1, 1]; below 0 the bar is empty.
        threshold: None: there is none.
    """
    needed = "" if threshold is None else f", accepted from {threshold:.2f}"
    tick = "" if threshold is None else f'<i style="left:{_at(threshold):.1f}%"></i>'
    return Markup(  # of numbers alone
        f'<div class="meter" role="img" aria-label="similarity {similarity:.2f}{needed}">'
        f'<b style="width:{_at(similarity):.1f}%"></b>{tick}</div>'
    )


def _boxed(picture: Image.Image, box: Box) -> Image.Image:
    picture = picture.convert("RGB")
    # As wide on the small picture as on any other.
    width = max(1, round(4 * max(picture.size) / _SIDE_PX))
    left, right = sorted((box[0], box[2]))
    top, bottom = sorted((box[1], box[3]))
    ImageDraw.Draw(picture).rectangle((left, top, right, bottom), outline=_BOX, width=width)
    return picture


def _encoded(picture: Image.Image, grey: bool) -> tuple[str, bytes]:
    buffer = BytesIO()
    if not grey:
        picture.convert("RGB").save(buffer, "JPEG", quality=_QUALITY)
        return "jpeg", buffer.getvalue()
    tones: Any = picture.convert("L")
    two = set(np.unique(np.asarray(tones)).tolist()) <= {0, 255}
    tones = tones.convert("1") if two else tones.quantize(16)
    tones.save(buffer, "PNG", optimize=True)
    return "png", buffer.getvalue()


def _at(similarity: float) -> float:
    return 100 * min(1.0, max(0.0, similarity))
