"""Texts: typed, or a line of a file each, and cut into pieces of words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from holotype.domains import rules
from holotype.domains.declared import Notes, Stated, input_constants
from holotype.domains.domain import Detected, Domain, Floats, MadePack, Model, Rules, unreadable
from holotype.domains.tensors.domain import Tensors, typed_inputs
from holotype.domains.texts import EXTRA, weights
from holotype.domains.texts.files import SUFFIXES, is_text_file, lines_of
from holotype.domains.texts.reading import Read, Reader, Reading, embed_read, role, text_of
from holotype.errors import PackError, TextError
from holotype.image.decode import ImageSource
from holotype.model.graph import Graph
from holotype.preprocessing import Preprocessing

TOKENIZER = "tokenizer.json"
_AT_ONCE = 32  # of nearly one length; more are no faster
_SHA256 = re.compile(r"[0-9a-f]{64}")
_READING: Rules = {
    "tokenizer": lambda value: isinstance(value, str) and bool(_SHA256.fullmatch(value)),
    "pieces": lambda value: rules.is_count(value) and 4 <= value <= 32_768,
    "language": lambda value: value is None or isinstance(value, str),
}


def _is_reading(value: object) -> bool:
    return (
        isinstance(value, dict)
        and {"tokenizer", "pieces"} <= value.keys() <= _READING.keys()
        and all(_READING[name](stated) for name, stated in value.items())
    )


def _reading(constants: Preprocessing) -> Reading:
    assert isinstance(constants.own, Reading)
    return constants.own


def _parts() -> dict[str, Any]:
    with EXTRA.required():
        from holotype.domains.texts.recipe import parts

        return parts()


class Texts(Domain):
    """Each text as one thing."""

    kind = "text"
    takes = "text"
    metavar = "--text TEXT"
    suffixes = SUFFIXES
    usual_pack = "texts"
    packs = {"texts": "texts in English"}
    made = {"texts": MadePack(1, _parts)}
    extra = EXTRA
    typed = True
    told_beside = ("text_cut",)
    needs = {"inputs": rules.are_inputs, "reading": _is_reading}
    own = Reading
    no_pack = Tensors.no_pack

    def agree(self, constants: dict[str, Any]) -> None:
        """One input is the numbers of the pieces, and each takes as many as are read."""
        typed_inputs(constants)
        inputs, pieces = constants["inputs"], constants["reading"]["pieces"]
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

    def in_words(self, constants: Preprocessing) -> str:
        """The language and the pieces."""
        reading = _reading(constants)
        language = f" in {reading.language}" if reading.language else ""
        return (
            f"texts{language}, of each the first {reading.pieces} pieces of words, cut as "
            f"`{TOKENIZER}` says (sha256 {reading.tokenizer[:16]}), kind `text`"
        )

    def files(self, constants: Preprocessing) -> dict[str, str]:
        """What cuts texts into pieces."""
        return {TOKENIZER: _reading(constants).tokenizer}

    def remedy(self, name: str, made: bool) -> str:
        """The extra, and the weights that the pack is made of."""
        return weights.remedy(made)

    def owns(self, source: ImageSource) -> bool:
        """What bears the name of a file of texts."""
        return is_text_file(source)

    def held(self, path: Path) -> list[Path | str]:
        """Each line of a file."""
        try:
            return [line.text for line in lines_of(path)]
        except TextError:
            return [path]  # whoever reads it says why

    def content(self, source: ImageSource) -> ImageSource:
        """A text in UTF-8."""
        with suppress(TextError):
            return text_of(source).encode()
        return source  # whoever reads it says why

    def chunk(self, constants: Preprocessing, most: int) -> int:
        """Some of nearly one length."""
        return _AT_ONCE

    def free_size(self, constants: Preprocessing) -> int | None:
        """As many pieces as are read of a text."""
        return _reading(constants).pieces

    def reader(self, constants: Preprocessing, tokenizer: bytes | None) -> Reader | None:
        """What cuts texts into pieces."""
        return None if tokenizer is None else Reader(tokenizer, _reading(constants))

    def embed(self, model: Model, sources: Sequence[ImageSource]) -> Floats:
        """As for `Domain.embed`."""
        return embed_read(model, [model.reader.read(source) for source in sources])

    def detect(
        self, model: Model, sources: Sequence[ImageSource | Detected], everybody: bool = False
    ) -> list[list[Detected]]:
        """Each text as one thing, those of nearly one length together."""
        looked = [_read(model, source) for source in sources]
        vectors = iter(embed_read(model, [one for one in looked if isinstance(one, Read)]))
        return [
            [one if isinstance(one, Detected) else Detected(next(vectors), one.doubts)]
            for one in looked
        ]

    def fits(self, graph: Graph, stated: Stated) -> bool:
        """A model that has a tokenizer."""
        return stated.reading is not None

    def constants(self, graph: Graph, stated: Stated, notes: Notes) -> dict[str, Any]:
        """The inputs as the model declares them, and no more pieces than it takes."""
        reading = stated.reading
        if not isinstance(reading, Reading):
            raise PackError(
                "a model that reads texts needs its tokenizer",
                f"Put {TOKENIZER} beside the model's file, or name the repository that holds both",
            )
        inputs = input_constants(graph)
        fixed = [last for one in inputs if isinstance(last := one["dims"][-1], int)]
        reading = replace(reading, pieces=min([reading.pieces, *fixed]))
        return {"inputs": inputs, "reading": asdict(reading)}


def _read(model: Model, source: ImageSource | Detected) -> Read | Detected:
    if isinstance(source, Detected):
        return source
    try:
        return model.reader.read(source)  # type: ignore[no-any-return]
    except TextError as error:
        return unreadable(source, error)


DOMAINS = (Texts(),)
