"""How a model wants its input: the kinds there are, what each may state, and the same in words.

A new domain adds its kind to `KINDS`, and to what prepares its inputs (`images` for pictures).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from holotype.domains.texts.reading import role
from holotype.records import Hearing, Preprocessing, Reading, TensorInput

SPEECH_RATE_HZ = 16_000  # at which what finds speech in a recording listens
NUMBERS = ("float16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_Rules = Mapping[str, Callable[[Any], bool]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of input."""

    needs: _Rules  # fields that it must state, each with its rule
    may: _Rules  # fields that it may state
    in_words: Callable[[Preprocessing], str]
    # raises ValueError where two fields do not fit; may change what it is given
    agree: Callable[[dict[str, Any]], None] = lambda constants: None


def preprocessing_from_json(constants: object) -> Preprocessing:
    """Read what `Preprocessing.to_json` gave, and check each field.

    Raises:
        ValueError: with the rule that is broken, as one clause.
    """
    if not isinstance(constants, dict):
        raise ValueError("preprocessing is not a JSON object")
    if "kind" not in constants:
        raise ValueError("preprocessing lacks the field 'kind'")
    stated = {name: value for name, value in constants.items() if value is not None}
    name = stated.pop("kind", None)
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"kind of preprocessing is not valid: {str(name)[:80]!r}")
    known = {field.name for field in fields(Preprocessing)}
    for key in sorted(stated):
        if key not in known:
            raise ValueError(f"preprocessing has the unknown field {key!r}")
        if key not in kind.needs and key not in kind.may:
            raise ValueError(f"{key} does not belong to kind {name!r}")
    for key, rule in kind.needs.items():
        if key not in stated:
            raise ValueError(f"preprocessing lacks the field {key!r}, which kind {name!r} needs")
        _check(name, key, rule, stated[key])
    for key, rule in kind.may.items():
        if key in stated:
            _check(name, key, rule, stated[key])
    kind.agree(stated)
    return Preprocessing(kind=name, **stated)


def in_words(preprocessing: Preprocessing) -> str:
    """The input of a model, as one line of its page."""
    return KINDS[preprocessing.kind].in_words(preprocessing)


def _check(kind: str, name: str, rule: Callable[[Any], bool], value: object) -> None:
    if not rule(value):
        raise ValueError(f"{name} of kind {kind!r} is not valid: {str(value)[:80]!r}")


def _drawing(constants: dict[str, Any]) -> None:
    if 2 * constants["margin_px"] >= constants["size_px"]:
        raise ValueError(
            f"margin_px={constants['margin_px']} leaves nothing of size_px={constants['size_px']}"
        )
    if constants["channels"] != 1:
        raise ValueError(f"channels={constants['channels']}, but drawings are grey")


def _photograph(constants: dict[str, Any]) -> None:
    if constants["margin_px"]:
        raise ValueError(f"margin_px={constants['margin_px']}, but a photograph has no margin")
    channels = constants["channels"]
    for name in ("mean", "std"):
        constants[name] = tuple(float(value) for value in constants[name])
        if len(constants[name]) != channels:
            raise ValueError(f"{name} has {len(constants[name])} values for {channels=}")
    if constants.get("share") is not None and constants["fit"] != "crop":
        raise ValueError(f"share belongs to fit 'crop', not to {constants['fit']!r}")


def _tensors(constants: dict[str, Any]) -> None:
    constants["inputs"] = tuple(
        TensorInput(one["name"], one["number"], tuple(one["dims"])) for one in constants["inputs"]
    )


def _text(constants: dict[str, Any]) -> None:
    _tensors(constants)
    constants["reading"] = Reading(**constants["reading"])
    inputs, pieces = constants["inputs"], constants["reading"].pieces
    if [role(one.name) for one in inputs].count("ids") != 1:
        names = ", ".join(one.name for one in inputs)
        raise ValueError(f"of the inputs {names} one is the numbers of the pieces, not more")
    for one in inputs:
        if len(one.dims) != 2 or not one.number.startswith("int"):
            raise ValueError(
                f"{one.name} is {one.number} {list(one.dims)}, not int [batch, pieces]"
            )
        if isinstance(one.dims[1], int) and one.dims[1] < pieces:
            raise ValueError(f"{one.name} takes {one.dims[1]} pieces, and {pieces=} are read")


def _voice(constants: dict[str, Any]) -> None:
    constants["hearing"] = Hearing(**constants["hearing"])


def _voice_in_words(constants: Preprocessing) -> str:
    heard = constants.hearing
    assert heard is not None
    return (
        f"recordings at {heard.rate_hz} Hz, raised to {heard.level_db:g} dB of full scale; windows "
        f"of {heard.frames} spectra x {heard.bands} mel bands, a spectrum of "
        f"{heard.window_samples} samples every {heard.hop_samples}, kind `voice`"
    )


