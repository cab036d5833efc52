"""Write the tables of README and docs from the result files, between their markers.

python bench/tables.py            # write
python bench/tables.py --check    # exit 1 where a page differs from its result file
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
MARKED = re.compile(r"(<!-- table (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
Cells = list[tuple[str, ...]]


def result(name: str) -> Any:
    return json.loads((ROOT / "results" / f"{name}.json").read_text())


def markdown(head: tuple[str, ...], rows: Cells) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def characters() -> str:
    beside = {
        "lake": "people 4.5, BPL 3.3 error (Lake et al. 2015)",
        "evaluation": "",
        "digits": "",
    }
    rows = [
        (
            row["title"],
            f"{row['n_way']}-way {row['k_shot']}-shot",
            f"{row['episodes']:,}",
            f"**{row['accuracy']:.2f}** ± {row['ci95']:.2f}",
            f"{row['error_percent']:.2f}",
            beside[row["key"]],
        )
        for row in result("characters")["accuracy"]
    ]
    return markdown(("on", "task", "episodes", "accuracy, %", "error, %", "beside"), rows)


def strangers() -> str:
    rows = [
        (
            f"{100 * row['stated']:g} %",
            "refused"
            if row["fpir"] is None
            else f"{100 * row['fpir']:.2f} % [{100 * row['low']:.2f}, {100 * row['high']:.2f}]",
            "" if row["fnir"] is None else f"{100 * row['fnir']:.1f} %",
        )
        for row in result("characters")["strangers"]
    ]
    head = ("strangers accepted, stated", "measured [95 % interval]", "enrolled people missed")
    return markdown(head, rows)


def promise() -> str:
    def share(value: Any) -> str:
        low, high = (100 * end for end in value["ci95"])
        return f"{100 * value['value']:.2f} [{low:.2f}, {high:.2f}]"

    rows = [
        (
            str(cell["size"]),
            str(cell["shots"]),
            f"{100 * cell['stated']:g}",
            *(
                (share(cell["fpir"]), share(cell["constant"]["fpir"]), share(cell["fnir"]))
                if cell["fpir"]
                else ("refused", "", "")
            ),
        )
        for cell in result("promise")["cells"]
    ]
    head = (
        "enrolled",
        "examples",
        "stated, %",
        "strangers accepted, %",
        "with one constant threshold, %",
        "missed, %",
    )
    return markdown(head, rows)


TABLES: dict[str, Callable[[], str]] = {
    "characters": characters,
    "strangers": strangers,
    "promise": promise,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    differing = []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = page.read_text()
        written = MARKED.sub(lambda m: m[1] + TABLES[m[2]]() + m[3], text)
        if written != text:
            differing.append(page.name)
            if not check:
                page.write_text(written)
    if differing:
        print(f"{'differ' if check else 'written'}: {', '.join(differing)}")
    raise SystemExit(bool(check and differing))


if __name__ == "__main__":
    main()
