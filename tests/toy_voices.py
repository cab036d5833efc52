"""Recordings made by code: somebody who speaks, music, noise."""

from __future__ import annotations

import io

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE_HZ = 16_000
# First three formants of five vowels in Hz, of a man (Peterson and Barney 1952).
_VOWELS = np.array(
    [[270, 2290, 3010], [390, 1990, 2550], [730, 1090, 2440], [570, 840, 2410], [300, 870, 2240]]
)


# Of each throat: pitch in Hz, formants and the upper two of them over those of the table, how
# steeply the harmonics fall, and breath. Chosen to be unlike to the pack `voices`.
_THROATS = (
    (229.0, 0.93, 1.13, 0.46, 0.0),
    (104.0, 1.22, 0.96, 1.14, 0.1),
    (267.0, 0.91, 0.87, 1.63, 0.0),
)


def voice(speaker: int = 0, seconds: float = 4.0, take: int = 0) -> NDArray[np.float32]:
    """Syllables of one of three speakers: float32 [n] in [-1, 1] at 16 kHz; the take is what."""
    pitch_hz, head, upper, tilt, breath = _THROATS[speaker]
    said = np.random.default_rng(take)
    syllables: list[NDArray[np.float64]] = []
    while sum(map(len, syllables)) < seconds * RATE_HZ:
        length = int(said.uniform(0.12, 0.28) * RATE_HZ)
        first, last = (_VOWELS[said.integers(5)] * head * [1, upper, upper] for _ in range(2))
        bend = pitch_hz * (1 + 0.08 * said.normal() + np.linspace(0.06, -0.06, length))
        phase = 2 * np.pi * np.cumsum(bend) / RATE_HZ
        mix = np.linspace(0, 1, length)
        sound = np.zeros(length)
        for harmonic in range(1, int(3800 / pitch_hz)):
            hertz = harmonic * bend
            gain = sum(
                1 / (1 + ((hertz - (start + (end - start) * mix)) / (60 + 0.06 * start)) ** 2)
                for start, end in zip(first, last, strict=True)
            )
            sound += gain * harmonic**-tilt * np.sin(harmonic * phase)
        sound = sound / np.abs(sound).max() + breath * np.diff(said.normal(size=length), prepend=0)
        sound *= np.sin(np.pi * np.linspace(0, 1, length)) ** 0.4
        hiss = said.normal(size=int(said.uniform(0.02, 0.08) * RATE_HZ))
        hiss = np.diff(hiss, prepend=0) * 0.03 * np.hanning(len(hiss))
        syllables += [sound, hiss]
    samples = np.concatenate(syllables)[: int(seconds * RATE_HZ)]
    samples += said.normal(size=len(samples)) * 1e-3
    return np.asarray(0.4 * samples / np.abs(samples).max(), np.float32)


def music(seconds: float = 4.0) -> NDArray[np.float32]:
    """Chords of an organ."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    chord = np.where(t % 2 < 1, 220.0, 294.0)
    sound = sum(np.sin(2 * np.pi * ratio * chord * t) for ratio in (1, 1.25, 1.5, 2, 3))
    return np.asarray(0.1 * sound, np.float32)


def noise(seconds: float = 4.0) -> NDArray[np.float32]:
    return np.asarray(
        0.1 * np.random.default_rng(0).normal(size=int(seconds * RATE_HZ)), np.float32
    )


def saved(
    samples: NDArray[np.generic],
    rate_hz: int = RATE_HZ,
    format: str = "WAV",
    subtype: str | None = None,
) -> bytes:
    """As the content of a file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=format, subtype=subtype)
    return file.getvalue()
