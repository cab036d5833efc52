"""A part of a data set in a file of its own: which classes, and which pictures are left out.

A class-disjoint division of somebody's pictures so becomes two small files that can be read,
kept, and named wherever a data set is named.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from holotype.errors import DataError


@dataclass(frozen=True, slots=True)
class Part:
    """Some classes of a data set."""

    data: str  # the name of a data set, or the path of a folder of class folders
    classes: tuple[str, ...]
    left_out: tuple[str, ...] = ()  # pictures of those classes, as "class/file"


def part_text(part: Part) -> str:
    """The content of the file, JSON."""
    return json.dumps(asdict(part), indent=1) + "\n"


def read_part(path: Path) -> Part:
    """Read the file of a part.

    Raises:
        DataError: the file holds something else, or a part of a part.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        part = Part(value["data"], tuple(value["classes"]), tuple(value["left_out"]))
        names = (part.data, *part.classes, *part.left_out)
        if not all(isinstance(name, str) for name in names):
            raise TypeError("a name is no text")
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"'{path}' does not describe a part of a data set ({type(error).__name__})",
            "Name a data set, a folder of class folders, or a part that `holotype compare` wrote",
        ) from error
    if part.data.endswith(".json"):
        raise DataError(
            f"'{path}' is a part of '{part.data}', itself a part", "Name the whole data set in it"
        )
    return part
