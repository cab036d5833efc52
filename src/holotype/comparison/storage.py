"""Files of a comparison: each is there whole or not at all, however the process ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from holotype.errors import DataError
from holotype.files import write_whole


def write(path: Path, text: str) -> None:
    """Replace a file at once, and its folder where that is missing.

    Raises:
        DataError: it cannot be written; the old content stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except OSError as error:
        raise DataError(
            f"'{path}' cannot be written ({error.strerror})",
            "Make room or permission for it, then start the same comparison again",
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file at once."""
    write(path, json.dumps(value, indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """What `write_json` wrote; None where there is no file.

    Raises:
        DataError: the file holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DataError(
            f"'{path}' cannot be read ({type(error).__name__})", "Remove it and start again"
        ) from error
    if not isinstance(value, dict):
        raise DataError(f"'{path}' is no part of a comparison", "Remove it and start again")
    return value
