"""A word that was said once: what is heard of it, and whether it is known again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import holotype
from holotype.datasets.speech import SPEAKERS
from holotype.datasets.voices import load_fsdd_recordings
from holotype.domains.voices.hearing import NoVoiceError
from holotype.domains.voices.words import Spoken, around_middle, hear_word, log_mel
from holotype.embedder import Embedder
from holotype.errors import ImageError
from holotype.pack import load_pack
from holotype.pack.card import card_from_json
from holotype.records import Recording
from toy_voices import voice

RATE_HZ = 16_000
PACK = load_pack("words")
SPOKEN = PACK.card.preprocessing.own
assert isinstance(SPOKEN, Spoken)


def word(low_hz: float, high_hz: float, seconds: float = 0.5) -> NDArray[np.float32]:
    """A tone that glides, loudest in its middle."""
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    turns = low_hz * at + (high_hz - low_hz) * at**2 / (2 * seconds)
    return np.float32(0.3) * np.float32(np.sin(2 * np.pi * turns) * np.sin(np.pi * at / seconds))


def of(wave: NDArray[np.float32]) -> Recording:
    return Recording(wave, RATE_HZ)


def test_silence_is_the_floor_and_a_tone_its_band() -> None:
    silence = log_mel(np.zeros(SPOKEN.samples, np.float32), SPOKEN)
    assert silence.shape == SPOKEN.input_shape
    np.testing.assert_allclose(silence, np.log(0.001), rtol=1e-6)
    # Of 34 corners, equally far apart from 60 to 3800 Hz where mel is 1127 ln(1 + f / 700), the
    # seventeenth lies at 1100.2 Hz: the peak of band 15.
    tone = np.sin(2 * np.pi * 1100.2 * np.arange(SPOKEN.samples) / RATE_HZ).astype(np.float32)
    assert (log_mel(tone, SPOKEN).argmax(axis=1) == 15).all()


def test_where_a_word_lies_in_its_recording_does_not_matter() -> None:
    one = word(300, 900)
    quiet = np.zeros(9_000, np.float32)
    alone, _ = hear_word(of(one), SPOKEN)
    late, doubts = hear_word(of(np.concatenate([quiet, quiet, one, quiet])), SPOKEN)
    np.testing.assert_array_equal(alone, late)
    assert doubts == ()


def test_how_loud_a_word_is_does_not_matter() -> None:
    one = word(300, 900)
    loud, faint = (hear_word(of(one * np.float32(gain)), SPOKEN)[0] for gain in (3, 0.03))
    np.testing.assert_allclose(loud, faint, atol=1e-3)


def test_the_middle_of_the_energy_is_in_the_middle() -> None:
    wave = np.zeros(10, np.float32)
    wave[7] = 1
    part, share = around_middle(wave, 6)
    assert part.tolist() == [0, 0, 0, 1, 0, 0]
    assert share == 1
    _, share = around_middle(np.ones(20, np.float32), 10)
    assert share == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("wave", "code"),
    [
        (np.zeros(RATE_HZ, np.float32), "silence"),
        (np.tile(word(300, 900), 21), "word_too_long"),
    ],
)
def test_what_is_no_word_is_refused(wave: NDArray[np.float32], code: str) -> None:
    with pytest.raises(NoVoiceError) as refused:
        hear_word(of(wave), SPOKEN)
    assert refused.value.code == code


def test_several_words_are_doubted() -> None:
    _, doubts = hear_word(of(np.tile(word(300, 900), 5)), SPOKEN)
    assert [one.code for one in doubts] == ["word_too_long"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rate_hz": 8000}, "spoken of kind 'word' is not valid"),
        ({"peak": 0}, "spoken of kind 'word' is not valid"),
        ({"low_hz": 5000, "high_hz": 4000}, "low_hz of kind 'word' is not below high_hz"),
        ({"points": 256}, "points of kind 'word' are fewer than window_samples"),
    ],
)
def test_constants_that_cannot_be_heard_are_refused(changed: dict[str, object], said: str) -> None:
    card = json.loads((PACK.path / "card.json").read_text())
    card["preprocessing"]["spoken"].update(changed)
    with pytest.raises(ValueError, match=said):
        card_from_json(json.dumps(card).encode())


def test_a_word_is_known_again_and_a_stranger_is_not(tmp_path: Path) -> None:
    spoken = [voice(0, 0.5, take) for take in range(4)]
    slower = [
        np.interp(np.arange(0, len(one) - 1, 0.96), np.arange(len(one)), one) for one in spoken
    ]
    with holotype.open(tmp_path / "words.gallery", "words") as gallery:
        for label, one in zip("abc", spoken, strict=False):
            gallery.enroll(label, of(one))
        answers = gallery.identify([of(one.astype(np.float32)) for one in slower], fpir=0.5)
        assert [one.label for one in answers] == ["a", "b", "c", None]
        silent = gallery.identify([of(np.zeros(RATE_HZ, np.float32))])[0]
        assert (silent.answer, silent.reasons[0].code) == ("cannot_tell", "silence")
        with pytest.raises(ImageError, match="not a recording"):
            gallery.enroll("picture", np.zeros((64, 64), np.uint8))


def test_the_pack_is_small() -> None:
    assert sum(file.stat().st_size for file in PACK.path.iterdir()) < 3e6


@pytest.mark.data
def test_digits_said_once_are_known_again() -> None:
    data = load_fsdd_recordings()
    rows = np.flatnonzero(data.class_index == data.class_names.index(SPEAKERS[0]))[:20]
    vectors = Embedder(PACK).embed([data.recordings[row] for row in rows])
    right = (vectors[10:] @ vectors[:10].T).argmax(axis=1) == np.arange(10)
    assert right.sum() >= 8
