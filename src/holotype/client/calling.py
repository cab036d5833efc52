"""One connection, and the calls that go through it, each answered or refused."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import ssl
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import numpy as np
from numpy.typing import NDArray

from holotype import errors

Picture = str | os.PathLike[str] | bytes
_TRIES = 3
_KINDS: dict[str, type[errors.HolotypeError]] = {
    "image": errors.ImageError,
    "recording": errors.RecordingError,
    "text": errors.TextError,
    "another_kind": errors.AnotherKindError,
    "vector": errors.VectorError,
    "label": errors.LabelError,
    "rate": errors.RateError,
    "gallery": errors.GalleryError,
    "gallery_replaced": errors.GalleryReplacedError,
    "erasure_pending": errors.ErasurePendingError,
    "alike": errors.AlikeError,
    "pack": errors.PackError,
    "data": errors.DataError,
    "missing_extra": errors.MissingExtraError,
}


class Calling:
    """One connection to a server."""

    def __init__(
        self,
        address: str,
        key: str,
        *,
        timeout_s: float = 60.0,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise errors.ServingError(
                f"{address!r} is no address of a server", "Pass one as it prints it"
            )
        self._key = key
        self._connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout_s, context=trust
            )
            if parts.scheme == "https"
            else http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
        )

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _post(
        self,
        place: str,
        images: Sequence[Picture],
        vectors: NDArray[Any] | None,
        asked: Mapping[str, Any],
        *,
        changes: bool = False,
        part: str = "images",
    ) -> Any:
        stated = {name: value for name, value in asked.items() if value is not None}
        if vectors is not None:
            stated["vectors"] = np.atleast_2d(vectors).tolist()
            body = json.dumps(stated).encode()
            return self._call("POST", place, body, "application/json", changes=changes)
        boundary = secrets.token_hex(16)
        body = _form(boundary, [_content(image) for image in images], stated, part)
        kind = f"multipart/form-data; boundary={boundary}"
        return self._call("POST", place, body, kind, changes=changes)

    def _json(self, method: str, place: str, asked: Mapping[str, Any]) -> Any:
        return self._call(
            method, place, json.dumps(asked).encode(), "application/json", changes=True
        )

    def _pages(self, place: str, name: str) -> Iterator[Any]:
        """What a list that comes page by page has under a name."""
        asked: dict[str, Any] = {"limit": 1000}
        while True:
            said = self._call("GET", f"{place}?{urlencode(asked)}")
            yield from said[name]
            if said["cursor"] is None:
                return
            asked["cursor"] = said["cursor"]

    def _call(
        self, method: str, place: str, body: bytes = b"", kind: str = "", *, changes: bool = False
    ) -> Any:
        headers = {"authorization": f"Bearer {self._key}"}
        if kind:
            headers["content-type"] = kind
        if changes:
            headers["idempotency-key"] = secrets.token_hex(16)
        for left in reversed(range(_TRIES)):
            try:
                self._connection.request(method, place, body, headers)
                answer = self._connection.getresponse()
                said: Any = answer.read()
                if answer.headers.get_content_subtype() == "json":
                    said = json.loads(said)
                break
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._connection.close()
                if not left:
                    raise errors.ServingError(
                        f"the server gives no answer ({error or type(error).__name__})",
                        "Check that it runs, and its address",
                    ) from error
        if isinstance(said, dict) and "error" in said:
            raise _error(said["error"])
        return said


def _form(boundary: str, pictures: Sequence[bytes], stated: Mapping[str, Any], part: str) -> bytes:
    parts = [(part, "; filename=picture", picture) for picture in pictures]
    parts += [
        (name, "", (str(one).lower() if isinstance(one, bool) else str(one)).encode())
        for name, value in stated.items()
        for one in (value if isinstance(value, list) else [value])
    ]
    head = "content-disposition: form-data; name="
    form = b"".join(
        f'--{boundary}\r\n{head}"{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"
        for name, more, content in parts
    )
    return form + f"--{boundary}--\r\n".encode()


def _content(image: Picture) -> bytes:
    if isinstance(image, bytes):
        return image
    try:
        return Path(image).read_bytes()
    except OSError as error:
        raise errors.ImageError(
            f"{os.fspath(image)!r}: cannot be opened ({error.strerror or error})",
            "Check the path and its rights",
        ) from error


def _error(said: Mapping[str, Any]) -> errors.HolotypeError:
    kind = _KINDS.get(said["code"], errors.ServingError)
    problem, remedy = said["problem"], said["remedy"]
    if kind is errors.RateError:
        return errors.RateError(problem, remedy, said.get("smallest"))
    if kind is errors.AnotherKindError:
        return errors.AnotherKindError(problem, remedy, tuple(said.get("packs") or ()))
    return kind(problem, remedy)
