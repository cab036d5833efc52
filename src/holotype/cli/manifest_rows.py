"""A manifest on its way through a command, which goes on where it was interrupted."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Self

import typer

from holotype.cli.display import say
from holotype.cli.progress import Report, bars
from holotype.datasets.manifest import Entry, Manifest
from holotype.errors import DataError, ImageError
from holotype.files import write_whole
from holotype.gallery import Gallery
from holotype.records import LeftOut

OnRay = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="With --manifest: the workers of a Ray cluster look at the rows. HOST:PORT of its "
        "head, or `local` for workers on this machine.",
    ),
]
_REJECTED = ("row", "label", "problem", "remedy")  # of the rows that were left out


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


@dataclass
class Rows:
    """The rows of a manifest, as they are done: who is left out is told, and places are kept."""

    manifest: Manifest
    gallery: Gallery
    doing: str  # for the eyes of who waits
    report: Report
    rejected: Path  # where those are told that are left out
    note: Path  # where places are kept
    place: Place  # where an earlier run came to
    files: Sequence[BinaryIO]  # of those that are left out; and what else is written
    done: int  # with those of an earlier run, and so the next
    left_out: int

    @classmethod
    @contextmanager
    def of(
        cls,
        manifest: Manifest,
        gallery: Gallery,
        doing: str,
        *,
        rejected: Path,
        note: Path,
        out: tuple[Path, Sequence[str], str] | None = None,
        asked: Mapping[str, Any] | None = None,
    ) -> Iterator[Self]:
        """Go on where an earlier run came to, or begin.

        Args:
            manifest: whose rows.
            gallery: that they are done with.
            doing: what is done to them.
            rejected: the file of those that are left out.
            note: a file that is there until all are done.
            out: one more file that is written: it, its columns, and the option that names it.
            asked: with which options.

        Raises:
            DataError: a file cannot be written.
        """
        place = Place.of(note, manifest.path, gallery, asked)
        wanted = [(rejected, _REJECTED, "--rejected"), *([out] if out else [])]
        with bars() as report, ExitStack() as stack:
            files = [
                stack.enter_context(_table(path, length, columns, option))
                for (path, columns, option), length in zip(wanted, place.lengths, strict=False)
            ]
            yield cls(
                *(manifest, gallery, doing, report, rejected, note, place, files),
                *(place.rows, place.rejected),
            )

    def entries(self) -> Iterator[Entry]:
        """Those that are to be done."""
        return self.manifest.entries(self.place.rows)

    def leave_out(self, one: LeftOut) -> None:
        """Tell one that cannot be done."""
        self.left_out += 1
        self.files[0].write(_csv_line(one.name, one.label, one.problem, one.remedy))

    def after(self, done: int) -> None:
        """So many more are done for good."""
        self.done = self.place.rows + done
        self.place.on(self.done, self.left_out, self.files, self.gallery).keep(self.note)
        self.report(self.doing, self.done, self.manifest.rows, "")

    def write(self, *fields: object) -> None:
        """A row of the other file."""
        self.files[1].write(_csv_line(*fields))

    def finish(self) -> dict[str, Any]:
        """Keep places no longer; returns what is to be said, for JSON."""
        self.note.unlink(missing_ok=True)
        if not self.left_out:
            self.rejected.unlink()
        return {
            "rows": self.done,
            "skipped": self.place.rows,
            "rejected": self.left_out,
            "file": str(self.rejected) if self.left_out else None,
        }

    def say(self, what: str) -> None:
        """What was done, in one line."""
        if self.manifest.ignored:
            say(f"columns that mean nothing here: {', '.join(self.manifest.ignored)}", "yellow")
        before = f", {self.place.rows} of them by an earlier run" if self.place.rows else ""
        say(f"{self.done} rows done{before}: {what}")

    def require_all(self, others: str, verb: str) -> None:
        """End with an error where some were left out.

        Raises:
            ImageError: they were.
        """
        if self.left_out:
            raise ImageError(
                f"{self.left_out} of {self.done} rows were left out, and are named in "
                f"{self.rejected}; all the others are {others}",
                f"Correct them, and {verb} a manifest of those rows",
            )


@contextmanager
def _table(path: Path, length: int, columns: Sequence[str], option: str) -> Iterator[BinaryIO]:
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
            file.write(_csv_line(*columns))
        yield file


def _csv_line(*fields: object) -> bytes:
    """A row in CSV; None is empty."""
    text = io.StringIO()
    csv.writer(text).writerow(fields)
    return text.getvalue().encode("utf-8", "backslashreplace")
