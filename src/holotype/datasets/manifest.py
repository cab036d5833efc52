"""A manifest: what is to be enrolled or identified, a row for each, in CSV, JSON lines or Parquet.

A row has either the `path` of a file (as seen from the manifest's folder), a `vector`, or, in
Parquet, the `bytes` of a file. What is to be enrolled has a `label` as well, and may have `tags`,
`consent` and `retain_until`. Rows are read as they are needed, however many there are. One that
cannot be read comes with the reason, and spoils no other.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import DataError, MissingExtraError
from holotype.extras import install
from holotype.image.decode import ImageSource

COLUMNS = ("label", "path", "vector", "bytes", "tags", "consent", "retain_until")
_EXAMPLE = ("path", "vector", "bytes")  # of which a row has one
_FIELD_BYTES = 2**24  # of one field in CSV: a vector is long
_ROWS = 1024  # of Parquet that are read at once

# The fields of a row as the file has them, or why they cannot be read.
_Fields = Mapping[str, Any] | str


@dataclass(frozen=True, slots=True)
class Entry:
    """One example that is to be enrolled, and on which terms; or what is to be identified."""

    name: str  # as messages have it
    label: str
    item: ImageSource | None = field(default=None, repr=False)  # a picture, recording or text
    vector: NDArray[Any] | None = field(default=None, repr=False)  # float [D], in place of it
    consent: str | None = None
    retain_until: date | None = None
    tags: tuple[str, ...] = ()
    problem: str = ""  # why it cannot be enrolled, and what helps
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A file whose rows can be read one after the other, also from the middle."""

    path: Path
    ignored: tuple[str, ...]  # columns that mean nothing here
    rows: int | None  # None: nobody knows before they are read
    labeled: bool
    _read: Callable[[], Iterator[_Fields]]

    @classmethod
    def open(cls, path: Path, labeled: bool = True) -> Manifest:
        """Look at a manifest.

        Args:
            path: ends with .csv, .jsonl or .parquet.
            labeled: whether it says whom each row shows; otherwise only what is shown is read.

        Raises:
            DataError: it cannot be read, or lacks labels or examples.
            MissingExtraError: it is Parquet, and pyarrow is not installed.
        """
        kinds = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}
        if path.suffix.lower() not in kinds:
            raise DataError(
                f"{path} is not called .csv, .jsonl or .parquet",
                "Write the manifest in one of these forms, and name it so",
            )
        try:
            columns, rows, read = kinds[path.suffix.lower()](path)
        except OSError as error:
            raise DataError(
                f"{path} cannot be read: {error.strerror or error}", "Check the path"
            ) from error
        lacks = labeled and "label" not in (columns or ("label",))
        if lacks or (columns is not None and not {*_EXAMPLE} & {*columns}):
            raise DataError(
                f"{path} has the columns {', '.join(columns or ()) or '(none)'}; a manifest has "
                f"{'label, and ' if labeled else ''}path, vector or bytes",
                "Add what is missing; in CSV the first line names the columns",
            )
        known = COLUMNS if labeled else _EXAMPLE
        ignored = tuple(column for column in columns or () if column not in known)
        return cls(path, ignored, rows, labeled, read)

    def entries(self, skip: int = 0) -> Iterator[Entry]:
        """Its rows from one on.

        Raises:
            DataError: the file itself breaks off, or is none of its kind.
        """
        for number, fields in enumerate(self._read(), start=1):
            if number > skip:
                yield self._entry(f"row {number}", fields)

    def _entry(self, name: str, fields: _Fields) -> Entry:
        if isinstance(fields, str):
            return Entry(name, "", problem=fields, remedy="Correct the row")
        given = {key: value for key, value in fields.items() if value not in (None, "", [])}
        label = given.get("label")
        problem, remedy = "", ""
        if not self.labeled:
            label = ""
            given = {key: value for key, value in given.items() if key in _EXAMPLE}
        if not isinstance(label, str):
            problem, remedy = "it has no label", "Name whom it shows"
            label = "" if label is None else str(label)
        elif _broken(given):
            problem, remedy = "it is not UTF-8", "Save the file as UTF-8"
        if not problem:
            try:
                return self._read_entry(name, label, given)
            except DataError as error:
                problem, remedy = error.problem, error.remedy
        return Entry(name, label, problem=problem, remedy=remedy)

    def _read_entry(self, name: str, label: str, given: Mapping[str, Any]) -> Entry:
        """Raises DataError, which says why not."""
        examples = [column for column in _EXAMPLE if column in given]
        if len(examples) != 1:
            found = " and ".join(examples) or "none of them"
            raise DataError(f"it has {found}", "Give it one: a path, a vector, or bytes")
        item: ImageSource | None = None
        vector = None
        if examples == ["path"]:
            if not isinstance(given["path"], str):
                raise DataError(f"its path is {given['path']!r}", "Give it the path of a file")
            item = self.path.parent / given["path"]
        elif examples == ["bytes"]:
            if not isinstance(given["bytes"], bytes):
                raise DataError("its bytes are text", "Give it a path, or write Parquet")
            item = given["bytes"]
        else:
            vector = _vector(given["vector"])
        consent = given.get("consent")
        if not isinstance(consent, str | None):
            raise DataError(f"its consent is {consent!r}", "Give it a text")
        return Entry(
            name, label, item, vector, consent, _day(given.get("retain_until")), _tags(given)
        )


