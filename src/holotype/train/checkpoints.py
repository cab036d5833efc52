"""Files that are there whole or not at all, and the state of a run in one of them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import torch

from holotype.errors import TrainingError
from holotype.files import write_whole

CHECKPOINT = "checkpoint.pt"
WEIGHTS = "method.pt"


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file at once: a reader, or a crash, finds the old content or the new.

    Raises:
        TrainingError: the file cannot be written; the old content stays.
    """
    try:
        write_whole(path, data)
    except OSError as error:
        raise TrainingError(
            f"{path} cannot be written ({error.strerror})",
            "Make room or permission for it, then resume the run",
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file at once."""
    write_bytes(path, (json.dumps(value, indent=1) + "\n").encode())


def write_tensors(path: Path, value: dict[str, Any]) -> None:
    """Replace a file of tensors and plain values at once."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    write_bytes(path, buffer.getvalue())


def read_tensors(path: Path) -> dict[str, Any]:
    """What `write_tensors` wrote; nothing in the file is executed.

    Raises:
        TrainingError: the file is missing, truncated, or holds something else.
    """
    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise TrainingError(f"{path} is not there", "Train to the end of the run first") from None
    except Exception as error:  # torch raises a dozen kinds for a damaged file
        raise TrainingError(
            f"{path} cannot be read ({type(error).__name__})",
            "The file is damaged: restore it, or start a new run",
        ) from error
    if not isinstance(value, dict):
        raise TrainingError(f"{path} holds no training state", "Start a new run")
    return value
