"""What to install where the packages that find faces are not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from holotype.errors import MissingExtraError
from holotype.extras import install

_PACKAGES = ("dlib", "_dlib_pybind11", "face_recognition_models", "onnx")


def installed() -> bool:
    """Whether the packages are there; none of them is loaded."""
    return all(find_spec(name) for name in _PACKAGES)


@contextmanager
def faces_extra() -> Iterator[None]:
    """Say how to install what only faces need.

    Raises:
        MissingExtraError: a package of the extra `faces` is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _PACKAGES:
            raise
        raise MissingExtraError(
            f"the pack 'faces' needs {package}, which is not installed",
            install("faces"),
        ) from error
