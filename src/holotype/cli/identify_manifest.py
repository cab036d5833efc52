"""Answering for each row of a manifest, into a table."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import holotype
from holotype import recognizer as services
from holotype.cli.display import print_json
from holotype.cli.manifest_rows import Rows
from holotype.datasets.manifest import Entry, Manifest
from holotype.errors import DataError, MissingExtraError
from holotype.extras import install
from holotype.recognizer.cluster import workers_at
from holotype.records import Decision

# What stands in each column of the answers.
ANSWERS: dict[str, type] = {
    "row": int,
    "path": str,
    "answer": str,
    "label": str,
    "nearest": str,
    "similarity": float,
    "threshold": float,
    "margin": float,
    "probability": float,
    "basis": str,
    "reasons": str,
    "id": str,
}
_ROWS = 4096  # of Parquet that are written at once


def identify_manifest(
    gallery: str,
    path: Path,
    *,
    answers: Path | None,
    rejected: Path | None,
    model: str | None,
    ray: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Answer for each row that can be read, and write the others to a file; see `identify`.

    Beside these files lies one more while this runs, which says how far it has come. Where the
    gallery has changed since, an interrupted run begins anew.

    Raises:
        DataError: the manifest cannot be read, or there are answers already.
        ImageError: rows were left out, and all the others are answered.
        ProviderError: there is no such cluster, or its workers cannot do it.
    """
    manifest = Manifest.open(path, labeled=False)
    answers = answers or path.with_name(f"{path.name}.answers.csv")
    rejected = rejected or path.with_name(f"{path.name}.rejected.csv")
    _check(answers)
    part = answers.with_name(f"{answers.name}.part")
    note = answers.with_name(f"{answers.name}.progress")
    with (
        holotype.open(gallery, model, create=False) as recognizer,
        workers_at(ray) as workers,
        Rows.of(
            manifest,
            recognizer.gallery,
            "identifying",
            rejected=rejected,
            note=note,
            out=(part, [*ANSWERS], "--answers"),
            asked=asked,
        ) as rows,
    ):
        services.identify_entries(
            recognizer,
            rows.entries(),
            answered=lambda entry, decision: rows.write(*_row(entry, decision)),
            left_out=rows.leave_out,
            after=rows.after,
            workers=workers,
            **asked,
        )
    found = Counter(row[2] for row in _written(part))
    if answers.suffix.lower() == ".parquet":
        _to_parquet(part, answers)
    else:
        part.replace(answers)
    document = rows.finish()
    counts = {answer: found[answer] for answer in ("match", "unknown", "cannot_tell")}
    if as_json:
        print_json({**document, **counts, "answers": str(answers)})
    else:
        told = ", ".join(f"{count} {answer.replace('_', ' ')}" for answer, count in counts.items())
        rows.say(f"{told}. Written: {answers}")
    rows.require_all(f"answered in {answers}", "identify")


def _check(answers: Path) -> None:
    """Refuse a file of answers that cannot be written, before all the work."""
    if answers.suffix.lower() not in (".csv", ".parquet"):
        raise DataError(
            f"{answers} is not called .csv or .parquet", "Name a file that ends with one of these"
        )
    if os.path.lexists(answers):
        raise DataError(
            f"there are answers in {answers} already", "Name another file with --answers"
        )
    if answers.suffix.lower() == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401 (only whether it is there)
        except ImportError as error:
            raise MissingExtraError(
                "answers in Parquet need pyarrow, which is not installed", install("parquet")
            ) from error


def _row(entry: Entry, decision: Decision) -> tuple[object, ...]:
    """As `ANSWERS` has it."""
    nearest = decision.candidates[0].label if decision.candidates else None
    return (
        entry.name.removeprefix("row "),
        entry.item if isinstance(entry.item, Path) else None,
        decision.answer,
        decision.label,
        nearest,
        decision.similarity,
        decision.threshold,
        decision.margin,
        decision.probability,
        None if decision.basis is None else decision.basis.known,
        " ".join(reason.code for reason in decision.reasons),
        decision.id,
    )


def _written(part: Path) -> Iterator[list[str]]:
    with part.open(encoding="utf-8", newline="") as file:
        yield from islice(csv.reader(file), 1, None)


def _to_parquet(part: Path, answers: Path) -> None:
    """Write the answers anew with their types, and drop the other file."""
    import pyarrow
    import pyarrow.parquet

    kinds = {int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string()}
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in ANSWERS.items()])
    draft = answers.with_name(f"{answers.name}.draft")
    rows = _written(part)
    draft.touch(0o600)
    with pyarrow.parquet.ParquetWriter(draft, schema) as writer:
        while some := list(islice(rows, _ROWS)):
            columns = [
                [None if value == "" else kind(value) for value in column]
                for kind, column in zip(ANSWERS.values(), zip(*some, strict=True), strict=True)
            ]
            writer.write_table(pyarrow.table(columns, schema=schema))
    draft.replace(answers)
    part.unlink()
