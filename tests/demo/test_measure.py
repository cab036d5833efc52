"""The figures are those of the Recognizer's own answers, counted right."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import holotype
from holotype import demo
from holotype.demo.measurement import RATES, SHOTS, _counted, _interval
from holotype.demo.trials import STRANGER, Trial
from holotype.records import Answer, Basis, Candidate, Decision
from toy_packs import make_toy_pack


def test_shares_add_up_and_every_setting_has_its_row(result: demo.Demo) -> None:
    assert [part.plan.key for part in result.parts] == ["characters", "digits"]
    for part in result.parts:
        assert [(row.k_shot, row.rate) for row in part.rows] == [
            (k_shot, rate) for k_shot in SHOTS for rate in RATES
        ]
        for row in part.rows:
            if row.refused is None:
                assert row.recognized + row.taken_for_another + row.missed + row.cannot_tell == (
                    pytest.approx(100)
                )
                assert row.strangers_accepted + row.strangers_cannot_tell <= 100
                assert row.accepted_low <= row.strangers_accepted <= row.accepted_high


def test_the_answers_shown_are_those_of_a_recognizer_made_by_hand(
    result: demo.Demo, tmp_path: Path
) -> None:
    part = result.parts[1]
    pack = make_toy_pack(tmp_path / "toy")
    with holotype.open(tmp_path / "g", model=pack) as recognizer:
        for label, examples in zip(part.first.labels, part.first.examples, strict=True):
            recognizer.enroll(label, examples[0])
        answers = recognizer.identify(list(part.first.probes[:40]), fpir=part.shown_rate)
    for mine, shown in zip(answers, part.first_decisions, strict=False):
        assert (mine.answer, mine.label) == (shown.answer, shown.label)
        assert mine.similarity == pytest.approx(shown.similarity, abs=1e-5)


def decision(label: str | None, answer: Answer | None = None) -> Decision:
    answer = answer or ("match" if label else "unknown")
    return Decision(answer, label, 0.5, 0.4, "fpir", 0.1, (Candidate("a", 0.5),), 0.5, 1.0, ())


def trial_of(truth: list[int], kind: list[int]) -> Trial:
    pictures = np.zeros((len(truth), 2, 2), np.uint8)
    return Trial(("a", "b"), np.zeros((2, 5, 2, 2), np.uint8), pictures, ("",) * len(truth),
                 np.array(truth), np.array(kind))  # fmt: skip


def test_each_probe_is_counted_once_under_what_happened_to_it() -> None:
    trial = trial_of([0, 0, 1, 1] + [STRANGER] * 4, [0, 0, 1, 1, 2, 2, 3, 3])
    answers = [decision(label) for label in ("a", "b", "b", None, "a", "a", None, None)]
    row = _counted(1, 0.1, [trial], [answers])
    assert (row.recognized, row.missed, row.taken_for_another) == (50, 25, 25)
    assert row.strangers_accepted == 50
    # Two classes, one accepted whole, one not at all: they could as well have been alike.
    assert (row.accepted_low, row.accepted_high) == (0, 100)
    assert row.kept


def test_cannot_tell_is_neither_a_miss_nor_an_acceptance() -> None:
    trial = trial_of([0, 1, STRANGER, STRANGER], [0, 1, 2, 2])
    unclear = decision(None, "cannot_tell")
    row = _counted(1, 0.1, [trial], [[decision("a"), unclear, unclear, decision(None)]])
    assert (row.recognized, row.taken_for_another, row.missed, row.cannot_tell) == (50, 0, 0, 50)
    assert (row.strangers_accepted, row.strangers_cannot_tell) == (0, 50)


def test_galleries_that_rest_on_something_else_are_told_apart() -> None:
    trial = trial_of([0, STRANGER], [0, 1])
    enrolled = Basis("guaranteed", "enrolled", 2, "ink", 9, 0, 0.67)
    cohort = replace(enrolled, known="estimated", source="cohort")
    answers = [[replace(decision("a"), basis=basis)] * 2 for basis in (cohort, enrolled, cohort)]
    row = _counted(1, 0.1, [trial] * 3, answers)
    assert row.known == ("estimated", "guaranteed")
    assert row.rests_on == (
        "estimated from 9 classes of ink (in 2 galleries), "
        "guaranteed by the 2 enrolled (in 1 gallery)"
    )


def test_the_interval_resamples_classes() -> None:
    kind = np.repeat(np.arange(20), 50)
    alike = np.tile(np.arange(50) < 10, 20)  # a fifth of each class
    # As 200 of 1,000 drawings, no better: see tests/stats/test_bootstrap.py.
    assert _interval(alike, kind) == pytest.approx((17.5, 22.8), abs=0.1)
    whole = kind < 4  # a fifth of the classes, each whole
    low, high = _interval(whole, kind)
    assert low < 8
    assert high > 33
    # No hit in 20 classes: at 14 % each, that has a chance of 5 %.
    assert _interval(np.zeros(1000, bool), kind) == pytest.approx((0, 14), abs=1)


def test_the_document_is_plain_json(result: demo.Demo) -> None:
    document = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert document["model"] == "toy"
    assert len(document["rows"]) == 12
    for row in document["rows"]:
        assert (row["refused"] is None) == ("strangers_accepted" in row) == bool(row["rests_on"])
        assert row["stated_rate"] in RATES
