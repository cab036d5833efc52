"""Files of texts: a text a line, as it stands or as JSON."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from holotype.errors import TextError
from holotype.image.decode import ImageSource

SUFFIXES = frozenset({".txt", ".jsonl"})
_JSON_LINES = ".jsonl"
MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Line:
    """A text of a file."""

    number: int  # of the line, from 1
    text: str


def is_text_file(source: ImageSource) -> bool:
    """Whether a source bears the name of a file of texts."""
    return isinstance(source, str | os.PathLike) and (
        os.path.splitext(os.fsdecode(source))[1].lower() in SUFFIXES
    )


def lines_of(path: Path) -> list[Line]:
    """The texts of a file, without its empty lines: at least one.

    Args:
        path: of UTF-8; in `.jsonl` each line is a string, or an object whose `text` is one.

    Raises:
        TextError: it cannot be read, has no text, or a line is none; without the name of the file.
    """
    texts = [
        Line(number, _json_text(line, number) if path.suffix.lower() == _JSON_LINES else line)
        for number, line in enumerate(decoded(_content(path)).splitlines(), start=1)
        if line.strip()
    ]
    if not texts:
        raise TextError("the file has no text", "Write one text a line")
    return texts


def decoded(content: bytes) -> str:
    """The text that bytes of UTF-8 hold.

    Raises:
        TextError: they are something else.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextError(
            f"this is no text in UTF-8 (its byte {error.start + 1:,} is none)",
            "Save it as UTF-8",
        ) from None
    if "\0" in text:
        raise TextError("this is no text: it holds the character NUL", "Save it as UTF-8")
    return text


def _json_text(line: str, number: int) -> str:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    text = found.get("text") if isinstance(found, dict) else found
    if not isinstance(text, str):
        raise TextError(
            f"line {number} is neither a string in JSON nor an object whose `text` is one",
            'Write "..." or {"text": "..."} on each line',
        )
    return text


def _content(path: Path) -> bytes:
    """A regular file; a named pipe would wait for a writer."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise TextError("a folder is not a text", "Name the files inside it")
        if not stat.S_ISREG(status.st_mode):
            raise TextError(
                "a pipe, socket or device is not read", "Save the texts as a regular file"
            )
        if status.st_size > MAX_BYTES:
            raise TextError(
                f"the file has {status.st_size:,} bytes; at most {MAX_BYTES:,} are read",
                "Divide it",
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise TextError("no such file", "Check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise TextError(f"cannot be opened ({reason})", "Check the path, its rights") from error
