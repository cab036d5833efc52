"""Voices in recordings: who speaks, and what word is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from holotype.domains import rules
from holotype.domains.domain import Detected, Domain, Floats, Model, Reasons, Rules
from holotype.domains.voices import EXTRA
from holotype.domains.voices.formats import SUFFIXES, is_recording
from holotype.domains.voices.hearing import NoVoiceError, hear, several
from holotype.domains.voices.mel import Hearing
from holotype.domains.voices.recording import as_wave
from holotype.domains.voices.words import Spoken, hear_word
from holotype.errors import PackError
from holotype.image.decode import ImageSource, describe
from holotype.preprocessing import OwnConstants, Preprocessing
from holotype.records import Reason, Recording

SPEECH_RATE_HZ = 16_000  # at which what finds speech in a recording listens
_HEARING: Rules = {
    "rate_hz": lambda value: value == SPEECH_RATE_HZ,
    "window_samples": lambda value: rules.is_count(value) and 16 <= value <= 4096,
    "hop_samples": lambda value: rules.is_count(value) and 16 <= value <= 4096,
    "bands": lambda value: rules.is_count(value) and 1 <= value <= 256,
    "frames": rules.is_side,
    "level_db": lambda value: isinstance(value, int | float) and -90 <= value <= 0,
}


_SPOKEN: Rules = {
    **{name: _HEARING[name] for name in ("rate_hz", "window_samples", "hop_samples", "bands")},
    "points": lambda value: rules.is_count(value) and 16 <= value <= 4096,
    "low_hz": lambda value: isinstance(value, int | float) and 0 <= value < SPEECH_RATE_HZ / 2,
    "high_hz": lambda value: isinstance(value, int | float) and 0 < value <= SPEECH_RATE_HZ / 2,
    "floor": lambda value: isinstance(value, int | float) and 0 < value <= 1,
    "frames": rules.is_side,
    "peak": lambda value: isinstance(value, int | float) and 0 < value <= 1,
}


def _each(fields: Rules) -> Callable[[object], bool]:
    """Whether a value is an object with these fields, each by its rule."""
    return lambda value: (
        isinstance(value, dict)
        and value.keys() == fields.keys()
        and all(rule(value[name]) for name, rule in fields.items())
    )


def _hearing(constants: Preprocessing) -> Hearing:
    assert isinstance(constants.own, Hearing)
    return constants.own


class Voices(Domain):
    """The one voice of a recording."""

    kind = "voice"
    takes = "recording"
    reads = "hears"
    metavar = "RECORDING"
    suffixes = SUFFIXES
    piece_s = 4.0
    usual_pack = "voices"
    packs = {"voices": "voices, from one recording"}
    extra = EXTRA
    needs = {"hearing": _each(_HEARING)}
    own: type[OwnConstants] = Hearing

    def in_words(self, constants: Preprocessing) -> str:
        """The windows of mel bands."""
        heard = _hearing(constants)
        return (
            f"recordings at {heard.rate_hz} Hz, raised to {heard.level_db:g} dB of full scale; "
            f"windows of {heard.frames} spectra x {heard.bands} mel bands, a spectrum of "
            f"{heard.window_samples} samples every {heard.hop_samples}, kind `voice`"
        )

    def owns(self, source: ImageSource) -> bool:
        """A recording, or what bears the name of one."""
        return is_recording(source)

    def as_file(self, source: ImageSource) -> bytes:
        """Samples as WAV."""
        assert isinstance(source, Recording)
        return as_wave(source)

    def embed(self, model: Model, sources: Sequence[ImageSource]) -> Floats:
        """As for `Domain.embed`."""
        result = np.empty((len(sources), model.embedding_dim), dtype=np.float32)
        for row, source in enumerate(sources):
            result[row] = self._heard(model, source)[0]
        return result

    def find(self, model: Model, source: ImageSource, everybody: bool) -> list[Detected]:
        """What is heard: it is not taken apart, whoever is asked for."""
        try:
            return [Detected(*self._heard(model, source))]
        except NoVoiceError as error:
            problem = error.problem.removeprefix(f"{describe(source)}: ")
            reason = Reason(error.code, f"{problem}. {error.remedy}")
            return [Detected(None, (reason,), problem=problem, remedy=error.remedy)]

    def _heard(self, model: Model, source: ImageSource) -> tuple[Floats, Reasons]:
        heard = hear(source, _hearing(model.preprocessing))
        vector, windows, unity = model.embed_parts(heard.windows(model.chunk))
        mixed = several(windows, unity)
        return vector, (*heard.doubts, *((mixed,) if mixed else ()))

    def constants(self, graph: Any, stated: Any, notes: Any) -> dict[str, Any]:
        """Raises PackError: no file says how a recording is heard."""
        raise PackError(
            "a model's file does not say how a recording is heard",
            "Write the pack with `holotype.pack.write_pack`, which takes its constants",
        )


class Words(Voices):
    """The one word of a recording."""

    kind = "word"
    piece_s = 1.6  # what is said in half of it lies whole in a piece
    usual_pack = "words"
    packs = {"words": "words, each said once"}
    needs = {"spoken": _each(_SPOKEN)}
    own = Spoken

    def agree(self, constants: dict[str, Any]) -> None:
        """As for `Domain.agree`."""
        spoken = constants["spoken"]
        if not spoken["low_hz"] < spoken["high_hz"]:
            raise ValueError("low_hz of kind 'word' is not below high_hz")
        if spoken["points"] < spoken["window_samples"]:
            raise ValueError("points of kind 'word' are fewer than window_samples")

    def in_words(self, constants: Preprocessing) -> str:
        """The window of mel bands."""
        spoken = _spoken(constants)
        return (
            f"recordings at {spoken.rate_hz} Hz, their peak at {spoken.peak:g} of full scale; "
            f"{spoken.frames} spectra x {spoken.bands} mel bands around the middle of the sound, a "
            f"spectrum of {spoken.window_samples} samples every {spoken.hop_samples}, kind `word`"
        )

    def _heard(self, model: Model, source: ImageSource) -> tuple[Floats, Reasons]:
        heard, doubts = hear_word(source, _spoken(model.preprocessing))
        return model.embed_prepared(heard[None])[0], doubts


def _spoken(constants: Preprocessing) -> Spoken:
    assert isinstance(constants.own, Spoken)
    return constants.own


DOMAINS = (Voices(), Words())
