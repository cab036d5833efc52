"""The figures as rows: what the terminal, the page and the chart show."""

from __future__ import annotations

from dataclasses import dataclass

from holotype.evaluation.open_set_report import Identification
from holotype.report.basis import known
from holotype.report.phrases import percent, stated
from holotype.report.proof import Proof
from holotype.report.words import verdict
from holotype.stats.bootstrap import Share

HEADINGS = (
    "each",
    "stated",
    "strangers in",
    "recognized",
    "mistaken",
    "missed",
    "cannot tell",
    "verdict",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One stated rate, or the default threshold, with one number of examples: what was measured.

    The four outcomes of the enrolled add up to all of them; so do those of the strangers.
    """

    k_shot: int
    stated: str
    rate: float | None  # None: of the default threshold
    verdict: str
    recognized: Share
    mistaken: float
    missed: float  # answered "unknown"
    cannot_tell: float
    let_in: Share
    strangers_unknown: float
    strangers_cannot_tell: float
    known: str  # how well the stated rate is known: guaranteed, estimated, or a default
    note: str  # in how many galleries, if not in all


def rows(proof: Proof) -> list[Row]:
    """What was measured, by number of examples and rate; a rate that was refused has no row."""
    return [
        _row(report.k_shot, row, default=row is report.default)
        for report in proof.reports
        for row in (*report.identification, *((report.default,) if report.default else ()))
        if row.galleries
    ]


def table(proof: Proof) -> list[tuple[str, ...]]:
    """The rows under `HEADINGS`, for a terminal; shares in percent."""
    return [
        (
            str(row.k_shot),
            row.stated,
            percent(row.let_in.value),
            percent(row.recognized.value),
            percent(row.mistaken),
            percent(row.missed),
            percent(row.cannot_tell),
            row.verdict,
        )
        for row in rows(proof)
    ]


def _row(k_shot: int, row: Identification, default: bool) -> Row:
    assert row.fpir is not None
    assert row.fnir is not None
    assert row.taken_for_another is not None
    assert row.cannot_tell is not None
    assert row.strangers_cannot_tell is not None
    unclear, mistaken = row.cannot_tell.value, row.taken_for_another.value
    return Row(
        k_shot=k_shot,
        stated="default" if default else stated(row.rate),
        rate=None if default else row.rate,
        verdict="not stated" if default else verdict(row),
        recognized=Share(1 - row.fnir.value, 1 - row.fnir.high, 1 - row.fnir.low),
        mistaken=mistaken,
        # Rounding may leave less than nothing.
        missed=max(0.0, row.fnir.value - mistaken - unclear),
        cannot_tell=unclear,
        let_in=row.fpir,
        strangers_unknown=max(0.0, 1 - row.fpir.value - row.strangers_cannot_tell.value),
        strangers_cannot_tell=row.strangers_cannot_tell.value,
        known="" if default else known(row),
        note=f"in {row.galleries:,} of {row.galleries + row.refused:,} galleries"
        if row.refused
        else "",
    )
