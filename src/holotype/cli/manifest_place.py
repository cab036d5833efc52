"""How far a manifest has come, so that the same command goes on where it was interrupted."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from holotype.errors import DataError
from holotype.files import write_whole
from holotype.gallery import Gallery

REJECTED = ("row", "label", "problem", "remedy")  # of the rows that were left out


@dataclass(frozen=True, slots=True)
class Place:
    """How many rows are done, with which gallery; a note of it lies beside what is written."""

    manifest: list[int]  # its size and time
    rows: int = 0  # that are done
    rejected: int = 0  # of them
    lengths: list[int] = field(default_factory=lambda: [0, 0])  # of the files that are written
    end: tuple[int, str] | None = None  # of the audit trail
    asked: Mapping[str, Any] = field(default_factory=dict)  # with which options

    @classmethod
    def of(
        cls, note: Path, manifest: Path, gallery: Gallery, asked: Mapping[str, Any] | None = None
    ) -> Place:
        """Where an earlier run of the same came to.

        If the gallery still goes on from there; and where something was asked of it, if it has not
        changed since.
        """
        facts = manifest.stat()
        new = cls([facts.st_size, facts.st_mtime_ns], asked=asked or {})
        try:
            found = cls(**json.loads(note.read_bytes()))
            if (found.manifest, found.asked) == (new.manifest, new.asked) and found.end:
                number, line = found.end
                (noted, *later) = gallery.audit(number - 1)
                if noted.hash == line and not (asked and later):
                    return found
        except (OSError, ValueError, TypeError):  # none, or none of ours, or of another gallery
            pass
        return new

    def on(self, rows: int, rejected: int, files: Sequence[BinaryIO], gallery: Gallery) -> Place:
        """Where it is now, when all that was written to the files is on the disk."""
        for file in files:
            file.flush()
            os.fsync(file.fileno())
        lengths = [file.tell() for file in files]
        return Place(self.manifest, rows, rejected, lengths, gallery.last_line(), self.asked)

    def keep(self, note: Path) -> None:
        """Write it down."""
        write_whole(note, json.dumps(asdict(self)).encode())


@contextmanager
def table(path: Path, length: int, columns: Sequence[str], option: str) -> Iterator[BinaryIO]:
    """A file in CSV, for its owner alone, from an earlier run's end on.

    Raises:
        DataError: it cannot be written; names the option by which to name another.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {error.strerror}", f"Name another file with {option}"
        ) from error
    with os.fdopen(descriptor, "r+b") as file:
        file.truncate(length)
        file.seek(length)
        if not length:
            file.write(csv_line(*columns))
        yield file


def csv_line(*fields: object) -> bytes:
    """A row in CSV; None is empty."""
    text = io.StringIO()
    csv.writer(text).writerow(fields)
    return text.getvalue().encode("utf-8", "backslashreplace")
