"""Any picture -> pixels. Files are decoded as if a stranger had sent them."""

from __future__ import annotations

import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from holotype.errors import ImageError
from holotype.extras import install
from holotype.forking import Forked, Lock
from holotype.image import formats
from holotype.records import Recording

# Of a model that hears, a source is a recording: as a file, or as what it holds.
ImageSource = str | os.PathLike[str] | bytes | Image.Image | NDArray[Any] | Recording

# MPO comes with JPEG; TIFF and WEBP stand last, since looking for them loads more of Pillow.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP")
_SHOWN = 400  # characters of a path, or of a text, in a message
MAX_BYTES = 100_000_000
MAX_PIXELS = 50_000_000
MIN_SIDE_PX = 8
MAX_ASPECT = 50

_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")
_ORIENTATION_TAG = 0x0112  # Exif 2.32, section 4.6.4
# Baseline TIFF: TIFF 6.0, section 8; SampleFormat: section 19.
_BITS_TAG, _PHOTOMETRIC_TAG, _SAMPLE_FORMAT_TAG = 258, 262, 339
_WHITE_IS_ZERO, _SIGNED = 0, 2
_PNG_GREY_BITS = {"L;2": 2, "L;4": 4}  # by Pillow's name for how they lie in the file
# What decoders warn of is told by no one: an odd note about the camera is not the user's concern.
_WARNS = r"(PIL|pillow_heif|holotype\.decoding)\b"


