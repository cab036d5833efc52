"""Filling a gallery from a manifest: a table with a row for each example."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import holotype
from holotype import recognizer as services
from holotype.cli.default_pack import fitting_model
from holotype.cli.display import print_json, say
from holotype.cli.enroll_folder import added_to, made, say_warnings
from holotype.cli.manifest_rows import Rows
from holotype.datasets.manifest import Manifest
from holotype.errors import DataError, ImageError
from holotype.gallery import exists
from holotype.recognizer.cluster import workers_at


def enroll_manifest(
    gallery: str,
    path: Path,
    *,
    rejected: Path | None,
    model: str | None,
    ray: str | None,
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
        ProviderError: there is no such cluster, or its workers cannot do it.
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
        holotype.open(gallery, model, dim=dim, keep_pictures=bool(keep_pictures)) as recognizer,
        workers_at(ray) as workers,
    ):
        if there and keep_pictures not in (None, recognizer.gallery.keep_pictures):
            recognizer.gallery.set_keep_pictures(bool(keep_pictures))
        with Rows.of(
            manifest, recognizer.gallery, "enrolling", rejected=rejected, note=note
        ) as rows:
            found = services.enroll_entries(
                recognizer,
                rows.entries(),
                left_out=rows.leave_out,
                anyway=anyway,
                after=rows.after,
                workers=workers,
            )
    document = rows.finish()
    if as_json:
        about = asdict(found)
        del about["left_out"], about["pictures"]
        print_json({**about, **document})
    else:
        if not there:
            say(made(gallery), style="dim")
        say_warnings(found)
        rows.say(f"{found.added} examples added, {added_to(found)}")
    rows.require_all("stored", "enroll")


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
