"""What all tables of the pages are made with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
Cells = list[tuple[str, ...]]


def result(name: str) -> Any:
    """What a command measured: the content of results/NAME.json."""
    return json.loads((ROOT / "results" / f"{name}.json").read_text())


def markdown(head: tuple[str, ...], rows: Cells) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def percent(value: Any) -> str:
    low, high = (100 * end for end in value["ci95"])
    return f"{100 * value['value']:.1f} [{low:.1f}, {high:.1f}]"
