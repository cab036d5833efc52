"""The parts of the tests, each with a time of its own, by where they lie.

What is named nowhere is the core, which `make check` runs; all of them together are
`make check-all`. Each test has the name of its part as a mark, which it is given when it is found.
"""

from __future__ import annotations

from pathlib import Path

_PLACES = {
    "test_examples.py": "examples",
    "train/meta/test_docs_meta.py": "examples",
    "page": "page",
    "recognizer/test_cluster.py": "ray",
    "server": "servers",
    "gallery/test_postgres.py": "servers",
    "gallery/test_milvus.py": "servers",
    "cli/test_stores.py": "servers",
    "watching/test_streams.py": "servers",
    "test_deploy.py": "servers",
    "server/test_described.py": "fuzzing",
}
PARTS = tuple(dict.fromkeys(_PLACES.values()))  # beside the core; what has the longest files first
TESTS = Path(__file__).parent


def part_of(file: Path) -> str:
    """The part of the tests in a file, by the nearest place that is named."""
    place = file.relative_to(TESTS)
    names = [one.as_posix() for one in (place, *place.parents)]
    return next((_PLACES[name] for name in names if name in _PLACES), "core")
