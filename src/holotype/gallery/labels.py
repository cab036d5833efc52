"""Which labels can be enrolled."""

from __future__ import annotations

import unicodedata

from holotype.errors import LabelError

MAX_LABEL_CHARACTERS = 200


def shown(label: str) -> str:
    """The label as a message may print it: quoted, escaped and of bounded length."""
    return repr(label) if len(label) <= 40 else f"{label[:40]!r}..."


def check_label(label: str) -> str:
    """Return the label unchanged if it can be enrolled.

    Nothing is trimmed or normalized: two labels are the same when their code points are.

    Raises:
        LabelError: not a string, blank, longer than 200 characters, or holding control
            characters (Unicode category Cc) or lone surrogates, which UTF-8 cannot store.
    """
    if not isinstance(label, str):
        raise LabelError(
            f"a label is text; this one is of type {type(label).__name__}", "Pass a str"
        )
    if not label.strip():
        raise LabelError(
            f"a label holds at least one visible character; this one is {shown(label)}",
            "Give the identity a name",
        )
    if len(label) > MAX_LABEL_CHARACTERS:
        raise LabelError(
            f"a label has at most {MAX_LABEL_CHARACTERS} characters; "
            f"{shown(label)} has {len(label)}",
            "Shorten it",
        )
    for position, character in enumerate(label):
        if unicodedata.category(character) in ("Cc", "Cs"):
            raise LabelError(
                f"a label holds no control characters; {shown(label)} has "
                f"U+{ord(character):04X} at position {position}",
                "Remove that character",
            )
    return label
