"""What a client sends: pictures as multipart, embeddings as JSON, and the same fields in both."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from holotype.errors import ImageError, VectorError
from holotype.server.answers import RefusedError

MAX_BODY_BYTES = 64_000_000
MAX_JSON_BYTES = 8_000_000
MAX_PICTURES = 64  # in one call
MAX_BULK = 1000  # in one that begins a job
_MAX_FIELDS = 100  # beside labels
_MAX_FIELD_BYTES = 64_000
_IN_MEMORY_BYTES = 256_000  # of a picture that is on its way; the rest waits on disk

_M = TypeVar("_M", bound=BaseModel)


class _Parser(MultiPartParser):
    spool_max_size = _IN_MEMORY_BYTES


@dataclass(frozen=True, slots=True)
class Sent(Generic[_M]):
    """The body of a call."""

    fields: _M
    pictures: Sequence[UploadFile] = ()
    vectors: NDArray[np.float64] | None = field(default=None, repr=False)  # [B, D]
    archive: UploadFile | None = None  # of a call that begins a job

    def images(self) -> list[bytes]:
        """The pictures; asked for by whoever looks at them, so that few are in memory at once."""
        return [one.file.read() for one in self._rewound()]

    def one_kind(self) -> list[bytes]:
        """The pictures of a call that takes pictures or vectors.

        Raises:
            ImageError: there are both.
        """
        if self.vectors is not None and self.pictures:
            raise ImageError("both images and vectors were sent", "Send one of them")
        return self.images()

    def _rewound(self) -> list[UploadFile]:
        for one in self.pictures:
            one.file.seek(0)
        return list(self.pictures)

    def content(self) -> list[bytes | str]:
        """All that was sent, for a call that may be sent again."""
        values = self.fields.model_dump(mode="json")
        parts: list[bytes | str] = [json.dumps(values, sort_keys=True)]
        if self.vectors is not None:
            parts.append(self.vectors.tobytes())
        if self.archive is not None:
            self.archive.file.seek(0)
            parts.append(self.archive.file.read())
        return [*parts, *self.images()]


async def sent(
    request: Request, model: type[_M], bulk: int = 0, parts: tuple[str, ...] = ("images",)
) -> Sent[_M]:
    """Read a body.

    Args:
        request: the call.
        model: the fields beside pictures and vectors; none other is taken.
        bulk: how many pictures a call that begins a job may have, or a ZIP named `archive`; 0: it
            begins none.
        parts: the names of pictures in a form; in their order.

    Raises:
        RefusedError: it is neither multipart nor JSON, too large, or a field is wrong.
        VectorError: the vectors have not all the same length.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _multipart(request, model, bulk, parts)
    if kind == "application/json":
        return await _json(request, model)
    if not kind and not await request.body():
        return Sent(_validated(model, {}))
    raise RefusedError(
        415,
        "media_type",
        f"the body is {kind[:100] or 'of no stated kind'!r}",
        "Send multipart/form-data with pictures, or application/json",
    )


async def _multipart(
    request: Request, model: type[_M], bulk: int, parts: tuple[str, ...]
) -> Sent[_M]:
    parser = _Parser(
        request.headers,
        request.stream(),
        max_files=bulk or MAX_PICTURES,
        max_fields=_MAX_FIELDS + bulk,
        max_part_size=_MAX_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise RefusedError(
            422, "form", f"the form cannot be read: {error.message.rstrip('.')}", "Mend it"
        ) from None
    except OSError as error:
        raise RefusedError(
            503,
            "disk",
            f"what was sent cannot be put down ({error.strerror or error})",
            "Make room on the disk of the server",
        ) from error
    pictures: list[tuple[int, UploadFile]] = []
    archive: UploadFile | None = None
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if bulk and name == "archive" and archive is None:
                archive = value
                continue
            if name not in parts:
                raise RefusedError(
                    422, "form", f"no file is taken as {name[:100]!r}", f"Name it {parts[0]}"
                )
            pictures.append((parts.index(name), value))
        elif name in _repeated(model):
            fields.setdefault(name, []).append(value)
        elif name in fields:
            raise RefusedError(422, "form", f"{name[:100]!r} is given twice", "Give it once")
        else:
            fields[name] = value
    if not bulk:  # a job goes on with them
        request.state.form = form  # closed with the answer
    pictures.sort(key=lambda one: one[0])
    return Sent(_validated(model, fields), [one for _, one in pictures], archive=archive)


def _repeated(model: type[BaseModel]) -> set[str]:
    return {name for name, one in model.model_fields.items() if "list" in str(one.annotation)}


async def _json(request: Request, model: type[_M]) -> Sent[_M]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_JSON_BYTES:
            raise too_large(MAX_JSON_BYTES)
    try:
        fields = json.loads(bytes(body))
    except (ValueError, RecursionError):
        raise RefusedError(422, "form", "the body is not JSON", "Send a JSON object") from None
    if not isinstance(fields, dict):
        raise RefusedError(422, "form", "the body is not a JSON object", "Send one")
    given = fields.pop("vectors", None)
    vectors = None if given is None else _vectors(given)
    return Sent(_validated(model, fields), vectors=vectors)


def _vectors(given: Any) -> NDArray[np.float64]:
    rows = given if isinstance(given, list) else None
    if not rows or not all(
        isinstance(row, list)
        and row
        and len(row) == len(rows[0])
        and all(isinstance(x, int | float) and not isinstance(x, bool) for x in row)
        for row in rows
    ):
        raise VectorError(
            "the vectors are not a list of lists of as many numbers each",
            "Send [[...], [...]], one list for each embedding",
        )
    # What is beyond float32 would overflow on the way: nothing that a model gives is.
    try:
        found = np.asarray(rows, np.float64)
    except (OverflowError, ValueError):
        found = np.array([[np.inf]])
    if not (np.abs(found) < np.finfo(np.float32).max).all():  # also for NaN
        raise VectorError("a number in the vectors is not finite in float32", "Embed it again")
    return found


def _validated(model: type[_M], fields: dict[str, Any]) -> _M:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))[:100] or "the body"
        raise RefusedError(422, "form", f"{where}: {first['msg']}", "See /openapi.json") from None


def too_large(limit: int) -> RefusedError:
    """What a body beyond a limit gets; the rest of it is passed over, so that this is read."""
    return RefusedError(
        413,
        "too_large",
        f"the body has more than {limit:,} bytes",
        "Send fewer or smaller pictures",
    )