def decode(source: ImageSource) -> NDArray[Any]:
    """Pixels of any source, upright and on white.

    Returns:
        [H, W, 1] grey or [H, W, 3] RGB; uint8, or float32 in [0, 1] where the source is finer.

    Raises:
        ImageError: as `images.read`, without the name of the source (see `naming`).
    """
    if isinstance(source, np.ndarray):
        return _pixels_of_array(source)
    if isinstance(source, Image.Image):
        with _one_by_one, _guarded():  # it is the caller's, and loading changes it
            return _pixels_of_picture(source)
    if isinstance(source, bytes):
        return _pixels_of_file(BytesIO(source), len(source))
    if not isinstance(source, str | os.PathLike):
        raise ImageError(
            f"a {type(source).__name__} is not a picture",
            "Pass a path, the bytes of a file, a PIL image or a NumPy array",
        )
    try:
        # Looked at before it is opened: opening a named pipe would wait for a writer.
        status = os.stat(source)
        if stat.S_ISDIR(status.st_mode):
            raise ImageError("a folder is not a picture", "Name the pictures inside it")
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(
                "a pipe, socket or device is not read", "Save the picture as a regular file"
            )
        with open(source, "rb") as file:
            return _pixels_of_file(file, status.st_size)
    except FileNotFoundError:
        raise ImageError("no such file", "Check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(f"cannot be opened ({reason})", "Check the path and its rights") from error


def _pixels_of_file(file: IO[bytes], size_bytes: int) -> NDArray[Any]:
    if size_bytes == 0:
        raise ImageError("the file is empty (0 bytes)", "Pass a file that holds a picture")
    if size_bytes > MAX_BYTES:
        raise ImageError(
            f"{size_bytes:,} bytes are more than the {MAX_BYTES:,} that are read",
            "Save the picture smaller or compressed",
        )
    with _guarded():
        try:
            picture = _heic(file) or Image.open(file, formats=FORMATS)
        except Image.DecompressionBombError:
            raise ImageError(
                f"the header announces far more than {MAX_PIXELS // 1_000_000} megapixels",
                "Scale the picture down",
            ) from None
        except UnidentifiedImageError:
            what = formats.named(file)
            known = ", ".join(FORMATS)
            raise ImageError(
                f"this is {what}, which is not read"
                if what
                else f"this is not a picture in a format that is read ({known})",
                "Save it as PNG or JPEG",
            ) from None
        with picture:
            return _pixels_of_picture(picture)


def _heic(file: IO[bytes]) -> Image.Image | None:
    """A picture as newer telephones write it, read by an extra; None for any other."""
    head = file.read(12)
    file.seek(0)
    # A box of the kind `ftyp`, then the brand (ISO/IEC 14496-12, 4.3; 23008-12, 10).
    if head[4:8] != b"ftyp" or head[8:] not in _HEIC_BRANDS:
        return None
    try:
        import pillow_heif
    except ModuleNotFoundError:
        raise ImageError(
            "this is a HEIC picture, and pillow-heif, which reads them, is not installed",
            f"{install('heic')}, or save the picture as JPEG",
        ) from None
    pillow_heif.register_heif_opener()
    return Image.open(file, formats=("HEIF",))


def _pixels_of_picture(picture: Image.Image) -> NDArray[Any]:
    _check_size(*picture.size)  # known from the header: nothing is decoded so far
    if picture.format != "MPO" and getattr(picture, "is_animated", False):
        raise ImageError(
            "the picture has more than one frame or page", "Save the one that is meant by itself"
        )
    white = _white(picture)
    _require_known_ink(picture)
    if picture.format == "PNG":
        _spread_transparent(picture)
    picture.load()
    orientation = _orientation(picture)
    if picture.mode.startswith("I"):  # 16 bits of grey, also where Pillow stores them in 32
        pixels = _deep_grey(picture, *white)
    elif picture.mode == "F":
        pixels = _pixels_of_array(np.asarray(picture))
        pixels = 1 - pixels if white[1] else pixels
    elif picture.has_transparency_data:
        layer = picture.convert("LA" if picture.mode == "La" else "RGBA").convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        paper.alpha_composite(layer)
        pixels = np.array(paper.convert("RGB"))
    else:
        pixels = np.array(picture.convert("L" if picture.mode in ("1", "L") else "RGB"))
    return _upright(pixels.reshape(*pixels.shape[:2], -1), orientation)


def _white(picture: Image.Image) -> tuple[int, bool]:
    """The largest value of deep grey, and whether it stands for black (TIFF 6.0, section 8)."""
    tags = getattr(picture, "tag_v2", None) if picture.format == "TIFF" else None
    if tags is None:
        return 65535, False
    bits, deep = int(tags.get(_BITS_TAG, (1,))[0]), picture.mode.startswith("I")
    if deep and bits > 16:
        raise ImageError(
            f"the picture has {bits} bits per channel, and does not say which value is white",
            "Save the picture with 8 or 16 bits per channel",
        )
    if tags.get(_SAMPLE_FORMAT_TAG, (1,))[0] == _SIGNED:
        raise ImageError(
            "the picture holds signed numbers, and does not say which value is white",
            "Save the picture with 8 or 16 bits per channel, unsigned",
        )
    # Of other modes Pillow has turned the values around itself.
    from_white = deep or picture.mode == "F"
    return 2**bits - 1, from_white and tags.get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO


def _require_known_ink(picture: Image.Image) -> None:
    """Refuse JPEG in four inks that does not say whether a large value is ink or paper.

    Adobe's marker says paper; Pillow supposes so without it too, other programs do not.
    """
    if picture.format == "JPEG" and picture.mode == "CMYK" and "adobe" not in picture.info:
        raise ImageError(
            "the picture is a CMYK JPEG without Adobe's marker, which does not say whether its "
            "values count ink or paper",
            "Save it in RGB",
        )


def _spread_transparent(picture: Image.Image) -> None:
    """Pillow spreads grey of 2 or 4 bits over 8, but not the one value that is transparent."""
    tiles = getattr(picture, "tile", None)  # none any more once it is loaded
    bits = _PNG_GREY_BITS.get(tiles[0][3]) if tiles else None
    transparent = picture.info.get("transparency")
    if bits is not None and isinstance(transparent, int):
        picture.info["transparency"] = transparent * 255 // (2**bits - 1)


def _deep_grey(picture: Image.Image, most: int, inverted: bool) -> NDArray[np.float32]:
    values = np.asarray(picture)
    if values.min() < 0 or values.max() > most:
        raise ImageError(
            f"grey values from {values.min()} to {values.max()} do not fit "
            f"{most.bit_length()} bits",
            "Save the picture with 8 or 16 bits per channel",
        )
    pixels = values.astype(np.float32) / np.float32(most)
    if inverted:
        pixels = 1 - pixels
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        pixels[values == transparent] = 1
    return pixels


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where there is none or it is damaged."""
    try:
        return int(picture.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # a damaged note about the camera does not spoil the picture
        return 1


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Undo the EXIF orientation of [H, W, C] (Exif 2.32, section 4.6.4, tag 0x0112)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _pixels_of_array(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ImageError(
            f"an array of shape {list(array.shape)} is not [H, W], [H, W, 1], [H, W, 3] or "
            "[H, W, 4]",
            "Pass one picture with its channels last",
        )
    _check_size(array.shape[1], array.shape[0])
    pixels = array.reshape(*array.shape[:2], -1)
    if array.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        pixels = pixels.astype(np.float32) / np.float32(65535)
    elif array.dtype.kind == "f":
        # Written so that NaN fails as well.
        if not (pixels.min() >= 0 and pixels.max() <= 1):
            raise ImageError(
                f"values from {pixels.min():.4g} to {pixels.max():.4g} are not within [0, 1]",
                "Scale floats to [0, 1], or pass uint8",
            )
        pixels = pixels.astype(np.float32)
    elif array.dtype != np.uint8:
        raise ImageError(
            f"an array of {array.dtype} is not bool, uint8, uint16 or float",
            "Convert it to uint8 in 0..255 or to floats in [0, 1]",
        )
    if pixels.shape[2] == 4:
        alpha = unit_range(pixels[:, :, 3:])
        return unit_range(pixels[:, :, :3]) * alpha + (1 - alpha)
    return pixels


def _check_size(width: int, height: int) -> None:
    size = f"{width} x {height} px"
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{size} are more than {MAX_PIXELS // 1_000_000} megapixels", "Scale the picture down"
        )
    if min(width, height) < MIN_SIDE_PX:
        raise ImageError(
            f"{size}: a side is under {MIN_SIDE_PX} px", "Pass the picture at a higher resolution"
        )
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError(
            f"{size}: one side is more than {MAX_ASPECT} times the other",
            "Cut out the part that is to be recognized",
        )


class _Silence(Forked):
    """No warnings of decoders while pictures are decoded, in as many threads as there are.

    The filters of `warnings` belong to the process. Ours is put in front of them by the first
    thread and taken away by the last; what `catch_warnings` does elsewhere meanwhile may undo the
    one or the other, which the next picture sets right.
    """

    def __init__(self) -> None:
        self._lock, self._decoding = Lock(), 0
        super().__init__()

    def after_fork_in_child(self) -> None:
        """The threads that were decoding are not here."""
        self._decoding = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            self._decoding += 1
            if _FILTER not in warnings.filters:
                warnings.filters.insert(0, _FILTER)  # type: ignore[attr-defined]
        try:
            yield
        finally:
            with self._lock:
                self._decoding -= 1
                if not self._decoding:
                    with suppress(ValueError):
                        warnings.filters.remove(_FILTER)  # type: ignore[attr-defined]


_FILTER = ("ignore", None, Warning, re.compile(_WARNS), 0)
_silence = _Silence()
_one_by_one = Lock()


@contextmanager
def _guarded() -> Iterator[None]:
    """Let nothing of a decoder out but an ImageError: no warnings, none of its many exceptions."""
    with _silence():
        try:
            yield
        except ImageError:
            raise
        except Exception as error:  # decoders raise anything on damaged input
            raise ImageError(
                "the picture is truncated or damaged", "Save or transfer it again"
            ) from error


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the name of the source in front of any problem with it."""
    try:
        yield
    except ImageError as error:
        raise ImageError(f"{name}: {error.problem}", error.remedy) from error.__cause__


def describe(source: object) -> str:
    """A source on one line; control characters in a path come out escaped."""
    if isinstance(source, bytes):
        return f"<{len(source):,} bytes>"
    if isinstance(source, np.ndarray):
        return f"<{source.dtype} array {list(source.shape)}>"
    if isinstance(source, Recording):
        return f"<recording {list(np.shape(source.samples))} at {source.rate_hz} Hz>"
    if isinstance(source, Image.Image):
        return f"<PIL image {source.mode} {source.width} x {source.height}>"
    if isinstance(source, str | os.PathLike):
        name = os.fsdecode(source)
        return repr(name if len(name) <= _SHOWN else f"{name[: _SHOWN // 2]}...")
    return f"<{type(source).__name__}>"


def unit_range(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Uint8 -> [0, 1]; floats are there already."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float32) / np.float32(255)
    return pixels.astype(np.float32, copy=False)
