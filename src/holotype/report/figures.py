"""The charts of the report, each with its figures as a table for those who prefer numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from holotype.evaluation.open_set_report import Curve
from holotype.pages.svg import circle, line, text
from holotype.report.charts import Axis, Line, Mark, chart, decades, even_ticks, framed
from holotype.report.phrases import interval, percent
from holotype.report.proof import Proof
from holotype.report.tables import Row
from holotype.stats.bootstrap import Share

_MOST_RANKS = 20
# Of the chart of rates: each row has a line of text and, below it, a track.
_WIDTH, _EDGE_PX, _ROW_PX, _HEAD_PX, _FOOT_PX = 420, 24, 44, 30, 30


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart and what it shows as a table."""

    chart: Markup
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def rates(measured: Sequence[Row]) -> Markup:
    """Stated against measured: one row for each stated rate and number of examples."""
    ordered = sorted(measured, key=lambda row: (row.rate is None, -(row.rate or 0), row.k_shot))
    ends = [end for row in ordered for end in (row.let_in.low, row.let_in.value, row.rate) if end]
    low = 10.0 ** float(np.floor(np.log10(max(min(ends, default=1.0) / 1.2, 1e-5))))
    low = min(low, 0.1)
    axis = Axis("", low, 1.0, decades(low, 1.0), _tick, log=True)

    def at(value: float) -> float:
        return _EDGE_PX + axis.at(value) * (_WIDTH - 2 * _EDGE_PX)

    height = _HEAD_PX + _ROW_PX * len(ordered) + _FOOT_PX
    parts = [
        line((_EDGE_PX, 4), (_EDGE_PX, 20), "stated"),
        text((_EDGE_PX + 8, 17), "stated"),
        circle((_EDGE_PX + 84, 12), 5, "mark key"),
        text((_EDGE_PX + 96, 17), "strangers let in here"),
        *(text((at(tick), height - 8), _tick(tick), "middle") for tick in axis.ticks),
    ]
    for i, row in enumerate(ordered):
        top = _HEAD_PX + _ROW_PX * i
        track = top + 31
        style, share = row.verdict.replace(" ", "-"), row.let_in
        # Of each track its own, so that no line strikes through the text above.
        parts += [
            line((at(tick), track - 10), (at(tick), track + 10), "grid") for tick in axis.ticks
        ]
        parts += [
            text((_EDGE_PX, top + 16), f"{row.stated}, {_each(row.k_shot)}"),
            text(
                (_WIDTH - _EDGE_PX, top + 16),
                f"{percent(share.value)}, {row.verdict}",
                "end",
                style,
            ),
        ]
        if row.rate is not None:
            parts.append(line((at(row.rate), track - 8), (at(row.rate), track + 8), "stated"))
        title = f"{percent(share.value)} ({interval(share)})"
        parts += [
            line((at(share.low), track), (at(share.high), track), f"whisker {style}"),
            circle((at(share.value), track), 5, f"mark {style}", title),
        ]
    return framed(
        "".join(parts),
        "Stated against measured share of strangers let in",
        "; ".join(
            f"stated {row.stated} with {_each(row.k_shot)}: {percent(row.let_in.value)}, "
            f"{row.verdict}"
            for row in ordered
        ),
        _WIDTH,
        height,
    )


def trade_off(proof: Proof) -> Figure:
    """DET curves of identification, with the stated rates as points on or beside them."""
    return _det_of(
        proof,
        [(report.det, report.identification) for report in proof.reports],
        ("FPIR", "FNIR"),
        ("Detection error trade-off, 1:N", "strangers let in (FPIR)", "enrolled missed (FNIR)"),
    )


def claims(proof: Proof) -> Figure:
    """DET curves of verification."""
    return _det_of(
        proof,
        [(report.claims, report.verification) for report in proof.reports],
        ("FMR", "FNMR"),
        ("Detection error trade-off, 1:1", "impostors accepted (FMR)", "genuine refused (FNMR)"),
    )


def _det_of(
    proof: Proof,
    curves: Sequence[tuple[Curve, Sequence[Any]]],
    rates: tuple[str, str],
    words: tuple[str, str, str],
) -> Figure:
    """The curve of each report, and a point for each stated rate."""
    lines: list[Line] = []
    marks: list[Mark] = []
    for report, style, (det, rows) in zip(proof.reports, styles(proof), curves, strict=True):
        lines.append(_det_line(det, report.k_shot, style))
        for row in rows:
            accepts, misses = (getattr(row, rate.lower()) for rate in rates)
            if accepts and misses:
                marks.append(_point(report.k_shot, style, row.rate, (accepts, misses), rates))
    dets, last = [det for det, _ in curves], proof.reports[0].identification[-1].rate
    return _det_chart(dets, lines, marks, words, last)


