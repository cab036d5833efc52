"""The words follow from the numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holotype import demo
from holotype.demo.measure import Figures, Part
from holotype.demo.words import part_words


def row(rate: float, accepted: float, k_shot: int = 1, low: float | None = None) -> Figures:
    return Figures(
        k_shot, rate, 80.0, 15.0, 5.0, accepted, accepted if low is None else low, accepted
    )


def refused(rate: float) -> Figures:
    nothing = float("nan")
    return Figures(1, rate, *(nothing,) * 6, refused="fpir=0.01 is smaller than promised")


def told(part: Part, *rows: Figures) -> str:
    return "\n".join(part_words(replace(part, rows=rows)))


@pytest.fixture
def digits(result: demo.Demo) -> Part:
    return result.parts[1]


def test_a_kept_promise_is_said_to_be_kept(digits: Part) -> None:
    text = told(digits, row(0.1, 9.0), row(0.01, 0.8))
    assert "the promise was kept" in text
    assert "failed" not in text
    assert "Strangers accepted where 1 % were stated: 0.8 % with one drawing of each." in text


def test_a_broken_promise_is_said_to_be_broken_and_why(digits: Part) -> None:
    text = told(digits, row(0.1, 31.0), row(0.01, 0.8))
    assert "The promise failed in 1 of 2 rows. Why: " in text
    assert "where 10 % were stated: 31.0 % with one drawing of each." in text
    assert "kept" not in text
    assert "The promise failed. Why: " in told(digits, row(0.1, 31.0))


def test_more_than_stated_within_chance_is_no_failure(digits: Part) -> None:
    assert "the promise was kept" in told(digits, row(0.1, 14.0, low=6.0))


def test_more_examples_are_compared(digits: Part) -> None:
    text = told(digits, row(0.01, 1.0), replace(row(0.01, 1.0, k_shot=5), recognized=90.0))
    assert "with one drawing of each, 80.0 % of the others were recognized" in text
    assert "With five drawings of each: 90.0 % recognized" in text


def test_a_refused_rate_is_told_with_its_reason(digits: Part) -> None:
    text = told(digits, row(0.1, 9.0), refused(0.01))
    assert "A stated 1 % with one drawing of each was refused" in text
    assert "fpir=0.01 is smaller than promised." in text
    assert "nan" not in text
    assert "recognized" not in told(digits, refused(0.1), refused(0.01))


def test_the_table_marks_what_failed(result: demo.Demo, digits: Part) -> None:
    part = replace(digits, rows=(row(0.1, 31.0), row(0.01, 0.8), refused(0.01)))
    rows = demo.table(replace(result, parts=(part,)))
    assert [cells[-1].strip() for cells in rows] == ["31.0 %!", "0.8 %", "refused"]
    assert all(len(cells) == len(demo.HEADINGS) for cells in rows)
