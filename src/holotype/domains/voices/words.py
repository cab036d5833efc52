"""A recording of a word -> the logarithms of mel bands that the pack `words` knows.

They are those of the encoder's training (Lin et al. 2020, "Training keyword spotters with limited
and synthesized speech data", arXiv:2002.01322). The window lies around the middle of the sound's
energy: chosen, with its length and the level, on three of the six speakers of the Free Spoken Digit
Dataset, of whom none is counted in the documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from holotype.domains.voices.hearing import NoVoiceError, audible, listening
from holotype.domains.voices.recording import resampled
from holotype.image.decode import ImageSource
from holotype.preprocessing import OwnConstants
from holotype.records import Reason

Floats = NDArray[np.float32]

_MAX_S = 10.0  # of a recording: a word with silence around it
_LEAST_HEARD = 0.9  # share of the energy that lies in the window


@dataclass(frozen=True, slots=True)
class Spoken(OwnConstants):
    """How a recording of a word becomes the input of a model."""

    rate_hz: int  # to which recordings are resampled
    window_samples: int  # of one spectrum (periodic Hann window)
    hop_samples: int  # from one spectrum to the next
    points: int  # of the Fourier transform
    bands: int  # equally wide on the mel scale
    low_hz: float  # where the first band begins
    high_hz: float  # where the last one ends
    floor: float  # added to a band before its logarithm
    frames: int  # spectra that the model takes
    peak: float  # of full scale; each recording is brought to it

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of a word."""
        return self.frames, self.bands

    @property
    def samples(self) -> int:
        """What the model hears."""
        return (self.frames - 1) * self.hop_samples + self.window_samples


def hear_word(source: ImageSource, spoken: Spoken) -> tuple[Floats, tuple[Reason, ...]]:
    """The word of a recording.

    Args:
        source: as for `recording.opened`.
        spoken: the constants of the model.

    Returns:
        float32 [frames, bands], and the doubt `word_too_long` where much was said beside it.

    Raises:
        NoVoiceError: it is silent (`silence`), or longer than 10 s (`word_too_long`).
        RecordingError: it cannot be read; the message names it.
        MissingExtraError: what reads recordings is not installed.
    """
    with listening(source) as sound:
        found = audible(sound)
        if found.seconds > _MAX_S:
            raise NoVoiceError(
                "word_too_long",
                f"{found.seconds:.0f} s are no word; at most {_MAX_S:.0f} s are heard",
                "Cut the word out, with a little silence around it",
            )
        blocks = list(resampled(sound, spoken.rate_hz, 1.0))
    heard, share = around_middle(np.concatenate(blocks), spoken.samples)
    doubts = []
    if share < _LEAST_HEARD:
        doubts.append(
            Reason(
                "word_too_long",
                f"{share:.0%} of the sound lie in the {spoken.samples / spoken.rate_hz:.1f} s that "
                f"are heard; at least {_LEAST_HEARD:.0%} is needed. Record one word alone",
            )
        )
    return log_mel(heard * (spoken.peak / np.abs(heard).max()), spoken), tuple(doubts)


def around_middle(wave: Floats, size: int) -> tuple[Floats, float]:
    """The samples around the one that halves the energy, with silence where there are none.

    Args:
        wave: float32 [n], not silent.
        size: of the result.

    Returns:
        float32 [size], and the share of the energy that it has.
    """
    energy = np.cumsum(np.square(wave, dtype=np.float64))
    start = int(np.searchsorted(energy, energy[-1] / 2)) - size // 2
    part = wave[max(0, start) : start + size]
    before = max(0, -start)
    heard = np.pad(part, (before, size - before - len(part)))
    return heard, float(np.square(part, dtype=np.float64).sum() / energy[-1])


def log_mel(wave: Floats, spoken: Spoken) -> Floats:
    """The spectra of a wave: float32 [t, bands], the first at its first sample.

    Args:
        wave: float32 [n], n at least `window_samples`.
        spoken: the constants.
    """
    size = spoken.window_samples
    views = np.lib.stride_tricks.sliding_window_view(wave, size)[:: spoken.hop_samples]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    spectra = np.abs(np.fft.rfft(views * hann, spoken.points, axis=1))
    return np.log(spectra @ _triangles(spoken) + spoken.floor).astype(np.float32)


@lru_cache(maxsize=2)
def _triangles(spoken: Spoken) -> NDArray[np.float64]:
    """Triangles of height 1 on the mel scale of HTK: [bins, bands]; the constant is in none."""
    mel = _mel(np.fft.rfftfreq(spoken.points, 1 / spoken.rate_hz))[:, None]
    low, high = map(float, _mel(np.array([spoken.low_hz, spoken.high_hz])))
    corners = np.linspace(low, high, spoken.bands + 2)
    lower, peak, upper = (corners[i : i + spoken.bands] for i in range(3))
    rising, falling = (mel - lower) / (peak - lower), (upper - mel) / (upper - peak)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))


def _mel(hertz: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(1127 * np.log1p(hertz / 700))
