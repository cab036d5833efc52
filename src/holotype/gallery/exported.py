"""A gallery, or all that is held on one person, as a folder that any program can read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from holotype.errors import GalleryError
from holotype.files import create
from holotype.gallery import audit, feedback
from holotype.gallery.connection import Connection
from holotype.gallery.enrolled_rows import find, keeps_pictures
from holotype.gallery.erasure import merged
from holotype.gallery.labels import shown
from holotype.gallery.schema import read_binding

# 1 had no reviews, and none of their strangers; 2 no descriptions
FORMAT, VERSION = "holotype gallery", 3
MANIFEST, IDENTITIES, EXAMPLES = "manifest.json", "identities.jsonl", "examples.npy"
STRANGERS, STRANGER_VECTORS = "strangers.jsonl", "strangers.npy"
REVIEWS = "reviews.jsonl"
_PICTURES = "pictures"
# How files of each kind begin, so that a picture gets the name that programs know it by.
_BEGINNINGS = (
    (b"\x89PNG", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
)
_README = """# {what}

Written by holotype. The vectors are embeddings of the model `{model}` (id {model_id}); they mean
nothing to another model.

- `identities.jsonl`: one identity a line, as JSON: `id` (random), `label`, `created`, `consent`,
  `retain_until` (the last day on which it may be kept) and whatever else is noted; and its
  `examples`, each with its `row` in `examples.npy`, when it was `created`, where it came of a
  review the `decision`, where a text stands for a picture the `description`, and where pictures
  are kept the `picture`.
- `examples.npy`: the vectors, float32 [{examples}, {dim}] of unit length, an array of NumPy.
- `pictures/`: the enrolled pictures, as they were given.
- `reviews.jsonl`: what people said about decisions{whose}.
{more}- `manifest.json`: the model, the counts, and for each file its SHA-256 and its size in bytes.
  It shows an accident; whoever changes files on purpose can change it too.

Times are UTC. `holotype import THIS_FOLDER NEW.gallery` makes a gallery of it. {without}
"""
_PERSON = """- `audit.jsonl`: what was done with this identity, and when.
"""
_CROWD = """- `strangers.npy`, `strangers.jsonl`: the owner's own strangers: vectors of people or
  things that are not enrolled, with the `batch` and `class_index` of each, and of those whom a
  review turned away its `decision`.
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    identities: int
    examples: int
    pictures: int
    strangers: int  # vectors
    reviews: int


