from __future__ import annotations

import numpy as np
import pytest

from holotype.datasets.speech import BANDS, FRAMES, log_mel

RATE_HZ = 8000


def tone(hertz: float, seconds: float, loudness: float = 0.5) -> np.ndarray:
    return loudness * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE_HZ)) / RATE_HZ)


def test_a_tone_lights_the_band_that_its_pitch_has_on_the_mel_scale() -> None:
    picture = log_mel(tone(1000, 0.5), RATE_HZ)
    assert picture.shape == (BANDS, FRAMES)
    assert picture.dtype == np.float32
    # 1000 Hz are 1000 mel (1000.0), 4000 Hz are 2146.1; 65 equal steps lie between 0 and that.
    band = round(1000.0 / (2146.1 / 65)) - 1
    assert (picture[:, FRAMES // 2].argmax() == BANDS - 1 - band).all()
    assert picture.max() == 1


def test_loudness_does_not_count_and_silence_surrounds_the_word() -> None:
    quiet, loud = log_mel(tone(500, 0.3, 0.01), RATE_HZ), log_mel(tone(500, 0.3, 0.9), RATE_HZ)
    np.testing.assert_allclose(quiet, loud, atol=1e-5)
    assert (loud[:, 0] == 0).all()
    assert (loud[:, -1] == 0).all()
    assert loud[:, FRAMES // 2].max() == 1


def test_sixty_decibel_below_is_silence() -> None:
    both = tone(500, 0.5) + tone(3000, 0.5, 0.5 * 10 ** (-40 / 20))
    picture = log_mel(both, RATE_HZ)[:, FRAMES // 2]
    third = picture[: BANDS // 4].max()  # 3000 Hz
    assert third == pytest.approx(1 - 40 / 60, abs=0.06)  # bands grow wider: within some dB


@pytest.mark.parametrize("length", [2, 100, 8000, 20000])
def test_any_length_fits(length: int) -> None:
    picture = log_mel(np.random.default_rng(0).normal(size=length), RATE_HZ)
    assert picture.shape == (BANDS, FRAMES)
    assert 0 <= picture.min() <= picture.max() == 1


def test_of_a_long_recording_the_loud_stretch_is_taken() -> None:
    word = np.concatenate([np.zeros(12000), tone(800, 0.5), np.zeros(12000)])
    assert log_mel(word, RATE_HZ).max(axis=0).astype(bool).sum() >= 30
    assert (log_mel(np.zeros(9000), RATE_HZ) == 0).all()
