"""What recordings look like from outside: by the first bytes of a file, and by its name."""

from __future__ import annotations

import os
from pathlib import Path

from holotype.image.decode import ImageSource
from holotype.records import Recording

FORMATS = ("WAV", "FLAC", "OGG", "MP3")
SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3"})
_FILMS = frozenset({".mp4", ".m4a", ".m4v", ".mov", ".3gp"})  # they hold sound, and are refused


def format_of(head: bytes) -> str | None:
    """Which of `FORMATS` a file is.

    Args:
        head: its first 16 bytes.
    """
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return "WAV"
    if head[:4] == b"fLaC":
        return "FLAC"
    if head[:4] == b"OggS":
        return "OGG"
    # ID3v2, or the sync word of a frame of layer III (ISO/IEC 11172-3, 2.4.2.3).
    frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2
    return "MP3" if head[:3] == b"ID3" or frame else None


def is_film(head: bytes) -> bool:
    """Whether it is of the family of MP4 (ISO/IEC 14496-12, 4.3)."""
    return head[4:8] == b"ftyp"


def is_recording(source: ImageSource) -> bool:
    """Whether a source is a recording, or bears the name of one."""
    if isinstance(source, Recording):
        return True
    if isinstance(source, bytes):
        return format_of(source[:16]) is not None
    if not isinstance(source, str | os.PathLike):
        return False
    path = Path(source)
    if path.suffix.lower() in SUFFIXES | _FILMS:
        return True
    try:
        # Looked at before it is opened: opening a named pipe would wait for a writer.
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return format_of(file.read(16)) is not None
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return False
