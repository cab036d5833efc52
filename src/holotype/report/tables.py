"""The figures as rows of text."""

from __future__ import annotations

from holotype.report.phrases import percent
from holotype.report.proof import Proof
from holotype.report.words import verdict

HEADINGS = (
    "examples",
    "stated",
    "strangers let in",
    "recognized",
    "missed",
    "taken for another",
    "cannot tell",
    "promise",
)


def table(proof: Proof) -> list[tuple[str, ...]]:
    """The rows under `HEADINGS`, for a terminal; shares in percent."""
    rows: list[tuple[str, ...]] = []
    for report in proof.reports:
        for row in report.identification:
            shares = ("", "", "", "", "")
            if row.fpir and row.fnir and row.taken_for_another and row.cannot_tell:
                missed = row.fnir.value - row.taken_for_another.value - row.cannot_tell.value
                shares = (
                    percent(row.fpir.value),
                    percent(1 - row.fnir.value),
                    percent(max(0.0, missed)),
                    percent(row.taken_for_another.value),
                    percent(row.cannot_tell.value),
                )
            rows.append((str(report.k_shot), f"{100 * row.rate:g} %", *shares, verdict(row)))
    return rows
