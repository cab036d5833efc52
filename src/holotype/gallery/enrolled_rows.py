"""The rows of the enrolled: identities, their examples, and the pictures that are kept."""

from __future__ import annotations

import json
import unicodedata
import uuid
import zlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from holotype.errors import GalleryError, LabelError
from holotype.gallery import audit, changes, erasure
from holotype.gallery.connection import Connection
from holotype.gallery.labels import check_note, check_tags, shown
from holotype.gallery.matrix import as_blobs, repeated
from holotype.gallery.records import IdentityRecord
from holotype.gallery.schema import one, read_binding, schema_version

_FLOAT32_BYTES = 4
MAX_DESCRIPTION = 10_000  # characters


def terms(consent: str | None, retain_until: date | None) -> tuple[str | None, str | None]:
    """Consent and retention date as they are stored.

    Raises:
        GalleryError: the note cannot be stored, or the date is none or has passed.
    """
    if consent is not None:
        check_note(consent, "the consent")
    if retain_until is None:
        return consent, None
    if not isinstance(retain_until, date) or isinstance(retain_until, datetime):
        raise GalleryError(f"retain_until is {retain_until!r}; it is a date", "Pass a date")
    if retain_until < today():
        raise GalleryError(
            f"the retention date {retain_until} has passed; it is the last day on which the "
            "identity may be kept",
            "Name a later day, or do not enroll",
        )
    return consent, retain_until.isoformat()


def check_descriptions(descriptions: Sequence[str] | None, examples: int) -> None:
    """Refuse what is not one text for each example."""
    if descriptions is None:
        return
    if len(descriptions) != examples:
        raise GalleryError(
            f"{len(descriptions)} descriptions do not go with {examples} examples",
            "Pass a list with one text for each example",
        )
    for text in descriptions:
        if not isinstance(text, str) or not text or len(text) > MAX_DESCRIPTION:
            raise GalleryError(
                f"a description is a text of up to {MAX_DESCRIPTION:,} characters; this one is "
                f"{len(text) if isinstance(text, str) else type(text)}",
                "Pass the sentence that was embedded",
            )


def check_pictures(pictures: Sequence[bytes] | None, examples: int) -> None:
    """Refuse what is not one encoded picture for each example."""
    if pictures is None:
        return
    if len(pictures) != examples:
        raise GalleryError(
            f"{len(pictures)} pictures do not go with {examples} examples",
            "Pass a list with one encoded picture for each example",
        )
    for picture in pictures:
        if not isinstance(picture, bytes) or not picture:
            raise GalleryError(
                f"a picture is bytes; this one is {'empty' if picture == b'' else type(picture)}",
                "Pass the content of an image file",
            )


def find(connection: Connection, label: str, place: str) -> int:
    """The row of the identity with that label."""
    identity = _find(connection, label)
    if identity is None:
        raise LabelError(
            f"the label {shown(label)} is not enrolled in {place!r}",
            "Look at the enrolled labels with list",
        )
    return identity[0]


def _find(connection: Connection, label: str) -> tuple[int, str] | None:
    row = connection.execute("SELECT id, uuid FROM identities WHERE label = ?", (label,)).fetchone()
    if row is None and not label.isascii():
        for identity in _other_forms(connection).get(label, ()):
            row = (
                row
                or connection.execute(  # none: it is gone since
                    "SELECT id, uuid FROM identities WHERE id = ?", (identity,)
                ).fetchone()
            )
    return None if row is None else (int(row[0]), str(row[1]))


def _other_forms(connection: Connection) -> dict[str, list[int]]:
    """The identities whose label is stored in another Unicode form than NFC, by that form.

    Earlier versions stored a label as it was written. No change brings in such a one, so they are
    looked for once in each.
    """
    if connection.other_forms is None:
        connection.other_forms = {}
        for identity, label in connection.execute(
            "SELECT id, label FROM identities WHERE label GLOB '*[^ -~]*' ORDER BY id"
        ):
            if not unicodedata.is_normalized("NFC", label):
                composed = unicodedata.normalize("NFC", label)
                connection.other_forms.setdefault(composed, []).append(identity)
    return connection.other_forms


def other_form(connection: Connection, label: str) -> int | None:
    """An identity with that label in whatever Unicode form."""
    found = _find(connection, label)
    return None if found is None else found[0]


