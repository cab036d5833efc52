"""The owner's own strangers: people or things that are not enrolled, kept as vectors only."""

from __future__ import annotations

import uuid
import zlib
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import GalleryError
from holotype.gallery import audit, changes, erasure
from holotype.gallery.connection import Connection
from holotype.gallery.matrix import as_blobs
from holotype.gallery.records import StrangerBatch
from holotype.gallery.schema import read_binding, schema_version


def add(
    connection: Connection,
    vectors: NDArray[np.float32],
    class_index: NDArray[Any],
    actor: str | None,
    rate: float | None,
    threshold: float | None,
    decision: str | None = None,
) -> str:
    """Store a batch, inside the caller's transaction; see `Gallery.add_strangers`."""
    index = np.asarray(class_index)
    if index.shape != (len(vectors),) or not np.issubdtype(index.dtype, np.integer):
        raise GalleryError(
            f"class_index of shape {index.shape} and type {index.dtype} does not go with "
            f"{len(vectors)} vectors; it holds one whole number for each",
            "Number the classes and pass one number for each vector",
        )
    batch, at = str(uuid.uuid4()), audit.now()
    connection.executemany(
        "INSERT INTO strangers (batch, class_index, vector, checksum, created, decision)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            (batch, number, blob, zlib.crc32(blob), at.isoformat(timespec="seconds"), decision)
            for number, blob in zip(index.tolist(), as_blobs(vectors), strict=True)
        ),
    )
    changes.added(connection, "strangers", batch)
    connection.execute("UPDATE meta SET strangers_version = strangers_version + 1")
    audit.append(
        connection,
        "calibrate" if decision is None else "stranger",
        actor,
        at=at,
        batch=batch,
        strangers=len(vectors),
        classes=len(set(index.tolist())),
        model=read_binding(connection).model_id,
        rate=None if rate is None else float(rate),
        threshold=None if threshold is None else float(threshold),
        **({} if decision is None else {"decision": decision}),
    )
    return batch


def remove(connection: Connection, batch: str, actor: str | None) -> int:
    """Delete a batch, inside the caller's transaction; the number of its vectors."""
    count = connection.execute("DELETE FROM strangers WHERE batch = ?", (batch,)).rowcount
    if not count:
        raise GalleryError(
            f"the gallery has no batch {batch!r} of strangers", "Look at stranger_batches"
        )
    changes.seal(connection, [("strangers", batch)])
    connection.execute("UPDATE meta SET strangers_version = strangers_version + 1")
    erasure.mark(connection)
    audit.append(connection, "uncalibrate", actor, batch=batch, strangers=count)
    return count


def batches(connection: Connection) -> tuple[StrangerBatch, ...]:
    """The batches, oldest first."""
    decision = "MIN(decision)" if schema_version(connection) >= 3 else "NULL"
    return tuple(
        StrangerBatch(batch, datetime.fromisoformat(created), vectors, classes, review)
        for batch, created, vectors, classes, review in connection.execute(
            f"SELECT batch, MIN(created), COUNT(*), COUNT(DISTINCT class_index), {decision}"
            " FROM strangers GROUP BY batch ORDER BY MIN(id)"
        )
    )
