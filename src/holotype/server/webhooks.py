"""Webhooks: who gets events by HTTP, signed so that the receiver knows whom they come from.

The form is that of Standard Webhooks (https://www.standardwebhooks.com): three headers, of which
the last is an HMAC-SHA256 over the other two and the body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import secrets
import sqlite3
import ssl
import time
from datetime import UTC, datetime

from holotype.errors import GalleryError, ServingError
from holotype.gallery.beside import Beside
from holotype.gallery.labels import check_note, shown
from holotype.served import DeadLetter, Happened, Hook, NewHook
from holotype.server.answers import as_json
from holotype.server.delivery import AwayError, UnwantedError
from holotype.server.keys import MAX_NAME_CHARACTERS
from holotype.server.targets import Target, target

MAX_HOOKS = 16
TIMEOUT_S = 10.0
_PREFIX = "whsec_"
_SECRET_BYTES = 32
_LATER = (408, 425, 429)  # refusals that are none for good
_KEPT_DEAD = 1000  # of each hook
_TABLES = (
    """CREATE TABLE IF NOT EXISTS hooks (
        name TEXT PRIMARY KEY, url TEXT NOT NULL, inside INTEGER NOT NULL, secret TEXT NOT NULL,
        created TEXT NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS dead (
        hook TEXT NOT NULL REFERENCES hooks (name), event TEXT NOT NULL, given_up TEXT NOT NULL,
        why TEXT NOT NULL
    )""",
)


class Hooks(Beside):
    """The webhooks of one gallery, and what they did not get."""

    _what, _tables = "webhooks", _TABLES

    def all(self) -> tuple[Hook, ...]:
        """The webhooks, oldest first."""
        with self._session() as connection:
            rows = connection.execute(
                "SELECT name, url, created, inside FROM hooks ORDER BY rowid"
            ).fetchall()
        return tuple(
            Hook(name, url, datetime.fromisoformat(created), bool(inside))
            for name, url, created, inside in rows
        )

    def add(self, name: str, url: str, *, inside: bool) -> NewHook:
        """Send events there from now on.

        Args:
            name: of 1 to 64 characters, of no other webhook.
            url: of the receiver.
            inside: whether it is named on this machine, and may be in a private network.

        Raises:
            ServingError: nothing is sent there.
            GalleryError: the name cannot be stored, or is taken; or there are too many.
        """
        check_note(name, "the name of a webhook")
        if len(name) > MAX_NAME_CHARACTERS:
            raise GalleryError(
                f"the name of a webhook has at most {MAX_NAME_CHARACTERS} characters", "Shorten it"
            )
        _target(url, inside)
        secret = _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        created = datetime.now(UTC).replace(microsecond=0)
        try:
            with self._changing() as connection:
                (count,) = connection.execute("SELECT COUNT(*) FROM hooks").fetchone()
                if count >= MAX_HOOKS:
                    raise GalleryError(
                        f"there are {count} webhooks, which are as many as there may be",
                        "Remove one first",
                    )
                connection.execute(
                    "INSERT INTO hooks VALUES (?, ?, ?, ?, ?)",
                    (name, url, inside, secret, created.isoformat()),
                )
        except sqlite3.IntegrityError:
            raise GalleryError(
                f"there is a webhook named {shown(name)}", "Choose another name, or remove that one"
            ) from None
        return NewHook(name, url, created, secret)

    def remove(self, name: str) -> Hook | None:
        """Send nothing there from now on; None where there is none of that name."""
        found = next((hook for hook in self.all() if hook.name == name), None)
        with self._changing() as connection:
            connection.execute("DELETE FROM dead WHERE hook = ?", (name,))
            connection.execute("DELETE FROM hooks WHERE name = ?", (name,))
        return found

    def bury(self, name: str, event: str, why: str) -> None:
        """Note that a receiver does not get an event."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._changing() as connection:
            connection.execute("INSERT INTO dead VALUES (?, ?, ?, ?)", (name, event, at, why))
            connection.execute(
                "DELETE FROM dead WHERE hook = ? AND rowid NOT IN"
                " (SELECT rowid FROM dead WHERE hook = ? ORDER BY rowid DESC LIMIT ?)",
                (name, name, _KEPT_DEAD),
            )

    def unbury(self, name: str, event: str) -> None:
        """Note that a receiver has an event after all."""
        with self._changing() as connection:
            connection.execute("DELETE FROM dead WHERE hook = ? AND event = ?", (name, event))

    def dead(self, name: str) -> tuple[DeadLetter, ...]:
        """What a receiver did not get, newest first."""
        with self._session() as connection:
            rows = connection.execute(
                "SELECT event, given_up, why FROM dead WHERE hook = ? ORDER BY rowid DESC", (name,)
            ).fetchall()
        return tuple(DeadLetter(event, datetime.fromisoformat(at), why) for event, at, why in rows)

    def send(self, name: str, gallery: str, event: Happened) -> None:
        """Send an event.

        Raises:
            AwayError: the receiver is not there, or not able.
            UnwantedError: it is there and does not want it.
        """
        with self._session() as connection:
            row = connection.execute(
                "SELECT url, inside, secret FROM hooks WHERE name = ?", (name,)
            ).fetchone()
        if row is None:
            raise AwayError("it was removed")
        url, inside, secret = row
        status = _post(_target(url, bool(inside)), secret, gallery, event)
        if not 200 <= status < 300:
            kind = UnwantedError if 400 <= status < 500 and status not in _LATER else AwayError
            raise kind(f"it answered {status}")


def signature(secret: str, event: str, timestamp: str, body: bytes) -> str:
    """What `webhook-signature` says of an event that is sent.

    Args:
        secret: of the webhook.
        event: `webhook-id`.
        timestamp: `webhook-timestamp`, seconds since 1970.
        body: as it is sent.
    """
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    digest = hmac.new(key, f"{event}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _target(url: str, inside: bool) -> Target:
    return target(url, {"http": 80, "https": 443}, ("https",), inside=inside)


class _To(http.client.HTTPConnection):
    """A connection to a receiver, at an address where it may be."""

    def __init__(self, to: Target) -> None:
        super().__init__(to.host, to.port, timeout=TIMEOUT_S)
        self._to = to

    def connect(self) -> None:
        self.sock = self._to.connect(TIMEOUT_S)
        if self._to.encrypted:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._to.host)


def _post(to: Target, secret: str, gallery: str, event: Happened) -> int:
    """The status that a receiver answers with; what else it says is not read, nor followed."""
    body = as_json({"gallery": gallery, "event": event})
    timestamp = str(int(time.time()))
    usual = {"http": 80, "https": 443}[to.scheme] == to.port
    host = f"[{to.host}]" if ":" in to.host else to.host
    headers = {
        "host": host if usual else f"{host}:{to.port}",
        "content-type": "application/json",
        "user-agent": "holotype",
        "webhook-id": event.id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(secret, event.id, timestamp, body),
        "connection": "close",
    }
    connection = _To(to)
    try:
        connection.request("POST", to.path, body, headers)
        return connection.getresponse().status
    except ServingError as error:
        raise AwayError(error.problem) from error
    except (OSError, http.client.HTTPException) as error:
        raise AwayError(f"it cannot be reached ({type(error).__name__})") from error
    finally:
        connection.close()
