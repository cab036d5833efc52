"""A text -> the numbers of its pieces of words, as a model reads them; and what speaks against it.

White space of any kind parts words, and nothing else is made of it. The limits were set on the
utterances of CLINC150 and BANKING77, of which none is doubted, and on messages in other languages
(`experiments/texts.py`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holotype.domains.domain import Floats, Model
from holotype.domains.texts import EXTRA
from holotype.domains.texts.files import decoded, lines_of
from holotype.errors import PackError, TextError
from holotype.image.decode import ImageSource, describe
from holotype.preprocessing import OwnConstants, TensorInput
from holotype.records import Reason

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Of a longer text no tokenizer is asked: no piece that a model knows is longer than this.
_LONGEST_PIECE = 100
# Words that a model learned are a piece or two; a text of the model's language stays below this.
_PIECES_EACH, _PIECES_MORE = 2, 2
_FOREIGN_LETTER = 2  # pieces that a word counts beside its own where it has letters beyond a to z
_MOST_UNKNOWN = 1 / 3
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Reading(OwnConstants):
    """How a text becomes the input of a model: the numbers of its pieces."""

    tokenizer: str  # SHA-256 of the pack's `tokenizer.json` in hex
    pieces: int  # of words, and marks: as many of a text as the model reads
    language: str | None = None  # of its training, in words; None: several, or not known


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A text as a model takes it."""

    ids: NDArray[np.int64]  # [T] the numbers of its pieces, with the marks of begin and end
    doubts: tuple[Reason, ...]


class Reader:
    """Reads texts for a model.

    Args:
        tokenizer: the content of its `tokenizer.json`.
        reading: the constants of the model.
    """

    def __init__(self, tokenizer: bytes, reading: Reading) -> None:
        self._content, self._reading = tokenizer, reading

    @property
    def size(self) -> int:
        """How many pieces the tokenizer numbers."""
        return int(self._tokenizer.get_vocab_size())

    def read(self, source: ImageSource) -> Read:
        """Cut a text into pieces of words.

        Args:
            source: the text itself; or its file, of one line, as a `Path` or as bytes of UTF-8.

        Returns:
            Its pieces, at most as many as the model reads, with the doubts `text_cut` and
            `unknown_words`.

        Raises:
            TextError: it is empty, no text, or none of its words is known; the message shows it.
            MissingExtraError: what cuts texts into pieces is not installed.
            PackError: the tokenizer cannot be read.
        """
        try:
            return self._read(text_of(source))
        except TextError as error:
            raise TextError(f"{describe(source)}: {error.problem}", error.remedy) from None

    def _read(self, text: str) -> Read:
        words = text.split()
        if not words:
            raise TextError("it is empty", "Give a sentence")
        short = " ".join(words)[: _LONGEST_PIECE * self._reading.pieces]
        found = self._tokenizer.encode(short)
        pieces = [
            (number, short[start:end])
            for number, (start, end), mark in zip(
                found.ids, found.offsets, found.special_tokens_mask, strict=True
            )
            if not mark or number == self._unknown  # what is unknown is marked as well
        ]
        unknown = sum(number == self._unknown for number, _ in pieces)
        if unknown == len(pieces):
            raise TextError("the model knows none of its words", self._remedy)
        end = max(end for _, end in found.offsets)
        cut = len(short[:end].split()) if found.overflowing else len(words)
        ids = np.array(found.ids, np.int64)
        return Read(ids, tuple(self._doubts(short[:end], pieces, unknown, cut, len(words))))

    def _doubts(
        self, text: str, pieces: list[tuple[int, str]], unknown: int, cut: int, words: int
    ) -> Iterator[Reason]:
        if cut < words:
            yield Reason(
                "text_cut",
                f"the model reads the first {cut} of its {words:,} words, and no more. Give the "
                "sentence that counts",
            )
        if unknown > _MOST_UNKNOWN * len(pieces) or self._foreign(text, pieces):
            yield Reason(
                "unknown_words",
                f"most of its words are unknown to the model: {len(pieces)} pieces were made of "
                f"{len(text.split())} words. {self._remedy}",
            )

    def _foreign(self, text: str, pieces: list[tuple[int, str]]) -> bool:
        """Whether words fall into more pieces than those of the language that a model reads."""
        if self._reading.language is None:
            return False
        spelled = [word for word in text.split() if _LETTER.search(word)]
        strange = sum(any(c.isalpha() and not c.isascii() for c in word) for word in spelled)
        counted = sum(bool(_LETTER.search(piece)) for _, piece in pieces)
        return counted + _FOREIGN_LETTER * strange > _PIECES_EACH * len(spelled) + _PIECES_MORE

    @property
    def _remedy(self) -> str:
        language = self._reading.language
        return f"The model reads {language}" if language else "Give a text that its maker names"

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        with EXTRA.required():
            from tokenizers import Tokenizer
        try:
            found = Tokenizer.from_buffer(self._content)
        except Exception as error:  # the kinds of the library have no common public base
            raise PackError(
                f"tokenizer.json of the pack cannot be read ({str(error)[:200]})",
                "Fetch or build the pack again",
            ) from error
        found.no_padding()
        found.enable_truncation(self._reading.pieces)
        return found

    @cached_property
    def _unknown(self) -> int | None:
        """The number that all stands for which the model has no piece for."""
        model: dict[str, Any] = json.loads(self._content)["model"]
        token = model.get("unk_token")
        return model.get("unk_id") if token is None else self._tokenizer.token_to_id(token)


