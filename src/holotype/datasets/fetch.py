"""Fetch one file over HTTP: resumed where it broke off, checked, and there only when complete."""

from __future__ import annotations

import hashlib
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO

from holotype.errors import DataError

Progress = Callable[[str, int, int | None], None]

ATTEMPTS = 4
_FIRST_PAUSE_S = 0.5  # doubled after each attempt
_TIMEOUT_S = 30.0
_BLOCK_BYTES = 1 << 16


def fetch(
    url: str,
    path: Path,
    progress: Progress | None = None,
    *,
    md5: str | None = None,
    check: Callable[[Path], None] | None = None,
) -> None:
    """Fetch `url` to `path`.

    The bytes gather in `path` + ".part", which a later call continues where the server supports
    ranges (RFC 9110, section 14) and starts anew where it does not. Lost connections are tried
    again. Only a complete and checked file gets its name.

    Args:
        url: what to fetch.
        path: where to.
        progress: called with the file's name, its bytes so far, and all its bytes if known.
        md5: digest in hex that the file must have.
        check: raises ValueError, OSError or DataError on a file with the wrong contents.

    Raises:
        DataError: the server refuses or cannot be reached, the file cannot be written, or it is
            not what was expected (then nothing of it is kept).
    """
    part = path.with_name(path.name + ".part")
    for attempt in range(ATTEMPTS):
        try:
            _continue(url, part, path.name, progress)
            break
        except urllib.error.HTTPError as error:
            error.close()
            if (error.code < 500 and error.code != 429) or attempt + 1 == ATTEMPTS:
                raise DataError(
                    f"{url} was refused with HTTP status {error.code}",
                    "Check the address in a browser, and try again later",
                ) from error
        except (OSError, http.client.HTTPException) as error:
            if attempt + 1 == ATTEMPTS:
                raise DataError(
                    f"{url} broke off or could not be reached ({error})",
                    "Check the connection and run the command again; it goes on where it stopped",
                ) from error
        time.sleep(_FIRST_PAUSE_S * 2**attempt)
    _accept(part, path, md5, check)


def _continue(url: str, part: Path, name: str, progress: Progress | None) -> None:
    """One attempt: ask for what is missing and append it to `part`."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "holotype", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        answer = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S
        )
    except urllib.error.HTTPError as error:
        if error.code != 416:  # 416: nothing lies beyond what is here
            raise
        error.close()
        if error.headers.get("Content-Range") == f"bytes */{have}":
            return
        part.unlink()  # longer than the file itself: not a part of it
        raise ConnectionError("the part on disk does not belong to this file") from error
    with answer:
        span = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        resumed = answer.status == 206 and span is not None and int(span[1]) == have
        begin = have if resumed else 0
        length = answer.headers.get("Content-Length")
        total = begin + int(length) if length is not None else None
        try:
            target = part.open("ab" if resumed else "wb")
        except OSError as error:
            raise _unwritable(part, error) from error
        with target:
            have = _copy(
                answer, target, part, begin, lambda done: _tell(progress, name, done, total)
            )
    if total is not None and have < total:
        raise ConnectionError(f"{have} of {total} bytes arrived")


def _copy(
    answer: IO[bytes], target: IO[bytes], part: Path, done: int, tell: Callable[[int], None]
) -> int:
    while block := answer.read(_BLOCK_BYTES):
        try:
            target.write(block)
            target.flush()
        except OSError as error:
            raise _unwritable(part, error) from error
        done += len(block)
        tell(done)
    return done


def _tell(progress: Progress | None, name: str, done: int, total: int | None) -> None:
    if progress is not None:
        progress(name, done, total)


def _accept(part: Path, path: Path, md5: str | None, check: Callable[[Path], None] | None) -> None:
    try:
        if md5 is not None:
            with part.open("rb") as stream:
                found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
            if found.hexdigest() != md5:
                raise ValueError(f"its MD5 is {found.hexdigest()} instead of {md5}")
        if check is not None:
            check(part)
    except (OSError, ValueError, DataError) as error:
        part.unlink(missing_ok=True)
        reason = error.problem if isinstance(error, DataError) else error
        raise DataError(
            f"{path.name} is not what was expected ({reason}), and was removed",
            "Run the command again; if it repeats, the source has changed",
        ) from error
    part.replace(path)


def _unwritable(part: Path, error: OSError) -> DataError:
    return DataError(
        f"{part} cannot be written ({error.strerror})",
        "Free some space, or choose a folder that you may write, and run the command again",
    )
