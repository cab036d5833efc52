"""What to install where the packages that read recordings are not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from holotype.errors import MissingExtraError
from holotype.extras import install

_PACKAGES = ("soundfile", "_soundfile", "soxr", "cffi", "_cffi_backend")


def installed() -> bool:
    """Whether the packages are there; none of them is loaded."""
    return all(find_spec(name) for name in _PACKAGES)


@contextmanager
def audio_extra() -> Iterator[None]:
    """Say how to install what only recordings need.

    Raises:
        MissingExtraError: a package of the extra `audio` is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _PACKAGES:
            raise
        raise MissingExtraError(
            f"a recording needs {package}, which is not installed", install("audio")
        ) from error
