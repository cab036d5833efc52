"""Keys of the server: who may do what, by a secret that is shown once and stored hashed.

They lie in one SQLite file beside the gallery, for its owner alone. Every look-up reads that file,
so a key that is revoked by another process is revoked here.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from datetime import UTC, datetime
from typing import get_args

from holotype.errors import GalleryError
from holotype.gallery.beside import Beside
from holotype.gallery.labels import check_note, shown
from holotype.served import Key, NewKey, Scope

SCOPES: tuple[Scope, ...] = get_args(Scope)  # each includes those before it
MAX_NAME_CHARACTERS = 64
_PREFIX = "htk_"  # what a scanner for lost secrets can look for
_SECRET_BYTES = 32
_TABLE = """CREATE TABLE IF NOT EXISTS keys (
    name TEXT PRIMARY KEY, scope TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, created TEXT NOT NULL
)"""


class Keys(Beside):
    """The keys of one gallery."""

    _what, _tables = "keys", (_TABLE,)

    def all(self) -> tuple[Key, ...]:
        """The keys, oldest first."""
        with self._session() as connection:
            rows = connection.execute(
                "SELECT name, scope, created FROM keys ORDER BY rowid"
            ).fetchall()
        return tuple(_key(*row) for row in rows)

    def find(self, secret: str) -> Key | None:
        """Whose secret it is; None for nobody's.

        Raises:
            ServingError: others may read the file by now.
        """
        self._require_private()
        with self._session() as connection:
            row = connection.execute(
                "SELECT name, scope, created FROM keys WHERE digest = ?", (_digest(secret),)
            ).fetchone()
        return None if row is None else _key(*row)

    def add(self, name: str, scope: Scope) -> NewKey:
        """Make a key.

        Args:
            name: of 1 to 64 characters, of no other key.
            scope: what it may be used for.

        Raises:
            GalleryError: the name cannot be stored, or is taken.
        """
        check_note(name, "the name of a key")
        if len(name) > MAX_NAME_CHARACTERS:
            raise GalleryError(
                f"the name of a key has at most {MAX_NAME_CHARACTERS} characters; "
                f"{shown(name)} has {len(name)}",
                "Shorten it",
            )
        secret = _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        created = datetime.now(UTC).replace(microsecond=0)
        try:
            with self._session() as connection:
                connection.execute(
                    "INSERT INTO keys VALUES (?, ?, ?, ?)",
                    (name, scope, _digest(secret), created.isoformat()),
                )
        except sqlite3.IntegrityError:
            raise GalleryError(
                f"there is a key named {shown(name)}", "Choose another name, or revoke that key"
            ) from None
        return NewKey(name, scope, created, secret)

    def revoke(self, name: str) -> Key | None:
        """Let a key be none from now on; None where there is none of that name.

        Raises:
            GalleryError: it is the last one that may make others.
        """
        with self._changing() as connection:
            row = connection.execute(
                "SELECT name, scope, created FROM keys WHERE name = ?", (name,)
            ).fetchone()
            (others,) = connection.execute(
                "SELECT COUNT(*) FROM keys WHERE scope = 'admin' AND name != ?", (name,)
            ).fetchone()
            if row is not None and row[1] == "admin" and not others:
                raise GalleryError(
                    f"{shown(name)} is the last key that may make others",
                    "Make another one of scope `admin` first",
                )
            connection.execute("DELETE FROM keys WHERE name = ?", (name,))
        return None if row is None else _key(*row)


def _key(name: str, scope: Scope, created: str) -> Key:
    return Key(name, scope, datetime.fromisoformat(created))


def _digest(secret: str) -> bytes:
    # One round: the secret has 256 random bits, which nobody guesses.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
