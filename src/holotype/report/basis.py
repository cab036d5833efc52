"""What the stated rates of a test rest on: guaranteed, estimated, or a default, and by whom."""

from __future__ import annotations

from itertools import groupby

from holotype.evaluation.open_set_report import BasisCount, Identification
from holotype.rate_basis import in_galleries, meaning, rests_on
from holotype.records import Known
from holotype.report.phrases import pictures, stated
from holotype.report.proof import Proof


def known(row: Identification) -> str:
    """How well, in a word: "guaranteed", "guaranteed in 150, estimated in 50"."""
    counts: dict[Known, int] = {}
    for ground in row.grounds:
        counts[ground.basis] = counts.get(ground.basis, 0) + ground.galleries
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{word} in {count:,}" for word, count in counts.items())


def resting(proof: Proof) -> str:
    """What each stated rate rests on, and what the words mean; empty where none is supported."""
    said, words = [], set[Known]()
    for asked in proof.reports[0].identification:
        rows = [(report.k_shot, report.at(asked.rate)) for report in proof.reports]
        rows = [(k_shot, row) for k_shot, row in rows if row.grounds]
        words |= {ground.basis for _, row in rows for ground in row.grounds}
        parts = [
            (text, [k_shot for k_shot, _ in same])
            for text, same in groupby(rows, lambda pair: _by_whom(proof, pair[1]))
        ]
        if len(parts) == 1:
            said.append(f"{stated(asked.rate)} is {parts[0][0]}.")
        elif parts:
            each = "; ".join(
                f"{text} with {' or '.join(pictures(k) for k in shots)} of each"
                for text, shots in parts
            )
            said.append(f"{stated(asked.rate)} is {each}.")
    return " ".join((*said, meaning(words))) if said else ""


def whose(proof: Proof) -> list[str]:
    """Who may speak for strangers in this test."""
    own = proof.own_strangers
    named = [f"the {proof.reports[0].enrolled:,} enrolled"]
    named += [_own(proof)] if own is not None else []
    return named + ([_cohort(proof)] if proof.cohort else [])


def _by_whom(proof: Proof, row: Identification) -> str:
    return in_galleries(
        text for ground in row.grounds for text in [_said(proof, ground)] * ground.galleries
    )


def _said(proof: Proof, ground: BasisCount) -> str:
    return rests_on(
        ground.basis,
        ground.source,
        enrolled=proof.reports[0].enrolled,
        own=_own(proof),
        cohort=_cohort(proof),
    )


def _own(proof: Proof) -> str:
    own = proof.own_strangers
    return "" if own is None else f"the {own.classes:,} classes that were set aside"


def _cohort(proof: Proof) -> str:
    """Without the example of a class, which is too long to be said with each rate."""
    return proof.cohort.partition(", such as ")[0]
