"""What the commands measured: kept in results/, and told in the tables of the pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def result(name: str) -> Any:
    """What a command measured: the content of results/NAME.json."""
    return json.loads((ROOT / "results" / f"{name}.json").read_text())


def keep(name: str, found: object) -> None:
    """Write what a command measured as results/NAME.json."""
    (ROOT / "results" / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")


def today() -> str:
    """The date, as results have it."""
    return datetime.now(UTC).date().isoformat()


def accepted(row: Any) -> str:
    """The strangers that were accepted, and how often the stated rate was refused."""
    refused = 100 * row["refused"]
    said = f", refused in {refused:.0f} %" if refused >= 1 else ", refused in under 1 %"
    return percent(row["fpir"]) + (said if refused else "")


def percent(value: Any) -> str:
    low, high = (100 * end for end in value["ci95"])
    return f"{100 * value['value']:.1f} [{low:.1f}, {high:.1f}]"
