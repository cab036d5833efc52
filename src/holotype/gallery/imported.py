"""A folder that `exported` wrote, taken into a gallery: all of it, or nothing."""

from __future__ import annotations

import hashlib
import json
import math
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import GalleryError, HolotypeError, LabelError
from holotype.gallery import audit, changes
from holotype.gallery.connection import Connection
from holotype.gallery.corrections import as_metadata
from holotype.gallery.enrolled_rows import (
    check_descriptions,
    fresh,
    keeps_pictures,
    label_of,
    other_form,
)
from holotype.gallery.exported import (
    EXAMPLES,
    FORMAT,
    IDENTITIES,
    MANIFEST,
    REVIEWS,
    STRANGER_VECTORS,
    STRANGERS,
    VERSION,
    columns,
)
from holotype.gallery.feedback import ANSWERS
from holotype.gallery.labels import check_label, check_note, check_tags, shown
from holotype.gallery.matrix import as_blobs, checked
from holotype.gallery.schema import Binding, one

_PICTURE = re.compile(r"pictures/[0-9]{1,20}\.[a-z]{1,10}")
_MAX_MANIFEST_BYTES = 2**30
# What reading the content of a file that was tampered with raises.
_SPOILED = (
    *(KeyError, TypeError, ValueError, AttributeError, IndexError, EOFError),
    *(OverflowError, RecursionError, MemoryError),
)
_MOST = 2**63  # no whole number in SQLite reaches it
_AGAIN = "Export the gallery again, or copy the folder again"


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import stored."""

    identities: int  # that were not enrolled before
    examples: int
    pictures: int
    strangers: int  # vectors
    reviews: int
    already: int  # examples that were there before, the very same
    pictures_left: int  # not stored, since this gallery keeps none


@dataclass(frozen=True, slots=True)
class Example:
    """One example as it was exported."""

    row: int
    created: str
    picture: str | None  # its file
    decision: str | None  # the review that it comes of
    description: str | None  # the text that it stands for


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """What a folder holds, checked; the pictures are read when they are stored."""

    folder: Path
    digest: str  # SHA-256 of the manifest
    binding: Binding
    keep_pictures: bool
    files: dict[str, dict[str, Any]] = field(repr=False)
    identities: tuple[tuple[dict[str, Any], tuple[Example, ...]], ...] = field(repr=False)
    vectors: NDArray[np.float32] = field(repr=False)
    reviews: dict[str, tuple[Any, ...]] = field(repr=False)  # rows of `feedback`, by decision
    # batch, class, created, decision
    strangers: tuple[tuple[str, int, str, str | None], ...] = field(repr=False)
    stranger_vectors: NDArray[np.float32] = field(repr=False)

    def content(self, name: str) -> bytes:
        """A file, as the manifest says that it is.

        Raises:
            GalleryError: it is gone, or another.
        """
        return _file(self.folder, name, self.files)


def read(folder: Path) -> Parcel:
    """Look at all of an export before anything is made of it.

    Raises:
        GalleryError: it is none, not whole, altered, or of a newer version.
    """
    try:
        return _read(folder)
    except _SPOILED as error:
        raise GalleryError(
            f"{str(folder)!r} is not as an export is written ({type(error).__name__}: {error})",
            _AGAIN,
        ) from error


def _read(folder: Path) -> Parcel:
    if not folder.is_dir():
        raise GalleryError(
            f"{str(folder)!r} is not a folder", "Name one that `holotype export GALLERY` wrote"
        )
    if not (folder / MANIFEST).is_file():
        raise GalleryError(
            f"{str(folder)!r} has no {MANIFEST}: it is no export of a gallery, or half of one",
            "Name a folder that `holotype export GALLERY` wrote; a folder of pictures is enrolled "
            "with `holotype enroll GALLERY --folder`",
        )
    content = _regular(folder, MANIFEST, _MAX_MANIFEST_BYTES)
    manifest = json.loads(content)
    if manifest["format"] != FORMAT:
        raise GalleryError(f"{str(folder)!r} is no export of a gallery", "Name one")
    if manifest["version"] not in range(1, VERSION + 1):
        raise GalleryError(
            f"{str(folder)!r} is an export of version {manifest['version']}; this holotype knows "
            f"versions up to {VERSION}",
            "Upgrade holotype",
        )
    model, files = manifest["model"], manifest["files"]
    binding = Binding(_text(model["id"]), _text(model["name"]), int(model["embedding_dim"]))
    for name in files:
        _digested(folder, name, files)
    vectors = _vectors(_file(folder, EXAMPLES, files), binding.embedding_dim)
    reviews: dict[str, tuple[Any, ...]] = {}
    if manifest["version"] > 1:
        reviews = dict(map(_review, _lines(_file(folder, REVIEWS, files))))
    identities = tuple(_identities(_file(folder, IDENTITIES, files), files, reviews))
    rows = [example.row for _, examples in identities for example in examples]
    if sorted(rows) != list(range(len(vectors))):
        raise ValueError(f"the examples do not go with the {len(vectors)} rows of {EXAMPLES}")
    strangers: tuple[tuple[str, int, str, str | None], ...] = ()
    own = np.empty((0, binding.embedding_dim), np.float32)
    if STRANGERS in files:
        strangers = tuple(
            (
                _text(row["batch"]),
                _class(row["class_index"]),
                _time(row["created"]),
                _decision(row, reviews),
            )
            for row in _lines(_file(folder, STRANGERS, files))
        )
        own = _vectors(_file(folder, STRANGER_VECTORS, files), binding.embedding_dim)
        if len(own) != len(strangers):
            raise ValueError(f"{STRANGERS} does not go with {STRANGER_VECTORS}")
    return Parcel(
        folder,
        hashlib.sha256(content).hexdigest(),
        binding,
        manifest["keep_pictures"] is True,
        files,
        identities,
        vectors,
        reviews,
        strangers,
        own,
    )


def _identities(
    content: bytes, files: dict[str, Any], reviews: dict[str, tuple[Any, ...]]
) -> Iterator[tuple[dict[str, Any], tuple[Example, ...]]]:
    labels, names = set[str](), set[str]()
    for row in _lines(content):
        examples = tuple(
            Example(
                int(e["row"]), _time(e["created"]), e["picture"], _decision(e, reviews), _words(e)
            )
            for e in row.pop("examples")
        )
        for example in examples:
            name = example.picture
            if name is not None and not (_PICTURE.fullmatch(name) and name in files):
                raise ValueError(f"{name!r} is no picture of it")
        facts = {"uuid": _text(row.pop("id")), **row}
        with _content():
            facts["label"] = check_label(facts["label"])
            _require_facts(facts)
        if not examples or facts["label"] in labels or facts["uuid"] in names:
            raise ValueError(f"{shown(facts['label'])} has no examples, or is there twice")
        labels.add(facts["label"])
        names.add(facts["uuid"])
        yield facts, examples


@contextmanager
def _content() -> Iterator[None]:
    """What a gallery would refuse if somebody gave it, is no content of an export."""
    try:
        yield
    except HolotypeError as error:
        raise ValueError(error.problem) from error


def _require_facts(facts: dict[str, Any]) -> None:
    """Refuse what is noted of an identity in another form than a gallery has it."""
    _time(facts["created"])
    if facts.get("retain_until") is not None:
        date.fromisoformat(facts["retain_until"])
    if facts.get("consent") is not None:
        check_note(facts["consent"], "the consent")
    check_tags(json.loads(facts.get("tags", "[]")))
    as_metadata(json.loads(facts.get("metadata", "{}")))
    for value in facts.values():
        if isinstance(value, str):
            _text(value)
        elif value is not None and not (isinstance(value, int) and -_MOST <= value < _MOST):
            raise ValueError(f"what is noted of {shown(facts['label'])} is neither text nor number")


def store(connection: Connection, parcel: Parcel, actor: str | None) -> Imported:
    """Store all of a parcel, inside the caller's transaction.

    Raises:
        LabelError: a label is enrolled as another identity.
        GalleryError: a picture was altered since it was looked at, or something is noted that
            this version does not know.
    """
    reviews = _reviews(connection, parcel)
    keep = keeps_pictures(connection)
    known = set(columns(connection))
    new = stored = pictures = already = left = 0
    for facts, examples in parcel.identities:
        if unknown := facts.keys() - known:
            raise GalleryError(
                f"{shown(facts['label'])} has {', '.join(sorted(unknown))}, which this version "
                "of holotype does not know",
                "Upgrade holotype",
            )
        identity = _identity(connection, facts)
        rows = parcel.vectors[[example.row for example in examples]]
        unseen = np.ones(len(rows), np.bool_)
        entered = identity is None
        if identity is None:
            new += 1
            identity = one(
                connection,
                f"INSERT INTO identities ({', '.join(facts)})"
                f" VALUES ({', '.join('?' * len(facts))}) RETURNING id",
                *facts.values(),
            )
            changes.added(connection, "identities", identity)
            changes.touch_label(connection, facts["label"])
        else:
            unseen = fresh(connection, facts["label"], rows)
            if unseen.any():
                changes.keep(connection, "identities", identity)
        already += int((~unseen).sum())
        for at in unseen.nonzero()[0].tolist():
            stored += 1
            kept = examples[at].picture is not None and keep
            left += examples[at].picture is not None and not keep
            pictures += kept
            picture = parcel.content(str(examples[at].picture)) if kept else None
            _insert(connection, identity, rows[at : at + 1], examples[at], picture)
        if unseen.any():
            audit.append(
                connection,
                "enroll",
                actor,
                identity=facts["uuid"],
                new=entered,
                examples=int(unseen.sum()),
                model=parcel.binding.model_id,
                export=parcel.digest,
            )
    strangers = _strangers(connection, parcel)
    if new or stored or strangers or reviews:
        audit.append(
            connection,
            "import",
            actor,
            identities=new,
            examples=stored,
            strangers=strangers,
            reviews=reviews,
            export=parcel.digest,
        )
    return Imported(new, stored, pictures, strangers, reviews, already, left)


def _identity(connection: Connection, facts: dict[str, Any]) -> int | None:
    """The row of an identity that is there already."""
    named = other_form(connection, facts["label"])
    row = connection.execute("SELECT id FROM identities WHERE uuid = ?", (facts["uuid"],))
    (same,) = row.fetchone() or (None,)
    if named != same:
        there = shown(label_of(connection, next(one for one in (named, same) if one is not None)))
        raise LabelError(
            f"{shown(facts['label'])} cannot be imported: {there} is enrolled here already, and "
            "is another identity, or the same under another label",
            "Give one of the two another label first, or import into a new gallery",
        )
    return named


def _insert(
    connection: Connection,
    identity: int,
    vector: NDArray[np.float32],
    facts: Example,
    picture: bytes | None,
) -> None:
    (blob,) = as_blobs(vector)
    example = one(
        connection,
        "INSERT INTO examples (identity, vector, created, checksum, decision, description)"
        " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        *(identity, blob, facts.created, zlib.crc32(blob), facts.decision, facts.description),
    )
    changes.added(connection, "examples", example)
    if picture is not None:
        connection.execute(
            "INSERT INTO pictures VALUES (?, ?, ?)", (example, picture, zlib.crc32(picture))
        )


def _reviews(connection: Connection, parcel: Parcel) -> int:
    """Store the reviews that are not there already; how many."""
    there = {row[0] for row in connection.execute("SELECT decision FROM feedback")}
    new = [decision for decision in parcel.reviews if decision not in there]
    for decision in new:
        row = (decision, *parcel.reviews[decision])
        connection.execute(f"INSERT INTO feedback VALUES ({', '.join('?' * len(row))})", row)
    changes.added(connection, "feedback", *new)
    return len(new)


def _strangers(connection: Connection, parcel: Parcel) -> int:
    """Store the strangers of batches that are not there already; how many."""
    there = {row[0] for row in connection.execute("SELECT DISTINCT batch FROM strangers")}
    count = 0
    for (batch, number, created, decision), blob in zip(
        parcel.strangers, as_blobs(parcel.stranger_vectors), strict=True
    ):
        if batch not in there:
            count += 1
            connection.execute(
                "INSERT INTO strangers (batch, class_index, vector, checksum, created, decision)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (batch, number, blob, zlib.crc32(blob), created, decision),
            )
    for batch in {batch for batch, *_ in parcel.strangers} - there:
        changes.added(connection, "strangers", batch)
    if count:
        connection.execute("UPDATE meta SET strangers_version = strangers_version + 1")
    return count


def _file(folder: Path, name: str, files: dict[str, Any]) -> bytes:
    content = _regular(folder, name, int(files[name]["bytes"]))
    if hashlib.sha256(content).hexdigest() != files[name]["sha256"]:
        raise _altered(folder, name)
    return content


def _digested(folder: Path, name: str, files: dict[str, Any]) -> None:
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"{name!r} is no file of it")
    _file(folder, name, files)


def _regular(folder: Path, name: str, most_bytes: int) -> bytes:
    try:
        status = (folder / name).lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > most_bytes:
            raise _altered(folder, name)
        return (folder / name).read_bytes()
    except FileNotFoundError:
        raise GalleryError(
            f"{name} of {str(folder)!r} is missing: half an export is not imported", _AGAIN
        ) from None


def _altered(folder: Path, name: str) -> GalleryError:
    return GalleryError(
        f"{name} of {str(folder)!r} is not what its {MANIFEST} says: it was altered or damaged",
        _AGAIN,
    )


def _lines(content: bytes) -> Iterator[dict[str, Any]]:
    for line in content.decode().splitlines():
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError(f"{line[:40]!r} is no JSON object")
        yield row


def _vectors(content: bytes, dim: int) -> NDArray[np.float32]:
    array = np.load(BytesIO(content), allow_pickle=False)
    if array.dtype.kind != "f" or array.ndim != 2 or array.shape[1] != dim:
        raise ValueError(f"vectors of {array.dtype} {list(array.shape)}, not float32 [M, {dim}]")
    with _content():
        return checked(array, dim) if len(array) else array.astype(np.float32)


def _review(row: dict[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """The id of a decision, and what else the table of reviews holds of it."""
    numbers = [row[name] for name in ("similarity", "threshold", "rate")]
    if (
        not isinstance(row["correct"], bool)
        or row["answer"] not in ANSWERS
        or row["rate_kind"] not in ("fpir", "fmr")
        or not 0 < row["rate"] < 1
        or any(n is not None and not math.isfinite(n) for n in numbers)
    ):
        raise ValueError(f"{row['decision']!r} is no review")
    return _text(row["decision"]), (
        *(_time(row[name]).replace(" ", "T") for name in ("decided", "given")),
        row["correct"],
        row["answer"],
        None if row["identity"] is None else _text(row["identity"]),
        *numbers[:2],
        row["rate_kind"],
        row["rate"],
    )


def _decision(row: dict[str, Any], reviews: dict[str, tuple[Any, ...]]) -> str | None:
    """The review that something comes of; None: of none."""
    decision = row.get("decision")
    if decision is not None and decision not in reviews:
        raise ValueError(f"the review {decision!r} is not there")
    return decision


def _words(row: dict[str, Any]) -> str | None:
    """The text that an example stands for; None: it was shown."""
    description = row.get("description")
    with _content():
        check_descriptions(None if description is None else [description], 1)
    return description


def _class(number: int) -> int:
    if not -_MOST <= number < _MOST:
        raise ValueError(f"{number} is no number of a class")
    return int(number)


def _time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is no text")
    value.encode()  # or it is no Unicode that could be stored
    return value