def _broken(given: Mapping[str, Any]) -> bool:
    return any(
        isinstance(value, str) and any("\udc80" <= one <= "\udcff" for one in value)
        for value in given.values()
    )


def _vector(value: Any) -> NDArray[Any]:
    """Whether it fits the gallery is for the gallery to say."""
    try:
        found = np.asarray(json.loads(value) if isinstance(value, str) else value)
    except ValueError:
        found = np.empty(0, object)
    if found.ndim != 1 or found.dtype.kind not in "fi":
        raise DataError("its vector is no list of numbers", "Write it as [0.1, 0.2, ...]")
    return found.astype(np.float64)


def _day(value: Any) -> date | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        value = value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise DataError(
            f"its retain_until is {value!r}", "Write the day as YEAR-MONTH-DAY"
        ) from None


def _tags(given: Mapping[str, Any]) -> tuple[str, ...]:
    tags = given.get("tags", ())
    if isinstance(tags, str):
        tags = [tag.strip() for tag in tags.split(";")]
    if not isinstance(tags, list | tuple) or not all(isinstance(tag, str) for tag in tags):
        raise DataError(f"its tags are {tags!r}", "Write them as texts, in CSV with ; between")
    return tuple(tag for tag in tags if tag)


# -- the three forms: columns (None: each row has its own), rows, and how they are read ------------

_Form = tuple[tuple[str, ...] | None, int | None, Callable[[], Iterator[_Fields]]]


def _csv(path: Path) -> _Form:
    csv.field_size_limit(_FIELD_BYTES)

    def lines() -> Iterator[list[str]]:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, strict=True)
            try:
                yield from (line for line in reader if line)
            except csv.Error as error:
                raise DataError(
                    f"{path} is no CSV from line {reader.line_num} on: {error}",
                    "Look for a quotation mark that is not closed",
                ) from error

    def read() -> Iterator[_Fields]:
        found = lines()
        next(found, None)
        for line in found:
            if len(line) == len(columns):
                yield dict(zip(columns, line, strict=True))
            else:
                yield f"it has {len(line)} fields, and the first line {len(columns)}"

    columns = tuple(name.strip() for name in next(lines(), ()))
    twice = {name for name in columns if columns.count(name) > 1}
    if twice:
        raise DataError(f"{path} has two columns {min(twice)!r}", "Leave one of them out")
    return columns, None, read


def _json_lines(path: Path) -> _Form:
    def read() -> Iterator[_Fields]:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            for line in file:
                if not line.strip():
                    continue
                try:
                    found = json.loads(line)
                except ValueError as error:
                    yield f"it is no JSON: {error}"
                    continue
                unknown = sorted({*found} - {*COLUMNS}) if isinstance(found, dict) else []
                if not isinstance(found, dict):
                    yield "it is no JSON object"
                elif unknown:  # no first line says once and for all what is ignored
                    yield f"it has {unknown[0]!r}, which means nothing here"
                else:
                    yield found

    path.open("rb").close()
    return None, None, read


def _parquet(path: Path) -> _Form:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(
            "a manifest in Parquet needs pyarrow, which is not installed", install("parquet")
        ) from error

    def opened() -> pyarrow.parquet.ParquetFile:
        try:
            return pyarrow.parquet.ParquetFile(path)
        except pyarrow.ArrowInvalid as error:
            raise DataError(f"{path} is no Parquet: {error}", "Write it anew") from error

    def read() -> Iterator[_Fields]:
        with opened() as file:
            wanted = [column for column in columns if column in COLUMNS]
            try:
                for batch in file.iter_batches(_ROWS, columns=wanted):
                    yield from batch.to_pylist()
            except (pyarrow.ArrowInvalid, OSError) as error:
                raise DataError(f"{path} breaks off: {error}", "Write it anew") from error

    with opened() as file:
        columns, rows = tuple(file.schema_arrow.names), file.metadata.num_rows
    return columns, rows, read