def embed_read(model: Model, texts: Sequence[Read]) -> Floats:
    """Embed texts that were read before, those of nearly one length together.

    Args:
        model: that reads texts.
        texts: B of them.

    Returns:
        float32 [B, D], each of unit length.

    Raises:
        PackError: the model fails, or gives a vector that has no direction.
    """
    inputs = model.preprocessing.inputs or ()
    result = np.empty((len(texts), model.embedding_dim), dtype=np.float32)
    by_length = np.argsort([len(text.ids) for text in texts], kind="stable")
    size = model.chunk if masked(inputs) else 1
    for start in range(0, len(texts), size):
        rows = by_length[start : start + size]
        result[rows] = model.embed_tensors(fed([texts[row].ids for row in rows], inputs))
    return result


def fed(
    texts: Sequence[NDArray[np.int64]], inputs: Sequence[TensorInput]
) -> dict[str, NDArray[Any]]:
    """The inputs of a model for B texts; the shorter ones are filled up, and that is masked.

    Args:
        texts: B times the numbers of pieces, [T].
        inputs: of the model, by names that tell what each is: a mask, types, positions, or numbers.

    Returns:
        By name, [B, T].
    """
    fixed = [one.dims[1] for one in inputs if isinstance(one.dims[1], int)]
    length = max(*fixed, *map(len, texts), 1)
    mask = np.zeros((len(texts), length), np.int64)
    ids = np.zeros_like(mask)
    for row, text in enumerate(texts):
        mask[row, : len(text)], ids[row, : len(text)] = 1, text
    values = {
        "mask": mask,
        "type": np.zeros_like(mask),
        "position": np.broadcast_to(np.arange(length), mask.shape),
        "ids": ids,
    }
    return {one.name: values[role(one.name)].astype(one.number) for one in inputs}


def masked(inputs: Sequence[TensorInput]) -> bool:
    """Whether texts of several lengths can be read together."""
    return any(role(one.name) == "mask" for one in inputs)


def role(name: str) -> str:
    """What an input of a model that reads texts is, by its name."""
    return next((what for what in ("mask", "type", "position") if what in name), "ids")


def text_of(source: ImageSource) -> str:
    """The text that is meant.

    Args:
        source: as for `Reader.read`.

    Raises:
        TextError: it is none; without what was given.
    """
    if isinstance(source, str):
        # A name is no text; what looks like one and is a file was meant as its content.
        if len(source) < 256 and Path(source).suffix and os.path.isfile(source):
            raise TextError(
                "this is the name of a file, not a text",
                "Give what it holds, or `pathlib.Path` of its name",
            )
        # Halves of a pair of surrogates are no characters.
        return decoded(source.encode(errors="surrogatepass"))
    if isinstance(source, bytes):
        return decoded(source)
    if isinstance(source, os.PathLike):
        found = lines_of(Path(source))
        if len(found) > 1:
            raise TextError(
                f"the file has {len(found)} lines, each of them a text", "Give them one by one"
            )
        return found[0].text
    raise TextError("it is not a text, and the model reads texts", "Give a text as a string")