def _text_in_words(constants: Preprocessing) -> str:
    reading = constants.reading
    assert reading is not None
    language = f" in {reading.language}" if reading.language else ""
    return (
        f"texts{language}, of each the first {reading.pieces} pieces of words, cut as "
        f"`tokenizer.json` says (sha256 {reading.tokenizer[:16]}), kind `text`"
    )


def _drawing_in_words(constants: Preprocessing) -> str:
    fitted = f", fitted by `{constants.fit}`" if constants.fit else ""
    return (
        f"{_shape(constants)}, ink 1 on paper 0, kind `{constants.kind}`{fitted}, "
        f"margin {constants.margin_px} px"
    )


def _photograph_in_words(constants: Preprocessing) -> str:
    colors = "RGB" if constants.channels == 3 else "grey"
    more = ""
    if constants.share is not None:
        more += f", {constants.share:g} of the sides kept"
    if constants.resample is not None:
        more += f", resampled `{constants.resample}`"
    if constants.alignment is not None:
        more += f", cut out as `{constants.alignment}`"
    return (
        f"{_shape(constants)}, {colors}, kind `{constants.kind}`, fitted by `{constants.fit}`"
        f"{more}, mean {_listed(constants.mean)}, standard deviation {_listed(constants.std)}"
    )


def _tensors_in_words(constants: Preprocessing) -> str:
    listed = "; ".join(
        f"`{one.name}` {one.number} [{', '.join(map(str, one.dims))}]"
        for one in constants.inputs or ()
    )
    return f"tensors that a program prepares: {listed}"


def _shape(constants: Preprocessing) -> str:
    return " x ".join(map(str, constants.input_shape)) + " px"


def _listed(values: tuple[float, ...] | None) -> str:
    return ", ".join(f"{value:g}" for value in values or ())


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_side(value: object) -> bool:
    return isinstance(value, int) and _is_count(value) and 8 <= value <= 1024


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1


def _are_constants(value: object) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
        for number in value
    )


def _are_inputs(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_input, value))


def _is_input(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"name", "number", "dims"}
        and isinstance(value["name"], str)
        and value["number"] in NUMBERS
        and isinstance(value["dims"], list)
        and bool(value["dims"])
        and all(isinstance(size, str) or (_is_count(size) and size > 0) for size in value["dims"])
    )


def _is_hearing(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == _HEARING.keys()
        and all(rule(value[name]) for name, rule in _HEARING.items())
    )


def _is_reading(value: object) -> bool:
    return (
        isinstance(value, dict)
        and {"tokenizer", "pieces"} <= value.keys() <= _READING.keys()
        and all(_READING[name](stated) for name, stated in value.items())
    )


_READING: _Rules = {
    "tokenizer": lambda value: isinstance(value, str) and bool(_SHA256.fullmatch(value)),
    "pieces": lambda value: _is_count(value) and 4 <= value <= 32_768,
    "language": lambda value: value is None or isinstance(value, str),
}
_HEARING: _Rules = {
    "rate_hz": lambda value: value == SPEECH_RATE_HZ,
    "window_samples": lambda value: _is_count(value) and 16 <= value <= 4096,
    "hop_samples": lambda value: _is_count(value) and 16 <= value <= 4096,
    "bands": lambda value: _is_count(value) and 1 <= value <= 256,
    "frames": _is_side,
    "level_db": lambda value: isinstance(value, int | float) and -90 <= value <= 0,
}
_PICTURE: _Rules = {
    "size_px": _is_side,
    "margin_px": _is_count,
    "channels": lambda value: _is_count(value) and value in (1, 3),
}
_TONES: _Rules = {
    **_PICTURE,
    "fit": lambda value: value in ("crop", "pad", "stretch"),
    "mean": _are_constants,
    "std": lambda value: _are_constants(value) and all(number > 0 for number in value),
}
_TONES_MAY: _Rules = {
    "width_px": _is_side,
    "share": _is_share,
    "resample": lambda value: value in ("bicubic", "lanczos", "box", "nearest"),
}
KINDS: dict[str, Kind] = {
    "ink": Kind(_PICTURE, {"fit": lambda value: value == "wide"}, _drawing_in_words, _drawing),
    "frame": Kind(_PICTURE, {}, _drawing_in_words, _drawing),
    "photo": Kind(_TONES, _TONES_MAY, _photograph_in_words, _photograph),
    "face": Kind(
        _TONES,
        {**_TONES_MAY, "alignment": lambda value: value in ("arcface", "box")},
        _photograph_in_words,
        _photograph,
    ),
    "voice": Kind({"hearing": _is_hearing}, {}, _voice_in_words, _voice),
    "text": Kind({"inputs": _are_inputs, "reading": _is_reading}, {}, _text_in_words, _text),
    "tensors": Kind({"inputs": _are_inputs}, {}, _tensors_in_words, _tensors),
}
