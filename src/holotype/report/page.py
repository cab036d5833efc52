"""The report as one self-contained page, and its figures as JSON beside it."""

from __future__ import annotations

import json
from pathlib import Path

from holotype.evaluation.groups import LEAST_CLASSES
from holotype.pages import check_ending, page, write
from holotype.report import figures, mistakes
from holotype.report.phrases import interval, percent, pictures, stated
from holotype.report.proof import Proof, Subject
from holotype.report.tables import rows
from holotype.report.words import headline, setting, summary, verdict

_KINDS = {"kept": "right", "exceeded": "wrong"}  # of a verdict, the CSS class


def write_report(proof: Proof, path: Path) -> tuple[Path, Path]:
    """Write the page and, under the same name with `.json`, its figures; each whole or not at all.

    Args:
        proof: what was measured.
        path: of the page, ending in `.html` or `.htm`; files that are there are replaced.

    Returns:
        The paths of the page and of the figures.

    Raises:
        DataError: the path has another ending.
        OSError: it cannot be written.
    """
    check_ending(path)
    beside = path.with_suffix(".json")
    write(beside, json.dumps(proof.to_json(), indent=2, allow_nan=False) + "\n")
    write(path, render(proof, beside.name))
    return path, beside


def render(proof: Proof, json_name: str) -> str:
    """The page as HTML that asks nothing of any other address."""
    subject = proof.subject
    measured = rows(proof)
    return page(
        "report/report.html",
        proof=proof,
        first=proof.reports[0],
        last=proof.reports[-1],
        json_name=json_name,
        headline=headline(proof),
        facts=[] if subject is None else _facts(subject),
        remarks=summary(proof),
        measured=measured,
        rates=figures.rates(measured) if measured else "",
        trade_off=figures.trade_off(proof),
        ranks=figures.ranks(proof),
        reliability=figures.reliability(proof),
        shots="" if subject is None else pictures(subject.rows[0][0]),
        setting="" if subject is None else setting(subject),
        worst=[] if subject is None else mistakes.worst(proof, subject),
        weak=None if subject is None else mistakes.weakest(proof, subject),
        claims=figures.claims(proof),
        claimed=[
            (report.k_shot, row)
            for report in proof.reports
            for row in report.verification
            if row.fmr and row.fnmr
        ],
        least_classes=LEAST_CLASSES,
        interval=interval,
        percent=percent,
        pictures=pictures,
        stated=stated,
        kinds=_KINDS,
    )


def _facts(subject: Subject) -> list[tuple[str, str, str]]:
    """The figures in large print: number, what it is, and CSS class."""
    facts = [
        (percent(1 - row.fnir.value), f"recognized, from {pictures(k_shot)} of each", "right")
        for k_shot, row in subject.rows
        if row.fnir
    ]
    (_, main), *_ = subject.rows
    if main.fpir:
        kind = "" if subject.rate is None else _KINDS.get(verdict(main), "")
        said = f"of strangers let in, {setting(subject)}"
        facts.append((percent(main.fpir.value), said, kind))
    return facts