@contextmanager
def draft_folder(out: Path) -> Iterator[Path]:
    """A new folder, for its owner alone, that gets its name when all is written; or none.

    Raises:
        GalleryError: there is something of that name, or no folder to make it in.
    """
    if os.path.lexists(out):
        raise GalleryError(f"{str(out)!r} exists", "Name a folder that does not exist yet")
    if not out.parent.is_dir():
        raise GalleryError(
            f"there is no folder {str(out.parent)!r} to write into", "Create it, or name another"
        )
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield draft
        for folder in (draft, *(one for one in draft.iterdir() if one.is_dir())):
            _sync(folder)
        draft.rename(out)
        _sync(out.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write(connection: Connection, draft: Path, label: str | None, place: str) -> Exported:
    """Fill an empty folder, inside the caller's read transaction.

    Args:
        connection: to a gallery of the present schema.
        draft: the folder.
        label: of the one person; None: of everybody.
        place: of the gallery, for messages.
    """
    binding = read_binding(connection)
    chosen = None if label is None else find(connection, label, place)
    files: dict[str, dict[str, Any]] = {}

    def put(name: str, content: bytes) -> None:
        _write(draft / name, content)
        digest = hashlib.sha256(content).hexdigest()
        files[name] = {"sha256": digest, "bytes": len(content)}

    now = merged(connection)
    reviews = [
        {**asdict(one), "identity": now.get(str(one.identity), one.identity)}
        for one in feedback.stored(connection)
    ]
    if chosen is not None:
        person = audit.name_of(connection, chosen)
        reviews = [one for one in reviews if one["identity"] == person]
    said = {one["decision"] for one in reviews}
    rows: list[dict[str, Any]] = []
    vectors: list[bytes] = []
    pictures = 0
    for identity, facts in _identities(connection, chosen):
        examples = []
        for example, created, decision, description, vector, picture in connection.execute(
            "SELECT examples.id, created, decision, description, vector, picture FROM examples"
            " LEFT JOIN pictures ON pictures.example = examples.id"
            " WHERE identity = ? ORDER BY examples.id",
            (identity,),
        ):
            name = None
            if picture is not None:
                pictures += 1
                (draft / _PICTURES).mkdir(mode=0o700, exist_ok=True)
                name = f"{_PICTURES}/{example:08d}{_ending(picture)}"
                put(name, picture)
            facts_of = {"row": len(vectors), "created": created, "picture": name}
            facts_of |= {"decision": decision} if decision in said else {}
            facts_of |= {} if description is None else {"description": description}
            examples.append(facts_of)
            vectors.append(vector)
        rows.append({**facts, "examples": examples})
    put(IDENTITIES, lines(rows))
    put(EXAMPLES, _array(vectors, binding.embedding_dim))
    put(REVIEWS, lines(reviews))
    strangers = 0
    if chosen is None:
        own = connection.execute(
            "SELECT batch, class_index, created, decision, vector FROM strangers ORDER BY id"
        ).fetchall()
        strangers = len(own)
        names = ("batch", "class_index", "created", "decision")
        put(STRANGERS, lines(dict(zip(names, row, strict=False)) for row in own))
        put(STRANGER_VECTORS, _array([row[-1] for row in own], binding.embedding_dim))
    else:
        ids = {person, *(earlier for earlier, one in now.items() if one == person)}
        trail = [
            asdict(entry)
            for entry in audit.entries(connection)
            if ids & {entry.identity, entry.facts.get("source")}
        ]
        put("audit.jsonl", lines(trail))
    readme = _README.format(
        what="A gallery" if label is None else f"What is held on {shown(label)}",
        model=binding.model_name,
        model_id=binding.model_id,
        examples=len(vectors),
        dim=binding.embedding_dim,
        whose="" if label is None else " in which it was the nearest",
        more=_CROWD if label is None else _PERSON,
        without="The audit trail stays with the gallery." if label is None else "",
    )
    put("README.md", readme.encode())
    counts = Exported(len(rows), len(vectors), pictures, strangers, len(reviews))
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "written": audit.now().isoformat(timespec="seconds"),
        "model": {
            "id": binding.model_id,
            "name": binding.model_name,
            "embedding_dim": binding.embedding_dim,
        },
        "keep_pictures": keeps_pictures(connection),
        **asdict(counts),
        "files": files,
    }
    _write(draft / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
    return counts


def columns(connection: Connection) -> list[str]:
    """What is noted beside an identity: the columns of its row, but for its number."""
    return [name for name in connection.columns("identities") if name != "id"]


def _identities(connection: Connection, chosen: int | None) -> Iterable[tuple[int, dict[str, Any]]]:
    names = columns(connection)
    for number, *values in connection.execute(
        f"SELECT id, {', '.join(names)} FROM identities"
        " WHERE CAST(? AS BIGINT) IS NULL OR id = ? ORDER BY id",
        (chosen, chosen),
    ).fetchall():
        facts = dict(zip(names, values, strict=True))
        yield number, {"id": facts.pop("uuid"), **facts}


def lines(rows: Iterable[dict[str, Any]]) -> bytes:
    """JSON Lines."""
    return "".join(json.dumps(row, default=str) + "\n" for row in rows).encode()


def _array(blobs: list[bytes], dim: int) -> bytes:
    from io import BytesIO

    file = BytesIO()
    vectors = np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), dim)
    np.save(file, vectors, allow_pickle=False)
    return file.getvalue()


def _ending(picture: bytes) -> str:
    if picture[4:8] == b"ftyp":
        return ".heic"
    if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP":
        return ".webp"
    return next((ending for begin, ending in _BEGINNINGS if picture.startswith(begin)), ".picture")


def _write(path: Path, content: bytes) -> None:
    with create(path, private=True) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
