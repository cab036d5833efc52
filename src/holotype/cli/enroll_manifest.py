"""Filling a gallery from a manifest: a table with a row for each example."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import holotype
from holotype import recognizer as services
from holotype.cli.default_pack import fitting_model
from holotype.cli.display import print_json, say
from holotype.cli.enroll_folder import added_to, made, say_warnings
from holotype.cli.manifest_place import REJECTED, Place, csv_line, table
from holotype.cli.progress import bars
from holotype.datasets.manifest import Manifest
from holotype.errors import DataError, ImageError
from holotype.gallery import exists
from holotype.records import LeftOut


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
        place = Place.of(note, path, recognizer.gallery)
        skipped, left_out = place.rows, place.rejected
        with table(rejected, place.lengths[0], REJECTED, "--rejected") as out:

            def leave_out(one: LeftOut) -> None:
                nonlocal left_out
                left_out += 1
                out.write(csv_line(one.name, one.label, one.problem, one.remedy))

            def after(done: int) -> None:
                rows = skipped + done
                place.on(rows, left_out, [out], recognizer.gallery).keep(note)
                report("enrolling", rows, manifest.rows, "")

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
