"""Which labels can be enrolled, and which words noted beside them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from holotype.errors import GalleryError, LabelError

MAX_LABEL_CHARACTERS = 200
MAX_NOTE_CHARACTERS = 500
MAX_TAGS, MAX_TAG_CHARACTERS = 50, 50


def shown(label: str) -> str:
    """The label as a message may print it: quoted, escaped and of bounded length."""
    return repr(label) if len(label) <= 40 else f"{label[:40]!r}..."


def check_label(label: str) -> str:
    """Return the label as it is stored, if it can be: composed (Unicode NFC), and not trimmed.

    An "e" with a combining accent and the accented letter are one: systems differ in how they
    write the same name.

    Raises:
        LabelError: not a string, without a visible character, longer than 200 characters, or
            holding control characters (Unicode category Cc) or lone surrogates, which UTF-8 cannot
            store.
    """
    if not isinstance(label, str):
        raise LabelError(
            f"a label is text; this one is of type {type(label).__name__}", "Pass a str"
        )
    label = unicodedata.normalize("NFC", label)
    if not any(_is_visible(character) for character in label):
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


def _is_visible(character: str) -> bool:
    """Neither a space, nor a mark that joins or directs others, nor a filler (as U+3164)."""
    if unicodedata.category(character)[0] in "ZC" or unicodedata.category(character)[0] == "M":
        return unicodedata.category(character) in ("Co", "Cc", "Cs", "Mc")
    return "FILLER" not in unicodedata.name(character, "") and character != "\u2800"


def check_note(note: str, what: str) -> str:
    """Return a note (`what`: "the actor") unchanged if it can be stored.

    Raises:
        GalleryError: not a string, blank, longer than 500 characters, or holding control
            characters or lone surrogates.
    """
    if not isinstance(note, str) or not note.strip() or len(note) > MAX_NOTE_CHARACTERS:
        found = shown(note) if isinstance(note, str) else f"of type {type(note).__name__}"
        raise GalleryError(
            f"{what} is text of 1 to {MAX_NOTE_CHARACTERS} characters; this one is {found}",
            "Pass such a text, or None",
        )
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in note):
        raise GalleryError(f"{what} holds no control characters; {shown(note)} does", "Remove them")
    return note


def check_tags(tags: Iterable[str]) -> list[str]:
    """Return tags as they are stored, composed (Unicode NFC), if they can be.

    Raises:
        LabelError: one is no label, or longer than 50 characters, or there are more than 50.
    """
    if isinstance(tags, str):
        raise LabelError(f"tags are several texts; {shown(tags)} is one", "Pass a list")
    found = [check_label(tag) for tag in tags]
    for tag in found:
        if len(tag) > MAX_TAG_CHARACTERS:
            raise LabelError(
                f"a tag has at most {MAX_TAG_CHARACTERS} characters; {shown(tag)} has {len(tag)}",
                "Shorten it",
            )
    if len(found) > MAX_TAGS:
        raise LabelError(
            f"an identity has at most {MAX_TAGS} tags; these are {len(found)}", "Leave some out"
        )
    return found
