"""Files that are there whole or not at all, whenever somebody looks or the machine stops."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import IO


def create(path: Path, *, private: bool) -> IO[bytes]:
    """Open a new file to be written.

    Args:
        path: of the file; its folder is there.
        private: whether nobody but its owner may read it, from the first byte.

    Raises:
        OSError: there is a file, or it cannot be made.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600 if private else 0o666), "wb")


def write_whole(path: Path, content: bytes, *, private: bool = False) -> None:
    """Replace a file at once, and durably; an old one stays until the new one is complete.

    Args:
        path: of the file; its folder is there.
        content: all of it.
        private: whether nobody but its owner may read it.

    Raises:
        OSError: it cannot be written; its name is the caller's, not that of the draft.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with create(draft, private=private) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        if os.name == "posix":  # the name, too, outlasts a crash
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from error
    finally:
        draft.unlink(missing_ok=True)
