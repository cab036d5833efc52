"""Voices in recordings: the speech is found, and heard in windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from holotype.domains import rules
from holotype.domains.domain import Detected, Domain, Floats, Model, Rules
from holotype.domains.voices import EXTRA
from holotype.domains.voices.formats import SUFFIXES, is_recording
from holotype.domains.voices.hearing import NoVoiceError, hear, several
from holotype.domains.voices.mel import Hearing
from holotype.domains.voices.recording import as_wave
from holotype.errors import PackError
from holotype.image.decode import ImageSource, describe
from holotype.records import Preprocessing, Reason, Recording

SPEECH_RATE_HZ = 16_000  # at which what finds speech in a recording listens
_HEARING: Rules = {
    "rate_hz": lambda value: value == SPEECH_RATE_HZ,
    "window_samples": lambda value: rules.is_count(value) and 16 <= value <= 4096,
    "hop_samples": lambda value: rules.is_count(value) and 16 <= value <= 4096,
    "bands": lambda value: rules.is_count(value) and 1 <= value <= 256,
    "frames": rules.is_side,
    "level_db": lambda value: isinstance(value, int | float) and -90 <= value <= 0,
}


def _is_hearing(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == _HEARING.keys()
        and all(rule(value[name]) for name, rule in _HEARING.items())
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
    usual_pack = "voices"
    packs = {"voices": "voices, from one recording"}
    extra = EXTRA
    needs = {"hearing": _is_hearing}
    own = Hearing

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
            heard = hear(source, _hearing(model.preprocessing))
            result[row] = model.embed_parts(heard.windows(model.chunk))[0]
        return result

    def find(self, model: Model, source: ImageSource, everybody: bool) -> list[Detected]:
        """The one voice: voices are not taken apart, whoever is asked for."""
        try:
            heard = hear(source, _hearing(model.preprocessing))
        except NoVoiceError as error:
            problem = error.problem.removeprefix(f"{describe(source)}: ")
            reason = Reason(error.code, f"{problem}. {error.remedy}")
            return [Detected(None, (reason,), problem=problem, remedy=error.remedy)]
        vector, windows, unity = model.embed_parts(heard.windows(model.chunk))
        mixed = several(windows, unity)
        return [Detected(vector, (*heard.doubts, *((mixed,) if mixed else ())))]

    def constants(self, graph: Any, stated: Any, notes: Any) -> dict[str, Any]:
        """Raises PackError: no file says how a recording is heard."""
        raise PackError(
            "a model's file does not say how a recording is heard",
            "Write the pack with `holotype.pack.write_pack`, which takes its constants",
        )


DOMAINS = (Voices(),)
