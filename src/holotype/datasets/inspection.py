"""What is wrong with the pictures of a folder, found before hours are spent on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from holotype.datasets.folders import ClassFolders, picture_name
from holotype.errors import ImageError
from holotype.image import ink, prepare


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a folder of class folders."""

    unfit: dict[str, str]  # picture ("class/file") -> why it cannot serve
    alike: tuple[tuple[str, str], ...]  # class names that differ by case alone
    fingerprint: str  # of the names and contents of all pictures


def inspect(folder: ClassFolders, progress: Callable[[int, int], None] | None = None) -> Inspection:
    """Open every picture once.

    Unfit are: what cannot be read or has no contrast; all copies of a picture that lies in two
    classes, since which of them it shows cannot be known; and second copies within a class,
    since an example that returns as a query is no test.

    Args:
        folder: as `read_folder` lists it.
        progress: called with the number of pictures opened and the number of all.
    """
    unfit: dict[str, str] = {}
    copies: dict[str, list[Path]] = {}
    whole = hashlib.sha256()
    for done, path in enumerate(folder.paths, start=1):
        digest = ""
        try:
            pixels = prepare.luminance(path)
            ink.strokes(pixels)
            digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
            copies.setdefault(digest, []).append(path)
        except ImageError as error:
            unfit[picture_name(path)] = error.problem
        whole.update(f"{picture_name(path)}\0{digest}\n".encode(errors="surrogatepass"))
        if progress is not None:
            progress(done, len(folder.paths))
    for same in copies.values():
        unfit |= _duplicates(same)
    return Inspection(dict(sorted(unfit.items())), _alike(folder.class_names), whole.hexdigest())


def _duplicates(same: Sequence[Path]) -> dict[str, str]:
    """Why each of the files that show one picture is unfit; within a class the first one is fit."""
    elsewhere = {
        path: next((other for other in same if other.parent != path.parent), None) for path in same
    }
    found = {}
    for path, other in elsewhere.items():
        if other is not None:
            found[picture_name(path)] = f"the same picture as {picture_name(other)}, another class"
        elif path != same[0]:
            found[picture_name(path)] = f"the same picture as {picture_name(same[0])}"
    return found


def _alike(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    first: dict[str, str] = {}
    return tuple(
        (known, name)
        for name in names
        if (known := first.setdefault(name.casefold(), name)) != name
    )
