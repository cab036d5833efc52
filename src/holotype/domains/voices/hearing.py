"""A recording -> the windows of speech that a model hears, and what speaks against it.

The limits were set on the 251 recordings of the cohort, cut, clipped and joined, and by reason; not
on the speakers that the documentation counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holotype.domains.voices.activity import CHUNK_SAMPLES, SpeechActivity
from holotype.domains.voices.mel import Hearing, MelBands
from holotype.domains.voices.recording import Sound, Survey, opened, resampled, survey
from holotype.errors import RecordingError
from holotype.image.decode import ImageSource, describe
from holotype.records import Reason

Floats = NDArray[np.float32]

SILENT_DB = -70.0  # of full scale: below it there is nothing but the noise of the converter
# Silero VAD's own limit; half a syllable before and after belongs to the speech.
_SPEECH, _AROUND_CHUNKS = 0.5, 1
_NO_SPEECH_S = 0.25
# What it costs to hear less: docs/voice.md, by the halves of the cohort's recordings.
MIN_SPEECH_S = 1.0
MAX_AT_PEAK = 0.002  # share of samples; speech that was not clipped stays far below
# The length of the mean of the windows' unit vectors: 1 where all are alike, whatever their number.
# Limits beside it and what they catch: docs/voice.md.
MIN_UNITY = 0.87
_MIN_WINDOWS = 3  # fewer have too much in common: they overlap by half


class NoVoiceError(RecordingError):
    """A recording that was read, and in which nobody speaks.

    Args:
        code: of the reason.
        problem: see `HolotypeError`.
        remedy: see `HolotypeError`.
    """

    def __init__(self, code: str, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.args = (code, problem, remedy)  # what unpickling passes again
        self.code = code


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """The speech of a recording."""

    speech: Floats  # [frames, bands], without the pauses
    window: int  # frames in a window of the model
    doubts: tuple[Reason, ...]

    def windows(self, size: int) -> Iterator[Floats]:
        """The speech in windows that overlap by half: float32 [b, window, bands], b up to `size`.

        The last one ends where the speech ends; what is shorter than a window is filled up with
        silence.
        """
        if len(self.speech) < self.window:
            missing = self.window - len(self.speech)
            yield np.pad(self.speech, ((0, missing), (0, 0)))[None]
            return
        last = len(self.speech) - self.window
        starts = np.unique([*range(0, last + 1, self.window // 2), last])
        views = np.lib.stride_tricks.sliding_window_view(self.speech, self.window, axis=0)
        for at in range(0, len(starts), size):
            yield np.ascontiguousarray(views[starts[at : at + size]].transpose(0, 2, 1))


def hear(source: ImageSource, hearing: Hearing) -> Heard:
    """Find the speech in a recording.

    Args:
        source: as for `recording.opened`.
        hearing: the constants of the model.

    Returns:
        At least a quarter of a second of speech, with the doubts `voice_clipped` and
        `voice_too_short`.

    Raises:
        NoVoiceError: it is silent (`silence`), or nobody speaks in it (`no_speech`).
        RecordingError: it cannot be read; the message names it.
        MissingExtraError: what reads recordings is not installed.
    """
    with listening(source) as sound:
        return _heard(sound, hearing)


@contextmanager
def listening(source: ImageSource) -> Iterator[Sound]:
    """A recording, ready to be heard; what goes wrong meanwhile names it.

    Args:
        source: as for `recording.opened`.

    Raises:
        As `recording.opened`.
    """
    try:
        with opened(source) as sound:
            yield sound
    except NoVoiceError as error:
        problem = f"{describe(source)}: {error.problem}"
        raise NoVoiceError(error.code, problem, error.remedy) from None
    except RecordingError as error:
        problem = f"{describe(source)}: {error.problem}"
        raise RecordingError(problem, error.remedy) from error.__cause__


def audible(sound: Sound) -> Survey:
    """What a recording is, where it is not silent.

    Raises:
        NoVoiceError: it is silent (`silence`).
        RecordingError: as for `recording.survey`.
    """
    found = survey(sound)
    if found.level_db < SILENT_DB:
        raise NoVoiceError(
            "silence",
            f"it is silent: {found.level_db:.0f} dB of full scale",
            "Check the microphone, and record again",
        )
    return found


def several(windows: int, unity: float) -> Reason | None:
    """Whether the windows of one recording sound like more than one voice.

    Args:
        windows: how many.
        unity: the length of the mean of their unit vectors, in [0, 1].
    """
    if windows < _MIN_WINDOWS or unity >= MIN_UNITY:
        return None
    return Reason(
        "several_voices",
        f"it sounds like more than one voice: its parts agree by {unity:.2f}, and {MIN_UNITY:.2f} "
        "is usual for one. Record one person alone",
    )


def _heard(sound: Sound, hearing: Hearing) -> Heard:
    found = audible(sound)
    gain_db = max(0.0, hearing.level_db - found.level_db)
    bands, activity = MelBands(hearing), SpeechActivity()
    frames, speech = [], []
    for block in resampled(sound, hearing.rate_hz, 10 ** (gain_db / 20)):
        frames.append(bands.add(block))
        speech.append(activity.add(block))
    frames.append(bands.end())
    speech.append(activity.end())
    kept = _spoken(np.concatenate(frames), np.concatenate(speech), hearing)
    seconds = len(kept) * hearing.hop_samples / hearing.rate_hz
    if seconds < _NO_SPEECH_S:
        raise NoVoiceError(
            "no_speech",
            f"no speech was found in {found.seconds:.1f} s: music, noise, or a voice too faint",
            "Record somebody who speaks, near the microphone",
        )
    return Heard(kept, hearing.frames, tuple(_doubts(found, seconds)))


def _spoken(frames: Floats, activity: Floats, hearing: Hearing) -> Floats:
    """The frames [t, bands] that lie in chunks with speech, or beside one."""
    spoken = activity > _SPEECH
    for _ in range(_AROUND_CHUNKS):
        spoken = spoken | np.append(spoken[1:], False) | np.insert(spoken[:-1], 0, False)
    chunk = np.arange(len(frames)) * hearing.hop_samples // CHUNK_SAMPLES
    return frames[spoken[np.minimum(chunk, len(spoken) - 1)]]


def _doubts(found: Survey, seconds: float) -> Iterator[Reason]:
    if found.at_peak > MAX_AT_PEAK:
        yield Reason(
            "voice_clipped",
            f"{found.at_peak:.1%} of the samples are as loud as the loudest; at most "
            f"{MAX_AT_PEAK:.1%} is understood. Turn the microphone down",
        )
    if seconds < MIN_SPEECH_S:
        yield Reason(
            "voice_too_short",
            f"{seconds:.1f} s of speech; at least {MIN_SPEECH_S:.0f} s is needed, and 4 s serve "
            "well. Record a sentence",
        )
