"""Any recording -> blocks of samples. Files are read as if a stranger had sent them.

A recording is read twice, block by block: once to see what it is (`survey`), once to hear it
(`resampled`). However long it is, it never lies in memory.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holotype.domains.voices import EXTRA
from holotype.domains.voices.formats import FORMATS, format_of, is_film
from holotype.errors import RecordingError
from holotype.image.decode import ImageSource
from holotype.records import Recording

if TYPE_CHECKING:
    import soundfile

Floats = NDArray[np.float32]

MAX_SECONDS = 4 * 3600
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 768_000
MAX_CHANNELS = 64
# Decoders of lossy formats give somewhat more than full scale; more than this is no such sample.
_MOST = 8.0
_BLOCK = 1 << 16  # samples of all channels that are held at a time
_NEAR_PEAK = 0.999
# How libsndfile notes that a file announces more than it holds; a size of all ones is what is
# written where the end is not known yet.
_CUT_OFF = re.compile(
    r"^data : (?!42949672)\d+ \(should be|Junk after the last page|ended unexpectedly", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a recording is before anybody listens."""

    rate_hz: int
    seconds: float
    peak: float  # of full scale, over all channels
    level_db: float  # root mean square of the channels' mean, of full scale; -inf of silence
    at_peak: float  # share of samples that are as loud as the loudest


@contextmanager
def opened(source: ImageSource) -> Iterator[Sound]:
    """A recording, ready to be read.

    Args:
        source: a path, the bytes of a file (WAV, FLAC, OGG or MP3, told by its content), or a
            `Recording`.

    Raises:
        RecordingError: it is missing, or no recording that is read; without its name (`naming`).
        MissingExtraError: what reads files is not installed.
    """
    if isinstance(source, Recording):
        yield Sound(source.rate_hz, _Samples(_checked_samples(source)))
    elif isinstance(source, bytes):
        with _file(BytesIO(source), len(source)) as sound:
            yield sound
    elif isinstance(source, str | os.PathLike):
        with _regular(source) as (file, size_bytes), _file(file, size_bytes) as sound:
            yield sound
    else:
        what = "an array" if isinstance(source, np.ndarray) else f"a {type(source).__name__}"
        raise RecordingError(
            f"{what} is not a recording",
            "Pass a path, the bytes of a file, or holotype.Recording(samples, rate_hz)",
        )


class Sound:
    """An opened recording.

    Args:
        rate_hz: of its samples.
        reader: a `soundfile.SoundFile`, or what is read like one.

    Raises:
        RecordingError: a rate or a number of channels that is not heard.
    """

    def __init__(self, rate_hz: int, reader: soundfile.SoundFile | _Samples) -> None:
        self.rate_hz, self._reader = rate_hz, reader
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise RecordingError(
                f"a rate of {rate_hz} Hz is not between {MIN_RATE_HZ} and {MAX_RATE_HZ}",
                "Record at 16000 Hz",
            )
        if reader.channels > MAX_CHANNELS:
            raise RecordingError(
                f"{reader.channels} channels are more than {MAX_CHANNELS}", "Mix them down to one"
            )

    def blocks(self) -> Iterator[Floats]:
        """All samples from the start: float32 [n, channels].

        Raises:
            RecordingError: it is damaged, cut off, too long, or holds what is no sample.
        """
        with _decoding():
            self._reader.seek(0)
        size, read = max(1, _BLOCK // self._reader.channels), 0
        while len(block := self._next(size)):
            read += len(block)
            if read > MAX_SECONDS * self.rate_hz:
                raise RecordingError(
                    f"it is longer than {MAX_SECONDS // 3600} hours", "Cut out the part that counts"
                )
            # Written so that NaN fails as well.
            if not np.abs(block).max() <= _MOST:
                raise RecordingError(
                    f"samples up to {np.abs(block).max():.4g} are not within [-1, 1]"
                    if np.isfinite(block).all()
                    else "samples are not finite",
                    "Save it anew, as integers or as floats in [-1, 1]",
                )
            yield block
        if read < self._reader.frames:
            raise _cut_off()

    def _next(self, size: int) -> Floats:
        with _decoding():
            return np.asarray(self._reader.read(size, dtype="float32", always_2d=True))


def survey(sound: Sound) -> Survey:
    """Listen to all of it once, for nothing but its length and level.

    Raises:
        RecordingError: as for `Sound.blocks`; or it has no sample.
    """
    samples, values, at_peak, energy, peak = 0, 0, 0, 0.0, 0.0
    for block in sound.blocks():
        loud = np.abs(block)
        top = float(loud.max())
        if top > peak:
            at_peak, peak = at_peak if top * _NEAR_PEAK <= peak else 0, top
        at_peak += int(np.count_nonzero(loud >= _NEAR_PEAK * peak)) if peak else 0
        energy += float(np.square(block.mean(axis=1), dtype=np.float64).sum())
        samples += len(block)
        values += block.size
    if not samples:
        raise RecordingError("it has no sample", "Record again")
    level = 10 * np.log10(energy / samples) if energy else -np.inf
    return Survey(sound.rate_hz, samples / sound.rate_hz, peak, float(level), at_peak / values)


def as_wave(recording: Recording) -> bytes:
    """A recording in memory as a WAV file of the same precision, floats of 32 bits.

    Raises:
        RecordingError: its samples are none.
        MissingExtraError: what writes files is not installed.
    """
    samples = _checked_samples(recording)
    with EXTRA.required():
        import soundfile
    subtype = {"u1": "PCM_U8", "i2": "PCM_16", "i4": "PCM_32"}.get(samples.dtype.str[1:], "FLOAT")
    if samples.dtype == np.uint8:  # written as from -1 to 1
        samples = (samples.astype(np.float32) - 128) / 128
    file = BytesIO()
    soundfile.write(file, samples, recording.rate_hz, format="WAV", subtype=subtype)
    return file.getvalue()


def resampled(sound: Sound, rate_hz: int, gain: float) -> Iterator[Floats]:
    """The mean of the channels at another rate: float32 [n] blocks.

    Args:
        sound: the recording.
        rate_hz: of what is given.
        gain: that every sample is multiplied by.

    Raises:
        RecordingError: as for `Sound.blocks`.
        MissingExtraError: what resamples is not installed.
    """
    mono = (block.mean(axis=1) * np.float32(gain) for block in sound.blocks())
    if sound.rate_hz == rate_hz:
        yield from mono
        return
    with EXTRA.required():
        import soxr
    stream = soxr.ResampleStream(sound.rate_hz, rate_hz, 1, dtype="float32")
    for block in mono:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)


