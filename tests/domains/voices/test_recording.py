"""Recordings of all kinds are the same sound, and what is none is refused by its fault."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from holotype.domains.voices.formats import is_recording
from holotype.domains.voices.recording import as_wave, opened, resampled, survey
from holotype.errors import RecordingError
from holotype.image.decode import ImageSource
from holotype.records import Recording
from toy_voices import RATE_HZ, saved, voice

SPOKEN = voice(0, 1.0)


def heard(source: ImageSource, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    with opened(source) as sound:
        return np.concatenate(list(resampled(sound, rate_hz, 1.0)))


@pytest.mark.parametrize(
    ("format", "subtype", "error"),
    [
        ("WAV", "PCM_U8", 8e-3),
        ("WAV", "PCM_16", 4e-5),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "PCM_32", 1e-6),
        ("WAV", "FLOAT", 0),
        ("WAV", "DOUBLE", 1e-7),
        ("WAV", "ULAW", 2e-2),
        ("FLAC", "PCM_16", 4e-5),
        ("FLAC", "PCM_24", 1e-6),
    ],
)
def test_every_precision_is_the_same_sound(format: str, subtype: str, error: float) -> None:
    np.testing.assert_allclose(heard(saved(SPOKEN, RATE_HZ, format, subtype)), SPOKEN, atol=error)


@pytest.mark.parametrize(("format", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None)])
def test_what_loses_something_sounds_alike(format: str, subtype: str | None) -> None:
    found = heard(saved(SPOKEN, RATE_HZ, format, subtype))
    size = min(len(found), len(SPOKEN))
    assert abs(len(found) - len(SPOKEN)) < 0.1 * RATE_HZ
    spectra = [np.abs(np.fft.rfft(one[:size])) for one in (found, SPOKEN)]
    assert np.corrcoef(*spectra)[0, 1] > 0.98


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 192_000])
def test_any_rate_is_resampled(rate_hz: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(2 * rate_hz) / rate_hz).astype(np.float32)
    found = heard(saved(tone, rate_hz, subtype="FLOAT"))
    assert len(found) == pytest.approx(2 * RATE_HZ, abs=2)
    expected = np.sin(2 * np.pi * 440 * np.arange(len(found)) / RATE_HZ)
    np.testing.assert_allclose(found[2000:-2000], expected[2000:-2000], atol=1e-3)


def test_channels_are_mixed() -> None:
    six = np.outer(SPOKEN, [1, 0.5, 0.5, 0, 0.25, 0.25]).astype(np.float32)
    np.testing.assert_allclose(heard(saved(six, subtype="FLOAT")), 2.5 * SPOKEN / 6, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int32, np.uint8])
def test_samples_in_memory_are_as_in_a_file(dtype: type) -> None:
    full = {np.uint8: 128, np.int16: 2**15, np.int32: 2**31}.get(dtype, 1)
    samples = (SPOKEN.astype(np.float64) * full + (128 if dtype is np.uint8 else 0)).astype(dtype)
    recording = Recording(samples, RATE_HZ)
    np.testing.assert_allclose(heard(recording), SPOKEN, atol=1e-2 if full == 128 else 4e-5)
    np.testing.assert_allclose(heard(as_wave(recording)), heard(recording), atol=1e-7)


def test_a_survey_tells_length_and_level() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 100 * np.arange(RATE_HZ) / RATE_HZ)
    with opened(Recording(tone, RATE_HZ)) as sound:
        found = survey(sound)
    assert (found.seconds, found.peak) == (1.0, 0.5)
    assert found.level_db == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)))
    with opened(Recording(np.clip(4 * tone, -1, 1), RATE_HZ)) as sound:
        assert survey(sound).at_peak == pytest.approx(2 / 3, abs=0.02)  # asin(1 / 2) of pi / 2


def cut(content: bytes, share: float) -> bytes:
    return content[: int(share * len(content))]


@pytest.mark.parametrize("share", [0.9, 0.5, 0.02])
@pytest.mark.parametrize(
    ("format", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", None)],
)
def test_what_is_cut_off_is_refused(format: str, subtype: str | None, share: float) -> None:
    content = cut(saved(voice(0, 3.0), RATE_HZ, format, subtype), share)
    with pytest.raises(RecordingError, match="truncated"):
        heard(content)


def test_a_stream_whose_end_was_not_known_is_read() -> None:
    content = bytearray(saved(SPOKEN))
    at = content.index(b"data") + 4
    content[4:8] = content[at : at + 4] = b"\xff\xff\xff\xff"
    np.testing.assert_allclose(heard(bytes(content)), SPOKEN, atol=4e-5)


NOT_FINITE = np.where(np.arange(len(SPOKEN)) == 9000, np.nan, SPOKEN)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (b"", r"empty \(0 bytes\)"),
        (b"Dear Ada,\n" * 100, r"not a recording in a format that is read \(WAV, FLAC, OGG, MP3\)"),
        (b"\0\0\0\x20ftypisom" + bytes(500), r"MP4 file.*Save its sound as one of them"),
        (b"RIFF" + struct.pack("<I", 36) + b"WAVEjunk" + bytes(60), "truncated or damaged"),
        (b"fLaC" + bytes(500), "truncated or damaged"),
        (b"OggS" + bytes(500), "truncated or damaged"),
        (b"ID3" + bytes(500), "truncated or damaged"),
        (saved(SPOKEN[:0]), "no sample"),
        (saved(NOT_FINITE, subtype="FLOAT"), "not finite"),
        (saved(SPOKEN * 32768, subtype="FLOAT"), r"samples up to .* are not within \[-1, 1\]"),
        (saved(SPOKEN, 4000), "a rate of 4000 Hz is not between 8000 and 768000"),
        (Recording(NOT_FINITE, RATE_HZ), "not finite"),
        (Recording(SPOKEN, 4000), "a rate of 4000 Hz"),
        (Recording(SPOKEN[:0], RATE_HZ), "no sample"),
        (Recording(SPOKEN[None], RATE_HZ), "more channels than samples"),
        (Recording(SPOKEN[:, None, None], RATE_HZ), r"not \[n\] or \[n, channels\]"),
        (Recording(np.array(["a"]), RATE_HZ), "are not"),
        (Recording(np.broadcast_to(np.float32(0), 5 * 3600 * 8000), 8000), "longer than 4 hours"),
        (SPOKEN, r"an array is not a recording.*holotype\.Recording\(samples, rate_hz\)"),
    ],
)
def test_what_is_no_recording_is_refused_by_its_fault(source: ImageSource, fault: str) -> None:
    with pytest.raises(RecordingError, match=fault), opened(source) as sound:
        survey(sound)


FILES = [
    saved(SPOKEN[:4000], RATE_HZ, format, subtype)
    for format, subtype in (("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", None), ("OGG", "VORBIS"))
]


@settings(max_examples=60)
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_whatever_bytes_are_changed_nothing_else_is_raised(
    content: bytes, changes: list[tuple[int, int]]
) -> None:
    damaged = bytearray(content)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    with contextlib.suppress(RecordingError), opened(bytes(damaged)) as sound:
        survey(sound)


def test_paths_that_are_no_files_are_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    for path, fault in (
        (tmp_path, "a folder is not"),
        (tmp_path / "none.wav", "no such file"),
        (pipe, "a pipe, socket or device"),
        ("\0.wav", "cannot be opened"),
    ):
        with pytest.raises(RecordingError, match=fault), opened(path):
            pass


def test_recordings_are_told_from_pictures(tmp_path: Path) -> None:
    nameless, named, film = (tmp_path / name for name in ("nameless", "letter.wav", "film.mp4"))
    nameless.write_bytes(saved(SPOKEN, format="FLAC"))
    named.write_text("Dear Ada")
    assert all(map(is_recording, (nameless, named, film, saved(SPOKEN), Recording(SPOKEN, 8000))))
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    jpeg = b"\xff\xd8\xff\xe0" + bytes(100)
    for other in (picture, jpeg, b"", b"\xff", np.zeros((9, 9)), tmp_path, tmp_path / "none", "\0"):
        assert not is_recording(other)
