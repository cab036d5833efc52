"""Mel bands of speech, as the encoder of the pack `voices` was trained with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from holotype.preprocessing import OwnConstants

Floats = NDArray[np.float32]

# The scale of Slaney's Auditory Toolbox (1998): straight up to 1 kHz, then 27 steps to 6.4 kHz.
_BREAK_HZ, _HZ_PER_MEL = 1000.0, 200 / 3
_STEP = np.log(6.4) / 27


@dataclass(frozen=True, slots=True)
class Hearing(OwnConstants):
    """How a recording becomes the input of a model: windows of mel bands (`voices.hearing`)."""

    rate_hz: int  # to which recordings are resampled
    window_samples: int  # of one spectrum
    hop_samples: int  # from one spectrum to the next
    bands: int  # equally wide on the mel scale, up to half the rate
    frames: int  # spectra in a window of the model
    level_db: float  # of full scale; quieter recordings are raised to it

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of a window."""
        return self.frames, self.bands


class MelBands:
    """Power in mel bands, of samples that come in blocks.

    The spectrum (periodic Hann window) number t is centered at sample t * hop; before the first
    sample and after the last there is silence.

    Args:
        hearing: the constants of the model.
    """

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing
        self._kept: Floats = np.zeros(hearing.window_samples // 2, np.float32)

    def add(self, block: Floats) -> Floats:
        """The spectra that are complete with this block.

        Args:
            block: float32 [n].

        Returns:
            float32 [t, bands].
        """
        window, hop = self._hearing.window_samples, self._hearing.hop_samples
        samples = np.concatenate([self._kept, block])
        count = max(0, (len(samples) - window) // hop + 1)
        self._kept = samples[count * hop :]
        if not count:
            return np.empty((0, self._hearing.bands), np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
        power = np.abs(np.fft.rfft(frames * _hann(window), axis=1)) ** 2
        return np.asarray(power @ _triangles(self._hearing).T, dtype=np.float32)

    def end(self) -> Floats:
        """Those that reach into the silence after the last sample."""
        return self.add(np.zeros(self._hearing.window_samples // 2, np.float32))


@lru_cache(maxsize=2)
def _hann(window: int) -> NDArray[np.float64]:
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window))


@lru_cache(maxsize=2)
def _triangles(hearing: Hearing) -> NDArray[np.float64]:
    """Triangles of area 1 Hz, each from its lower to its upper neighbor's peak: [bands, bins]."""
    top = _mel(np.array(hearing.rate_hz / 2))
    corners = _hertz(np.linspace(0, top, hearing.bands + 2))
    lower, peak, upper = (corners[i : i + hearing.bands, None] for i in range(3))
    hertz = np.fft.rfftfreq(hearing.window_samples, 1 / hearing.rate_hz)
    rising, falling = (hertz - lower) / (peak - lower), (upper - hertz) / (upper - peak)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * 2 / (upper - lower))


def _mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    bent = _BREAK_HZ / _HZ_PER_MEL + np.log(np.maximum(hertz, 1) / _BREAK_HZ) / _STEP
    return np.where(hertz < _BREAK_HZ, hertz / _HZ_PER_MEL, bent)


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    bent = _BREAK_HZ * np.exp((mel - _BREAK_HZ / _HZ_PER_MEL) * _STEP)
    return np.where(mel < _BREAK_HZ / _HZ_PER_MEL, mel * _HZ_PER_MEL, bent)