def ranks(proof: Proof) -> Figure | None:
    """Cumulative match characteristic; None of a single rank."""
    most = min(_MOST_RANKS, proof.reports[0].enrolled)
    if most < 2:
        return None
    floor = min(float(report.cmc[0]) for report in proof.reports)
    low = max(0.0, np.floor(10 * floor - 0.2) / 10)
    step = max(1, -(-most // 10))
    x = Axis(
        "rank", 1, most, tuple(float(r) for r in range(1, most + 1) if r == 1 or r % step == 0), _n
    )
    y = Axis("right one among the first", float(low), 1, even_ticks(1.0, float(low)), _tick)
    lines = [
        Line(
            [(k + 1.0, float(report.cmc[k])) for k in range(most)],
            _each(report.k_shot),
            style,
        )
        for report, style in zip(proof.reports, styles(proof), strict=True)
    ]
    drawing = chart(
        "Cumulative match characteristic",
        "; ".join(
            f"{_each(report.k_shot)}: rank 1 {percent(float(report.cmc[0]))}, rank {most} "
            f"{percent(float(report.cmc[most - 1]))}"
            for report in proof.reports
        ),
        x,
        y,
        lines,
    )
    shown = [k for k in (1, 2, 3, 5, 10, 20) if k <= most]
    return Figure(
        drawing,
        ("rank", *(_each(report.k_shot) for report in proof.reports)),
        [(str(k), *(percent(float(r.cmc[k - 1])) for r in proof.reports)) for k in shown],
    )


def reliability(proof: Proof) -> Figure | None:
    """Stated probability against what came true; None where no answer had one."""
    lines, marks = [], []
    drawn = [
        (report, found, style)
        for report, style in zip(proof.reports, styles(proof), strict=True)
        if (found := report.reliability) is not None
    ]
    if not drawn:
        return None
    for report, found, style in drawn:
        points = list(zip(found.stated.tolist(), found.observed.tolist(), strict=True))
        lines.append(Line(points, _each(report.k_shot), style))
        marks += [
            Mark(
                point, style, f"stated {percent(point[0])}, came true {percent(point[1])}", radius=4
            )
            for point in points
        ]
    ticks = even_ticks(1.0)
    drawing = chart(
        "Reliability of the stated probability",
        "; ".join(
            f"{_each(report.k_shot)}: expected calibration error {100 * found.error:.1f} points, "
            f"Brier score {found.brier:.3f}, base rate {found.brier_base:.3f}"
            for report, found, _ in drawn
        ),
        Axis("stated probability", 0, 1, ticks, _tick),
        Axis("came true", 0, 1, ticks, _tick),
        lines,
        marks,
        diagonal=True,
    )
    return Figure(
        drawing,
        ("examples", "calibration error", "Brier score", "of the base rate"),
        [
            (
                str(report.k_shot),
                f"{100 * found.error:.2f} points",
                f"{found.brier:.4f}",
                f"{found.brier_base:.4f}",
            )
            for report, found, _ in drawn
        ],
    )


def styles(proof: Proof) -> list[str]:
    """A CSS class for each report: the last, with the most examples, is drawn strongest."""
    return [f"shots{min(3, len(proof.reports) - i)}" for i in range(len(proof.reports))]


def _det_line(curve: Curve, k_shot: int, style: str) -> Line:
    return Line(
        list(zip(curve.false_accepts.tolist(), curve.misses.tolist(), strict=True)),
        _each(k_shot),
        style,
    )


def _point(
    k_shot: int, style: str, rate: float, at: tuple[Share, Share], names: tuple[str, str]
) -> Mark:
    accepts, misses = at
    return Mark(
        (accepts.value, misses.value),
        style,
        f"{_each(k_shot)}, stated {percent(rate)}: {names[0]} {percent(accepts.value)}, "
        f"{names[1]} {percent(misses.value)}",
        (accepts.low, accepts.high),
        (misses.low, misses.high),
    )


def _det_chart(
    curves: Sequence[Curve],
    lines: list[Line],
    marks: list[Mark],
    names: tuple[str, str, str],
    strictest: float,
) -> Figure:
    # A decade beyond the strictest rate that was stated, but no further than was measured.
    seen = min(float(c.false_accepts[c.false_accepts > 0].min(initial=0.01)) for c in curves)
    low = 10.0 ** float(np.floor(np.log10(max(seen, min(strictest / 10, 0.01)))))
    high = max(c.misses_at(low) for c in curves)
    high = min(1.0, max(0.05, np.ceil(high * 1.05 * 20) / 20))
    rates = decades(low, 1.0)
    described = "; ".join(
        f"{line.label}: "
        + ", ".join(f"{percent(c.misses_at(rate))} missed at {_tick(rate)}" for rate in rates[:-1])
        for line, c in zip(lines, curves, strict=True)
    )
    drawing = chart(
        names[0],
        described,
        Axis(names[1], low, 1.0, rates, _tick, log=True),
        Axis(names[2], 0.0, float(high), even_ticks(float(high)), _tick),
        lines,
        marks,
    )
    return Figure(
        drawing,
        (names[1], *(line.label for line in lines)),
        [
            (
                _tick(rate),
                *(percent(c.misses_at(rate)) for c in curves),
            )
            for rate in rates
        ],
    )


def _each(k_shot: int) -> str:
    return f"{k_shot} picture{'' if k_shot == 1 else 's'}"


def _tick(share: float) -> str:
    return f"{100 * share:.6g} %"


def _n(value: float) -> str:
    return f"{value:.0f}"
