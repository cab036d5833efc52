"""What a server notes of long work beside the gallery, and whom its results name.

A result may name people, as a list of pictures that were left out or a page of mistakes does. It
goes, with that page, in the moment in which somebody whom it names is no longer enrolled under that
name, whichever process forgets, renames or joins: `forget`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from holotype.gallery.beside import erasing

# `names`: all whom the result may name; `since`: how often anybody left while the work ran.
TABLE = """CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, actor TEXT NOT NULL,
    server TEXT NOT NULL, asked TEXT UNIQUE, content TEXT, created TEXT NOT NULL, ended TEXT,
    done INTEGER NOT NULL, total INTEGER NOT NULL, result TEXT, code TEXT, problem TEXT,
    remedy TEXT, page BLOB, names TEXT NOT NULL DEFAULT '[]',
    since INTEGER NOT NULL DEFAULT 0
)"""
FORGOTTEN = (
    "forgotten",
    "somebody whom the result named is not enrolled under that name any more, so it was erased",
    "What the job stored is stored; ask for a measurement again",
)


def forget(path: Path, labels: Iterable[str]) -> None:
    """Erase the results that name somebody who is not enrolled.

    Args:
        path: the file that holds them; nothing happens where there is none.
        labels: the labels of all who are enrolled.

    Raises:
        sqlite3.Error: the bytes could not be erased now.
    """
    if not path.exists():
        return
    with erasing(path) as connection:
        connection.execute("UPDATE jobs SET since = since + 1 WHERE ended IS NULL")
        connection.execute(
            "UPDATE jobs SET result = NULL, page = NULL, code = ?, problem = ?, remedy = ?,"
            " names = '[]' WHERE ended IS NOT NULL AND EXISTS (SELECT value FROM json_each(names)"
            " EXCEPT SELECT value FROM json_each(?))",
            (*FORGOTTEN, json.dumps(list(labels))),
        )
