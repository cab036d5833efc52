"""Speech as pictures: log-mel spectrograms of the Free Spoken Digit Dataset."""

from __future__ import annotations

import io
import wave
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.archives import DAMAGE, read_members
from holotype.datasets.dataset import Dataset, data_folder
from holotype.errors import DataError

FSDD_FILE = "fsdd.zip"
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
BANDS = 64
FRAMES = 64
_WINDOW_S, _HOP_S = 0.032, 0.016
_FLOOR_DB = -60.0  # below the loudest point of the recording; what is fainter is silence


def load_fsdd() -> Dataset:
    """Ten spoken digits, 50 times by each of six speakers (Jackson et al. 2018).

    Returns:
        Images uint8 [3000, 64, 64], see `log_mel`: 0 is silence, 255 the loudest point. `drawer`
        is the speaker, 1..6 in the order of `SPEAKERS`. CC BY-SA: what is trained on it is
        measured, never shipped.

    Raises:
        DataError: the file is missing or damaged.
    """
    path = data_folder() / FSDD_FILE
    files = read_members(path, lambda name: name.endswith(".wav"))
    told = [name.removesuffix(".wav").split("_") for name in files]  # digit, speaker, take
    try:
        pictures = [log_mel(*read_wave(content)) for content in files.values()]
        speaker = [SPEAKERS.index(who) + 1 for _, who, _ in told]
        digit = [int(which) for which, _, _ in told]
    except DAMAGE as error:
        raise DataError(f"{path} cannot be read ({error})", "Copy the file there again") from error
    return Dataset(
        name="fsdd",
        images=np.round(np.stack(pictures) * 255).astype(np.uint8),
        class_index=np.array(digit, dtype=np.int64),
        class_names=tuple("0123456789"),
        group=("",) * 10,
        drawer=np.array(speaker, dtype=np.int64),
        license="CC BY-SA 4.0",
        source="https://github.com/Jakobovski/free-spoken-digit-dataset",
    )


def read_wave(content: bytes) -> tuple[NDArray[np.float32], int]:
    """The bytes of a WAV file of 16 bits, one channel -> samples and rate.

    Returns:
        Float32 [n] in [-1, 1), and the sampling rate in Hz.

    Raises:
        ValueError: the file is something else, or holds no sample.
    """
    try:
        with wave.open(io.BytesIO(content)) as recording:
            if (recording.getsampwidth(), recording.getnchannels()) != (2, 1):
                raise ValueError("not 16 bits and one channel")
            rate_hz, stored = recording.getframerate(), recording.readframes(recording.getnframes())
    except wave.Error as error:
        raise ValueError(f"not a WAV file ({error})") from error
    if not stored:
        raise ValueError("a recording without a sample")
    return np.frombuffer(stored, "<i2").astype(np.float32) / np.float32(32768), rate_hz


def log_mel(samples: NDArray[np.floating], rate_hz: int) -> NDArray[np.float32]:
    """A recording of a word as a picture of fixed size, whatever its length and loudness.

    Power in windows of 32 ms (Hann) every 16 ms, summed in 64 triangular bands that are equally
    wide on the mel scale (Davis and Mermelstein 1980; mel = 2595 log10(1 + f / 700), O'Shaughnessy
    1987), in decibel below the loudest point. A shorter recording is centered in silence; of one
    longer than 64 frames (1.02 s) the stretch with the most energy is taken.

    Args:
        samples: float [n], n at least 1.
        rate_hz: of the samples.

    Returns:
        Float32 [64 bands, 64 frames] in [0, 1]: 0 is 60 dB below the loudest point or more; the
        highest band is the top row. A silent recording is all 0.
    """
    window, hop = round(_WINDOW_S * rate_hz), round(_HOP_S * rate_hz)
    padded = np.pad(samples.astype(np.float64), (0, max(0, window - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    # Twice as many points as samples, so that the lowest bands do not fall between two of them.
    power = np.abs(np.fft.rfft(frames * np.hanning(window), 2 * window)) ** 2
    bands = power @ _mel_bands(rate_hz, 2 * window).T  # [frames, BANDS]
    if len(bands) > FRAMES:
        energy = np.convolve(bands.sum(1), np.ones(FRAMES), mode="valid")
        start = int(energy.argmax())
        bands = bands[start : start + FRAMES]
    loudest = bands.max()
    if loudest <= 0:
        return np.zeros((BANDS, FRAMES), dtype=np.float32)
    decibel = 10 * np.log10(np.maximum(bands / loudest, 10 ** (_FLOOR_DB / 10)))
    before = (FRAMES - len(bands)) // 2
    level = np.pad(1 - decibel / _FLOOR_DB, ((before, FRAMES - len(bands) - before), (0, 0)))
    return np.ascontiguousarray(level.T[::-1], dtype=np.float32)


@lru_cache(maxsize=8)
def _mel_bands(rate_hz: int, points: int) -> NDArray[np.float64]:
    """Triangles of height 1, each from its lower to its upper neighbor's peak: [BANDS, bins]."""
    top = 2595 * np.log10(1 + rate_hz / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    lower, peak, upper = (corners[i : i + BANDS, None] for i in range(3))
    hertz = np.fft.rfftfreq(points, 1 / rate_hz)
    rising, falling = (hertz - lower) / (peak - lower), (upper - hertz) / (upper - peak)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))
