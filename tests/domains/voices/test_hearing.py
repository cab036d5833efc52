"""What is heard in a recording, what is not, and in how much memory."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from holotype.domains.voices.hearing import Heard, NoVoiceError, hear, several
from holotype.embedder import Embedder
from holotype.errors import ImageError, RecordingError
from holotype.pack import load_pack
from holotype.records import Recording
from toy_voices import RATE_HZ, music, noise, saved, voice

EMBEDDER = Embedder(load_pack("voices"))
HEARING = EMBEDDER.preprocessing.own
assert HEARING is not None
QUIET = np.random.default_rng(1).normal(size=RATE_HZ).astype(np.float32) * 1e-3


def of(samples: NDArray[np.float32]) -> Recording:
    return Recording(samples, RATE_HZ)


def codes(samples: NDArray[np.float32]) -> list[str]:
    return [doubt.code for doubt in hear(of(samples), HEARING).doubts]


def test_a_sentence_is_heard_without_its_pauses() -> None:
    one, other = voice(0, 2.0), voice(0, 2.0, take=1)
    pauses = np.concatenate([QUIET, one, QUIET, QUIET, other, QUIET])
    heard = hear(of(pauses), HEARING)
    assert heard.doubts == ()
    assert 3.5 < len(heard.speech) / 100 < 4.5  # 8 s, half of them pauses
    alone = EMBEDDER.embed([of(np.concatenate([one, other]))])
    assert float((EMBEDDER.embed([of(pauses)]) @ alone.T).item()) > 0.98


def test_how_loud_it_is_makes_no_difference() -> None:
    spoken = voice(1, 3.0)
    vectors = EMBEDDER.embed([of(0.04 * spoken), of(0.01 * spoken)])
    assert float(vectors[0] @ vectors[1]) > 0.999


def test_windows_overlap_by_half_and_reach_the_end() -> None:
    speech = np.arange(450, dtype=np.float32)[:, None]
    (windows,) = Heard(speech, 160, ()).windows(64)
    assert windows[:, 0, 0].tolist() == [0, 80, 160, 240, 290]
    assert (windows[:, -1, 0] - windows[:, 0, 0] == 159).all()
    assert [len(part) for part in Heard(speech, 160, ()).windows(2)] == [2, 2, 1]
    (whole,) = Heard(speech[:160], 160, ()).windows(64)
    assert len(whole) == 1
    (short,) = Heard(speech[1:100], 160, ()).windows(64)
    assert (short[0, :99, 0] == speech[1:100, 0]).all()
    assert not short[0, 99:].any()


@pytest.mark.parametrize(
    ("samples", "code", "fault"),
    [
        (np.zeros(RATE_HZ, np.float32), "silence", "it is silent"),
        (0.01 * QUIET, "silence", r"silent: -100 dB of full scale"),
        (noise(), "no_speech", "no speech was found in 4.0 s: music, noise"),
        (music(), "no_speech", "no speech was found"),
        (voice(0, 0.1), "no_speech", "no speech was found in 0.1 s"),
    ],
)
def test_what_is_no_voice_says_so(samples: NDArray[np.float32], code: str, fault: str) -> None:
    with pytest.raises(NoVoiceError, match=fault) as refused:
        hear(of(samples), HEARING)
    assert refused.value.code == code
    assert isinstance(refused.value, ImageError)  # so that it is handled wherever one is
    again = pickle.loads(pickle.dumps(refused.value))
    assert (again.code, str(again)) == (code, str(refused.value))


def test_faults_are_told() -> None:
    assert codes(voice(0)) == []
    assert codes(np.clip(8 * voice(0), -1, 1)) == ["voice_clipped"]
    assert codes(voice(0, 0.6)) == ["voice_too_short"]


def test_several_voices_are_told_by_how_little_the_parts_agree() -> None:
    assert several(4, 0.95) is None
    assert several(2, 0.5) is None  # two windows have half of their speech in common
    reason = several(4, 0.7)
    assert reason is not None
    assert reason.code == "several_voices"
    assert "its parts agree by 0.70" in reason.text


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "letter.wav"
    path.write_text("Dear Ada")
    with pytest.raises(RecordingError, match=r"letter\.wav': this is not a recording"):
        hear(path, HEARING)
    with pytest.raises(RecordingError, match=r"<recording \[0\] at 16000 Hz>: it has no sample"):
        hear(of(QUIET[:0]), HEARING)


@pytest.mark.slow
def test_a_long_recording_is_heard_in_bounded_memory(tmp_path: Path) -> None:
    minute = np.concatenate([voice(0, 20.0), np.zeros(40 * RATE_HZ, np.float32)])
    path = tmp_path / "long.flac"
    path.write_bytes(saved(np.tile(minute, 20), format="FLAC"))
    tracemalloc.start()
    try:
        heard = hear(path, HEARING)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 20 * 18 < len(heard.speech) / 100 < 20 * 22
    # Its spectra take 19 MB, those of its speech 6 MB; its samples would take 77 MB. An hour takes
    # at most three times as much, which is less than docs/voice.md says.
    assert peak < 56e6
    windows = sum(len(part) for part in heard.windows(64))
    assert windows == pytest.approx(len(heard.speech) / 80, abs=2)
