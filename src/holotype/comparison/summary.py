"""A comparison as Markdown. Everything comes from its JSON, so a kept result can be set anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from holotype.comparison.published import READ
from holotype.markdown import table

_HOW = {
    "lake": "Lake's 20 runs, each within one alphabet",
    "vinyals": "classes at random from the test part of the Vinyals split, quarter turns as "
    "classes",
    "evaluation": "classes at random",
    "within-alphabet": "classes at random within one alphabet",
}
_FEW = 12


def page(found: dict[str, Any], plot: str) -> str:
    """The whole page.

    Args:
        found: as from `Outcome.to_json`.
        plot: the file name of the plot.
    """
    parts = ["# Comparison\n", introduction(found), f"![Accuracy of each]({plot})\n"]
    for at, cell in enumerate(found["rows"][0]["cells"]):
        parts.append(f"## {cell['n_way']}-way {cell['k_shot']}-shot\n")
        parts.append(accuracy(found, at))
    marks = legend(found)
    if marks:
        parts.append(marks)
    parts += ["## What each took\n", cost(found)]
    parts += _division(found)
    parts += _left_out(found)
    parts.append(f"Made with\n\n```sh\n{found['command']}\n```\n")
    return "\n".join(parts)


def introduction(found: dict[str, Any]) -> str:
    """What was measured, in two sentences."""
    return (
        f"{found['data']}, protocol {found['protocol']} ({_HOW[found['protocol']]}): "
        f"{found['episodes']:,} episodes of each kind with {found['n_query']} "
        f"{'query' if found['n_query'] == 1 else 'queries'} per class, seed {found['seed']}. All "
        "answer the very same episodes; intervals are 95 %, and differences are taken episode by "
        "episode.\n"
    )


def accuracy(found: dict[str, Any], at: int) -> str:
    """The table of one task: the cells number `at`."""
    first = found["rows"][0]["name"]
    head = ("method", "accuracy, %", f"difference to {first}", "paper, %", "queries seen")
    rows = []
    for row in found["rows"]:
        cell = row["cells"][at]
        difference, paper = cell["difference"], cell["published"]
        rows.append(
            (
                row["name"],
                f"{cell['accuracy']['value']:.2f} ± {cell['accuracy']['ci95']:.2f}",
                f"{difference['value']:+.2f} ± {difference['ci95']:.2f}" if difference else "",
                _paper(paper) if paper else "",
                "together (transductive)" if row["transductive"] else "one by one (inductive)",
            )
        )
    return table(head, rows)


def legend(found: dict[str, Any]) -> str:
    """Where the papers' figures come from, for those that are shown."""
    cells = [cell for row in found["rows"] for cell in row["cells"]]
    used = {cell["published"]["read"] for cell in cells if cell["published"]}
    if not used:
        return ""
    return "; ".join(f"[{mark}] {text}" for mark, text in READ.items() if mark in used) + ".\n"


def cost(found: dict[str, Any]) -> str:
    """What each contender is, and what it took."""
    head = ("method", "recipe", "steps", "training, min", "parameters", "ms per query", "seed")
    rows = [
        (
            row["name"],
            row["recipe"] or "",
            _number(row["steps"]),
            _number(row["training_minutes"]),
            _number(row["parameters"]),
            " / ".join(f"{cell['ms_per_query']:.3g}" for cell in row["cells"]),
            _number(row["seed"]),
        )
        for row in found["rows"]
    ]
    return table(head, rows)


def _paper(paper: dict[str, Any]) -> str:
    where = f", as in {paper['table']}" if paper["table"] not in ("", paper["paper"]) else ""
    note = f"; {paper['note']}" if paper["note"] else ""
    return f"{paper['accuracy']:g} ({paper['paper']}{where}{note}) [{paper['read']}]"


def _division(found: dict[str, Any]) -> list[str]:
    if not found["division"]:
        return []
    rows = [
        (name, f"{len(classes):,}", _few(classes)) for name, classes in found["division"].items()
    ]
    return ["## Division of the classes\n", table(("part", "classes", "which"), rows)]


def _left_out(found: dict[str, Any]) -> list[str]:
    lines = [f"- {remark}" for remark in found["remarks"]]
    lines += [f"- left out: {picture} ({why})" for picture, why in found["unfit"].items()]
    return ["## Remarks on the pictures\n", "\n".join(lines) + "\n"] if lines else []


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW:,} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}"
