"""Moving a gallery to another model: vectors are laid aside one by one, and swapped at once."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import GalleryError
from holotype.gallery import audit, changes, erasure
from holotype.gallery.connection import Connection
from holotype.gallery.labels import shown
from holotype.gallery.matrix import as_blobs, checked
from holotype.gallery.records import Reembedding
from holotype.gallery.schema import Binding, one, read_binding

_FLOAT32_BYTES = 4


def stage(
    connection: Connection,
    model_id: str,
    embedding_dim: int,
    vectors: Mapping[int, NDArray[Any]],
) -> None:
    """Lay vectors of another model aside by example id, inside the caller's transaction."""
    if not vectors:
        return
    alive = {row[0] for row in connection.execute("SELECT id FROM examples")}
    # An example that was forgotten since its picture was read needs no new vector.
    wanted = {example: vector for example, vector in vectors.items() if example in alive}
    arrays = [np.asarray(vector) for vector in vectors.values()]
    for array in arrays:
        if array.shape != (embedding_dim,):
            raise GalleryError(
                f"a new vector of shape {array.shape} does not fit a model that makes "
                f"[{embedding_dim}]",
                "Pass one vector of the new model for each example",
            )
    rows = checked(np.stack(arrays), embedding_dim)
    blobs = dict(zip(vectors, as_blobs(rows), strict=True))
    connection.executemany(
        "INSERT INTO staged (example, model_id, vector, checksum) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (example, model_id)"
        " DO UPDATE SET vector = excluded.vector, checksum = excluded.checksum",
        (
            (int(example), model_id, blobs[example], zlib.crc32(blobs[example]))
            for example in wanted
        ),
    )


def staged(connection: Connection, model_id: str) -> frozenset[int]:
    """The examples that have a vector of that model laid aside."""
    return frozenset(
        row[0]
        for row in connection.execute("SELECT example FROM staged WHERE model_id = ?", (model_id,))
    )


def swap(connection: Connection, new: Binding, actor: str | None) -> Reembedding:
    """Put the staged vectors in place, inside the caller's transaction."""
    old = read_binding(connection)
    if new.model_id == old.model_id:
        raise GalleryError(
            f"the gallery belongs to the model {new.model_name!r} (id {new.model_id}) already",
            "Name another model",
        )
    missing = connection.execute(
        "SELECT label, COUNT(*) FROM examples JOIN identities ON identities.id = examples.identity"
        " WHERE NOT EXISTS (SELECT 1 FROM staged WHERE example = examples.id AND model_id = ?)"
        " GROUP BY identities.id ORDER BY identities.id",
        (new.model_id,),
    ).fetchall()
    if missing:
        names = ", ".join(shown(label) for label, _ in missing[:5])
        names += f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise GalleryError(
            f"{sum(count for _, count in missing)} examples have no vector of the model "
            f"{new.model_name!r}: those of {names}",
            "Embed the kept pictures, and forget or enroll anew whoever has none",
        )
    unfit = one(
        connection,
        "SELECT COUNT(*) FROM staged WHERE model_id = ? AND length(vector) != ?",
        new.model_id,
        _FLOAT32_BYTES * new.embedding_dim,
    )
    if unfit:
        raise GalleryError(
            f"{unfit} vectors that are laid aside do not have {new.embedding_dim} dimensions, "
            f"as those of the model {new.model_name!r} have",
            "Embed the pictures again",
        )
    examples = connection.execute(
        "UPDATE examples SET vector = staged.vector, checksum = staged.checksum FROM staged"
        " WHERE staged.example = examples.id AND staged.model_id = ?",
        (new.model_id,),
    ).rowcount
    batches = connection.execute("SELECT DISTINCT batch FROM strangers").fetchall()
    changes.seal(connection, [("strangers", batch) for (batch,) in batches])
    strangers = connection.execute("DELETE FROM strangers").rowcount
    connection.execute("DELETE FROM staged")
    connection.execute(
        "UPDATE meta SET model_id = ?, model_name = ?, embedding_dim = ?,"
        " strangers_version = strangers_version + 1",
        (new.model_id, new.model_name, new.embedding_dim),
    )
    erasure.mark(connection)
    audit.append(
        connection,
        "reembed",
        actor,
        model=new.model_id,
        from_model=old.model_id,
        vectors=examples,
        strangers_dropped=strangers,
    )
    return Reembedding(examples, strangers, len(batches))