def fresh(connection: Connection, label: str, vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the vectors [B, D] are of pictures that the label does not have yet: bool [B]."""
    found = _find(connection, label)
    rows: Iterable[tuple[object]] = ()
    if found is not None:
        rows = connection.execute("SELECT vector FROM examples WHERE identity = ?", found[:1])
    size = _FLOAT32_BYTES * vectors.shape[1]  # a damaged one is for `check` to name
    blobs = [blob for (blob,) in rows if isinstance(blob, bytes) and len(blob) == size]
    earlier = np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), vectors.shape[1])
    return ~repeated(earlier.astype(np.float32, copy=False), vectors)


def add(
    connection: Connection,
    label: str,
    vectors: NDArray[np.float32],
    conditions: tuple[str | None, str | None],
    pictures: Sequence[bytes] | None,
    decision: str | None,
    actor: str | None,
    tags: Sequence[str] = (),
    descriptions: Sequence[str] | None = None,
) -> int:
    """Store examples, inside the caller's transaction; the number that the label has now."""
    at = audit.now()
    created = at.isoformat(timespec="seconds")
    found = _find(connection, label)
    if found is None:
        identity, name = new_identity(connection, label, at)
    else:
        identity, name = found
        if conditions[1] is None:
            require_kept(connection, identity, label)
        if not len(vectors) and conditions == (None, None) and not tags:  # nothing changes
            return one(connection, "SELECT COUNT(*) FROM examples WHERE identity = ?", identity)
        changes.keep(connection, "identities", identity)
    consent, retain_until = conditions
    if consent is not None or retain_until is not None:
        connection.execute(
            "UPDATE identities SET consent = COALESCE(?, consent),"
            " retain_until = COALESCE(?, retain_until) WHERE id = ?",
            (consent, retain_until, identity),
        )
    if tags:
        add_tags(connection, identity, tags)
    kept = pictures if pictures and keeps_pictures(connection) else [None] * len(vectors)
    told: Sequence[str | None] = descriptions or [None] * len(vectors)
    stored = [
        one(
            connection,
            "INSERT INTO examples (identity, vector, created, checksum, decision, description)"
            " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            *(identity, blob, created, zlib.crc32(blob), decision, description),
        )
        for blob, description in zip(as_blobs(vectors), told, strict=True)
    ]
    changes.added(connection, "examples", *stored)
    given = [
        (example, picture, zlib.crc32(picture))
        for example, picture in zip(stored, kept, strict=True)
        if picture is not None
    ]
    if given:
        connection.executemany("INSERT INTO pictures VALUES (?, ?, ?)", given)
    facts = {} if decision is None else {"decision": decision}
    audit.append(
        connection,
        "enroll",
        actor,
        at=at,
        identity=name,
        new=found is None,
        examples=len(vectors),
        pictures=sum(picture is not None for picture in kept),
        model=read_binding(connection).model_id,
        **facts,
    )
    if found is None:
        return len(vectors)
    return one(connection, "SELECT COUNT(*) FROM examples WHERE identity = ?", identity)


def new_identity(connection: Connection, label: str, at: datetime) -> tuple[int, str]:
    """The row of a new identity, still without examples, and its random id."""
    name = str(uuid.uuid4())
    identity = one(
        connection,
        "INSERT INTO identities (uuid, label, created) VALUES (?, ?, ?) RETURNING id",
        *(name, label, at.isoformat(timespec="seconds")),
    )
    changes.added(connection, "identities", identity)
    changes.touch_label(connection, label)
    return identity, name


def label_of(connection: Connection, identity: int) -> str:
    """The label as it is stored."""
    (label,) = connection.execute(
        "SELECT label FROM identities WHERE id = ?", (identity,)
    ).fetchone()
    return str(label)


def label_by_name(connection: Connection, name: str | None) -> str:
    """The label of the identity with that random id.

    Raises:
        GalleryError: it is not enrolled, or not any more.
    """
    row = connection.execute("SELECT label FROM identities WHERE uuid = ?", (name,)).fetchone()
    if row is None:
        raise GalleryError(
            "whose example it would be is not enrolled any more", "Look at the enrolled with list"
        )
    return str(row[0])


def add_tags(connection: Connection, identity: int, tags: Sequence[str]) -> None:
    """Add tags to those that an identity has, each once, in their order."""
    set_tags(connection, identity, [*tags_of(connection, identity), *tags])


def tags_of(connection: Connection, identity: int) -> list[str]:
    """The tags of an identity."""
    (tags,) = connection.execute("SELECT tags FROM identities WHERE id = ?", (identity,)).fetchone()
    found: list[str] = json.loads(tags)
    return found


def set_tags(connection: Connection, identity: int, tags: Sequence[str]) -> int:
    """Replace the tags of an identity, which may have been read; the number that it has."""
    once = check_tags(dict.fromkeys(tags))
    connection.execute("UPDATE identities SET tags = ? WHERE id = ?", (json.dumps(once), identity))
    corrected(connection)
    return len(once)


def corrected(connection: Connection) -> None:
    """Tell whoever has the gallery open to look again at rows that it has read."""
    connection.execute("UPDATE meta SET corrections = corrections + 1")


def require_kept(connection: Connection, identity: int, label: str) -> None:
    """Refuse to do anything more with somebody whose last day has passed."""
    (until,) = connection.execute(
        "SELECT retain_until FROM identities WHERE id = ?", (identity,)
    ).fetchone()
    if until is not None and until < today().isoformat():
        raise GalleryError(
            f"{shown(label)} could be kept until {until}, which has passed",
            "Name a later day (`--retain-until`), or erase who may not be kept with expire",
        )


def today() -> date:
    """The owner's day: at midnight of this machine another begins."""
    return audit.now().astimezone().date()


def over(connection: Connection, day: date) -> dict[int, date]:
    """The identities whose last day has passed on a day, in their order, and which it was."""
    if schema_version(connection) < 2:
        return {}
    return {
        int(identity): date.fromisoformat(until)
        for identity, until in connection.execute(
            "SELECT id, retain_until FROM identities WHERE retain_until < ? ORDER BY id",
            (day.isoformat(),),
        )
    }


def records(connection: Connection) -> tuple[IdentityRecord, ...]:
    """The facts about every identity, in order of first enrollment."""
    noted = "tags, metadata, quiet" if schema_version(connection) >= 3 else "'[]', '{}', 0"
    terms_and_pictures = (
        "consent, retain_until, (SELECT COUNT(*) FROM pictures JOIN examples"
        " ON examples.id = pictures.example WHERE examples.identity = identities.id)"
        if schema_version(connection) >= 2
        else "NULL, NULL, 0"
    )
    rows = connection.execute(
        "SELECT uuid, label, created,"
        " (SELECT COUNT(*) FROM examples WHERE examples.identity = identities.id),"
        f" {terms_and_pictures}, {noted} FROM identities ORDER BY id"
    )
    return tuple(
        IdentityRecord(
            id=name,
            label=label,
            examples=examples,
            pictures=pictures,
            created=datetime.fromisoformat(created),
            consent=consent,
            retain_until=None if until is None else date.fromisoformat(until),
            # Most have none, and to read that takes as long as all the rest.
            tags=() if tags == "[]" else tuple(json.loads(tags)),
            metadata={} if metadata == "{}" else json.loads(metadata),
            quiet=bool(quiet),
        )
        for name, label, created, examples, consent, until, pictures, tags, metadata, quiet in rows
    )


def keeps_pictures(connection: Connection) -> bool:
    """Whether pictures are stored."""
    return schema_version(connection) >= 2 and bool(
        one(connection, "SELECT keep_pictures FROM meta")
    )


def set_keep_pictures(connection: Connection, keep: bool, actor: str | None) -> int:
    """Store pictures from now on, or delete them all; the number deleted."""
    deleted = 0 if keep else connection.execute("DELETE FROM pictures").rowcount
    if deleted:
        changes.seal(connection, [("meta", 1)])
        erasure.mark(connection)
    elif keep != keeps_pictures(connection):
        changes.keep(connection, "meta", 1)
    connection.execute("UPDATE meta SET keep_pictures = ?", (bool(keep),))
    audit.append(connection, "pictures", actor, keep=bool(keep), deleted=deleted)
    return deleted


def picture_ids(connection: Connection, label: str | None = None) -> tuple[int, ...]:
    """The examples whose picture is stored, in ascending order; None: of every label."""
    if schema_version(connection) < 2:
        return ()
    rows = connection.execute(
        "SELECT example FROM pictures JOIN examples ON examples.id = pictures.example"
        " JOIN identities ON identities.id = examples.identity"
        " WHERE CAST(? AS TEXT) IS NULL OR identities.label = ? ORDER BY 1",
        (label, label),
    )
    return tuple(row[0] for row in rows)


def picture(connection: Connection, example: int) -> bytes:
    """The picture of an example."""
    row = None
    if schema_version(connection) >= 2:
        row = connection.execute(
            "SELECT picture FROM pictures WHERE example = ?", (example,)
        ).fetchone()
    if row is None:
        raise GalleryError(f"example {example} has no picture", "Look at picture_ids")
    return bytes(row[0])


def without_pictures(connection: Connection) -> dict[str, int]:
    """The labels that have examples without a picture, and how many."""
    version = schema_version(connection)
    lacks = " WHERE examples.id NOT IN (SELECT example FROM pictures)" if version >= 2 else ""
    lacks += " AND description IS NULL" if version >= 4 else ""  # else words are embedded again
    return {
        str(label): int(count)
        for label, count in connection.execute(
            "SELECT label, COUNT(*) FROM examples JOIN identities"
            f" ON identities.id = examples.identity{lacks}"
            " GROUP BY identities.id ORDER BY identities.id"
        )
    }
