"""Who calls: by a key, or as a proxy that knows its users says; and how often they may."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request

from holotype.errors import GalleryError
from holotype.gallery.labels import check_note
from holotype.served import Key, Scope
from holotype.server.allowance import Allowance
from holotype.server.answers import RefusedError
from holotype.server.keys import MAX_NAME_CHARACTERS, SCOPES, Keys

CALLS_A_MINUTE = 6000  # with one key
WRONG_A_MINUTE = 600  # keys that are none, from one address
_ALWAYS = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Told:
    """The headers in which a proxy says who calls, where only such a proxy can connect."""

    user: str
    role: str | None = None  # holds a scope; None: everybody has the smallest


class Callers:
    """Who may call, and how often.

    Args:
        keys: of the server.
        told: by a proxy; None: nothing that a header says of users is believed.
        a_minute: how many calls, of each.
    """

    def __init__(
        self, keys: Keys, told: Told | None = None, a_minute: int = CALLS_A_MINUTE
    ) -> None:
        self.keys, self._told = keys, told
        self._calls, self._wrong = Allowance(a_minute), Allowance(WRONG_A_MINUTE)

    def find(self, request: Request) -> Key | None:
        """Who calls; None where nobody is known by what the call brings."""
        secret = _secret(request)
        if secret:
            return self.keys.find(secret)
        return None if self._told is None else _user(request, self._told)

    def require(self, request: Request) -> Key:
        """Who calls; each time is counted.

        Raises:
            RefusedError: nobody who is known, or too often.
        """
        key = self.find(request)
        if key is None:
            secret = _secret(request)
            if secret:
                address = request.client.host if request.client else ""
                _require_rest(self._wrong, address, "calls with keys that are none")
            raise RefusedError(
                401,
                "unauthorized",
                "there is no such key" if secret else "the call has no key",
                "Send `Authorization: Bearer KEY` or `x-api-key: KEY`",
                {"www-authenticate": "Bearer"},
            )
        _require_rest(self._calls, key.name, f"calls of {key.name!r}")
        return key


def _secret(request: Request) -> str:
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        secret = request.headers.get("x-api-key", "")
    return secret.strip()


def _user(request: Request, told: Told) -> Key | None:
    names = request.headers.getlist(told.user)
    if not names:
        return None
    roles = [SCOPES[0]] if told.role is None else request.headers.getlist(told.role)
    # Said twice, one of them may be the client's own.
    if len(names) > 1 or len(roles) != 1 or roles[0] not in SCOPES:
        raise RefusedError(
            403,
            "forbidden",
            "the proxy does not say one user, and one role of " + ", ".join(SCOPES),
            "Let the proxy set both headers, in place of what the client sends",
        )
    try:
        name = check_note(names[0], "the name of a user")
    except GalleryError:
        name = ""
    if not 0 < len(name) <= MAX_NAME_CHARACTERS:
        raise RefusedError(
            403,
            "forbidden",
            f"the proxy gives a user no name of 1 to {MAX_NAME_CHARACTERS} characters",
            "Let it send another header",
        )
    scope: Scope = next(one for one in SCOPES if one == roles[0])
    return Key(name, scope, _ALWAYS)


def _require_rest(allowance: Allowance, client: str, what: str) -> None:
    seconds = allowance.take(client)
    if seconds:
        raise RefusedError(
            429,
            "too_many",
            f"more {what} than {allowance.a_minute:,} a minute",
            "Come back after the time that `retry-after` states, in seconds",
            {"retry-after": str(math.ceil(seconds))},
        )