class _Samples:
    """Samples in memory, read like a `soundfile.SoundFile`."""

    def __init__(self, samples: NDArray[Any]) -> None:
        self._samples, self._at = samples, 0
        self.frames, self.channels = samples.shape

    def seek(self, frame: int) -> None:
        self._at = frame

    def read(self, size: int, dtype: str, always_2d: bool) -> Floats:
        block = self._samples[self._at : self._at + size]
        self._at += len(block)
        if block.dtype.kind == "f":
            return block.astype(np.float32)
        half = 2.0 ** (8 * block.dtype.itemsize - 1)
        middle = half if block.dtype == np.uint8 else 0.0
        return ((block.astype(np.float64) - middle) / half).astype(np.float32)


def _checked_samples(recording: Recording) -> NDArray[Any]:
    samples = np.asarray(recording.samples)
    known = samples.dtype.kind == "f" or samples.dtype in (np.uint8, np.int16, np.int32)
    if samples.ndim not in (1, 2) or not known:
        raise RecordingError(
            f"samples {samples.dtype} {list(samples.shape)} are not [n] or [n, channels] of "
            "floats, uint8, int16 or int32",
            "Pass them so",
        )
    if not samples.size:
        raise RecordingError("it has no sample", "Record again")
    samples = samples.reshape(len(samples), -1)
    if samples.shape[1] > len(samples):
        raise RecordingError(
            f"samples {list(samples.shape)} have more channels than samples",
            "Pass [n, channels], the channels last",
        )
    return samples


@contextmanager
def _regular(path: str | os.PathLike[str]) -> Iterator[tuple[IO[bytes], int]]:
    """A file that is one; a named pipe would wait for a writer."""
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise RecordingError("a folder is not a recording", "Name the recordings inside it")
        if not stat.S_ISREG(status.st_mode):
            raise RecordingError(
                "a pipe, socket or device is not read", "Save the recording as a regular file"
            )
        file = open(path, "rb")  # noqa: SIM115  # closed below
    except FileNotFoundError:
        raise RecordingError("no such file", "Check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise RecordingError(
            f"cannot be opened ({reason})", "Check the path, its rights"
        ) from error
    with file:
        yield file, status.st_size


@contextmanager
def _file(file: IO[bytes], size_bytes: int) -> Iterator[Sound]:
    if size_bytes == 0:
        raise RecordingError("the file is empty (0 bytes)", "Pass a file that holds a recording")
    head = file.read(16)
    file.seek(0)
    if format_of(head) is None:
        known = ", ".join(FORMATS)
        if is_film(head):
            raise RecordingError(
                f"this is an MP4 file, as of a video or a telephone; {known} are read",
                "Save its sound as one of them, as with `ffmpeg -i IN.mp4 -vn OUT.wav`",
            )
        raise RecordingError(
            f"this is not a recording in a format that is read ({known})", "Save it as WAV or FLAC"
        )
    with EXTRA.required():
        import soundfile
    with _decoding():
        reader = soundfile.SoundFile(file)
    with reader:
        if _CUT_OFF.search(reader.extra_info):
            raise _cut_off()
        yield Sound(reader.samplerate, reader)


@contextmanager
def _decoding() -> Iterator[None]:
    """Let nothing of libsndfile out but a RecordingError."""
    try:
        yield
    except (RuntimeError, OSError, ValueError, TypeError) as error:  # its own is a RuntimeError
        raise RecordingError(
            "the recording is truncated or damaged", "Save or transfer it again"
        ) from error


def _cut_off() -> RecordingError:
    return RecordingError(
        "the recording is truncated: it announces more than it holds", "Save or transfer it again"
    )
