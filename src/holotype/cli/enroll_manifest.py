"""Filling a gallery from a manifest: a table with a row for each example."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import holotype
from holotype import recognizer as services
from holotype.cli.default_pack import fitting_model
from holotype.cli.display import print_json, say
from holotype.cli.enroll_folder import added_to, made, say_warnings
from holotype.cli.progress import bars
from holotype.datasets.manifest import Manifest
from holotype.errors import DataError, ImageError
from holotype.files import write_whole
from holotype.gallery import Gallery, exists
from holotype.records import LeftOut

_COLUMNS = ("row", "label", "problem", "remedy")


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a manifest has been enrolled, into which gallery."""

    manifest: list[int]  # its size and time
    rows: int  # that are done
    rejected: int  # of them
    length: int  # of the file that names those
    end: tuple[int, str] | None  # of the audit trail


def enroll_manifest(
    gallery: str,
    path: Path,
    *,
    rejected: Path | None,
    model: str | None,
    keep_pictures: bool | None,
    asking: bool,
    anyway: bool,
    as_json: bool,
) -> None:
    """Enroll each row that can be, and write the others to a file; see the command `enroll`.

    Beside that file lies one more while this runs, which says how far it has come.

    Raises:
        DataError: the manifest cannot be read.
        ImageError: rows were left out, and all the others are stored.
    """
    manifest = Manifest.open(path)
    if next(manifest.entries(), None) is None:
        raise DataError(f"{path} has no rows", "Give it one for each example")
    rejected = rejected or path.with_name(f"{path.name}.rejected.csv")
    note = rejected.with_name(f"{rejected.name}.progress")
    there = exists(gallery)
    dim = None
    if not there and model is None:
        model, dim = _usual_model(manifest, asking, anyway)
    with (
        bars() as report,
        holotype.open(gallery, model, dim=dim, keep_pictures=bool(keep_pictures)) as recognizer,
    ):
        if there and keep_pictures not in (None, recognizer.gallery.keep_pictures):
            recognizer.gallery.set_keep_pictures(bool(keep_pictures))
        place = _place(note, path, recognizer.gallery)
        with _open(rejected, place.length) as out:
            left_out = place.rejected

            def leave_out(one: LeftOut) -> None:
                nonlocal left_out
                left_out += 1
                out.write(_line(one.name, one.label, one.problem, one.remedy))

            def after(done: int) -> None:
                nonlocal place
                out.flush()
                os.fsync(out.fileno())
                rows = skipped + done
                end = recognizer.gallery.last_line()
                place = _Place(place.manifest, rows, left_out, out.tell(), end)
                write_whole(note, json.dumps(asdict(place)).encode())
                report("enrolling", rows, manifest.rows, "")

            skipped = place.rows
            found = services.enroll_entries(
                recognizer,
                manifest.entries(skipped),
                left_out=leave_out,
                anyway=anyway,
                after=after,
            )
    rows = skipped + found.pictures
    note.unlink(missing_ok=True)
    if not left_out:
        rejected.unlink()
    if as_json:
        document: dict[str, Any] = {**asdict(found), "rows": rows, "skipped": skipped}
        del document["left_out"], document["pictures"]
        print_json({**document, "rejected": left_out, "file": str(rejected) if left_out else None})
    else:
        if not there:
            say(made(gallery), style="dim")
        if manifest.ignored:
            say(f"columns that mean nothing here: {', '.join(manifest.ignored)}", "yellow")
        say_warnings(found)
        before = f", {skipped} of them by an earlier run" if skipped else ""
        say(f"{rows} rows done{before}: {found.added} examples added, {added_to(found)}")
    if left_out:
        raise ImageError(
            f"{left_out} of {rows} rows were left out, and are named in {rejected}; all the others "
            "are stored",
            "Correct them, and enroll a manifest of those rows",
        )


def _usual_model(manifest: Manifest, asking: bool, anyway: bool) -> tuple[str | None, int | None]:
    """A model, or the length of bare vectors, by the first row that can be read."""
    for entry in manifest.entries():
        if entry.vector is not None:
            return None, len(entry.vector)
        if isinstance(entry.item, Path) and not anyway:
            try:
                return fitting_model([entry.item], asking), None
            except ImageError:
                continue
        elif entry.item is not None:
            break
    return None, None


def _place(note: Path, manifest: Path, gallery: Gallery) -> _Place:
    """Where an earlier run of the same came to, if the gallery still goes on from there."""
    facts = manifest.stat()
    same = [facts.st_size, facts.st_mtime_ns]
    try:
        found = _Place(**json.loads(note.read_bytes()))
        if found.manifest == same and found.end:
            number, line = found.end
            (noted, *_) = gallery.audit(number - 1)
            if noted.hash == line:
                return found
    except (OSError, ValueError, TypeError):  # none, or none of ours, or of another gallery
        pass
    return _Place(same, 0, 0, 0, None)


@contextmanager
def _open(path: Path, length: int) -> Iterator[BinaryIO]:
    """The file of rows that were left out, for its owner alone, from an earlier run's end on."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DataError(
            f"{path}, for the rows that are left out, cannot be written: {error.strerror}",
            "Name another file with --rejected",
        ) from error
    with os.fdopen(descriptor, "r+b") as file:
        file.truncate(length)
        file.seek(length)
        if not length:
            file.write(_line(*_COLUMNS))
        yield file


def _line(*fields: str) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(fields)
    return text.getvalue().encode("utf-8", "backslashreplace")
