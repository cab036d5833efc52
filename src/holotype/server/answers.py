"""What the server says: the library's records as JSON, and one form for everything that fails."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache
from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from holotype import errors
from holotype.gallery.connection import DamagedError

# Where the code is not the name of the kind, or the status is not 422.
_STATUS: dict[type[errors.HolotypeError], int] = {
    errors.ErasurePendingError: 202,  # done, but for the bytes
    errors.GalleryReplacedError: 503,
    errors.RepeatedError: 409,
    errors.GalleryError: 409,
    errors.AlikeError: 409,
    errors.PackError: 503,
    errors.ProviderError: 503,
    errors.MissingExtraError: 501,
    errors.ServingError: 503,
}
RETRY_S = 1


class Problem(BaseModel):
    """What went wrong, and what to do about it."""

    code: str
    problem: str
    remedy: str
    request_id: str
    found: list[dict[str, Any]] | None = None  # who is alike
    smallest: float | None = None  # the smallest rate that is supported
    packs: list[str] | None = None  # which may read the picture


class Failure(BaseModel):
    """The one form of every answer that is no success."""

    error: Problem


class RefusedError(Exception):
    """A request that is not answered as asked, for a reason of HTTP."""

    def __init__(
        self,
        status: int,
        code: str,
        problem: str,
        remedy: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(problem)
        self.status, self.code, self.problem, self.remedy = status, code, problem, remedy
        self.headers = dict(headers or {})


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A record, or a dictionary of them, as JSON."""
    return Response(as_json(value), status, headers, media_type="application/json")


def as_json(value: Any) -> bytes:
    """A record, or a dictionary of them, as one line of JSON."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    """A record as a dictionary, a date or a time as text: what JSON has no form for."""
    if isinstance(value, date):
        return value.isoformat()  # of a time, which is a date as well, with the time
    if is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in _names(type(value))}
    raise TypeError(f"{type(value).__name__} is no part of an answer")


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))


def failed(
    status: int,
    code: str,
    problem: str,
    remedy: str,
    request_id: str,
    *,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """The one form of what fails."""
    said = {"code": code, "problem": problem, "remedy": remedy, "request_id": request_id}
    return answer({"error": {**said, **(more or {})}}, status, headers)


def _of_the_engine(cause: BaseException | None) -> bool:
    """Whether what keeps the gallery failed: SQLite, PostgreSQL, the disk."""
    return isinstance(cause, sqlite3.Error | OSError | DamagedError) or (
        type(cause).__module__.partition(".")[0] == "psycopg"
    )


def failed_as(error: errors.HolotypeError, request_id: str) -> Response:
    """What the library refuses."""
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 422)
    if status == 409 and _of_the_engine(error.__cause__):
        status = 503  # locked, damaged, a full disk: not the request is wrong
    headers = {"retry-after": str(RETRY_S)} if status == 503 else {}
    more: dict[str, Any] = {}
    if isinstance(error, errors.AlikeError):
        more["found"] = error.found
    if isinstance(error, errors.RateError) and error.smallest is not None:
        more["smallest"] = error.smallest
    if isinstance(error, errors.AnotherKindError):
        more["packs"] = error.packs
    return failed(
        status,
        code_of(type(error)),
        error.problem,
        error.remedy,
        request_id,
        headers=headers,
        more=more,
    )


def code_of(kind: type[errors.HolotypeError]) -> str:
    """`AnotherKindError` -> `another_kind`."""
    name = kind.__name__.removesuffix("Error")
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
