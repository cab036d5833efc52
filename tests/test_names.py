"""A name leads to one file: few modules share theirs, whatever folder they lie in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "holotype"
MOST_PAIRS = 6


def test_few_modules_share_a_name() -> None:
    names = Counter(
        path.name
        for path in PACKAGE.rglob("*.py")
        if not {"domains", "methods"} & set(path.relative_to(PACKAGE).parts)
    )
    del names["__init__.py"]
    shared = {name: count for name, count in names.items() if count > 1}
    assert sum(count - 1 for count in shared.values()) <= MOST_PAIRS, shared
