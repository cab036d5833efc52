"""The words follow from the numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holotype import demo
from holotype.demo.measurement import Figures, Part
from holotype.demo.story import cells, part_words
from holotype.records import Known


def row(rate: float, accepted: float, k_shot: int = 1, low: float | None = None) -> Figures:
    lowest = accepted if low is None else low
    return Figures(k_shot, rate, 80.0, 5.0, 12.0, 3.0, accepted, 2.0, lowest, accepted)


def refused(rate: float) -> Figures:
    nothing = float("nan")
    return Figures(1, rate, *(nothing,) * 8, refused="not supported by this cohort")


def told(part: Part, *rows: Figures) -> str:
    return "\n".join(part_words(replace(part, rows=rows)))


@pytest.fixture
def digits(result: demo.Demo) -> Part:
    return result.parts[1]


def test_a_kept_rate_is_said_to_be_kept(digits: Part) -> None:
    text = told(digits, row(0.1, 9.0), row(0.01, 0.8))
    assert "no row exceeds what was stated" in text
    assert "was exceeded" not in text
    assert "Strangers accepted at a stated 1 %: 0.8 % with one drawing of each." in text


def test_an_exceeded_rate_is_said_to_be_exceeded_and_why(digits: Part) -> None:
    text = told(digits, row(0.1, 31.0), row(0.01, 0.8))
    assert "The stated rate was exceeded in 1 of 2 rows. Why: " in text
    assert "at a stated 10 %: 31.0 % with one drawing of each." in text
    assert "no row exceeds" not in text


def test_more_than_stated_within_chance_is_no_failure(digits: Part) -> None:
    assert "no row exceeds" in told(digits, row(0.1, 14.0, low=6.0))


def test_all_three_answers_are_told(digits: Part) -> None:
    text = told(digits, row(0.1, 9.0))
    assert "12.0 % missed, 5.0 % taken for another, 3.0 % cannot tell." in text
    assert "2.0 % of the strangers were answered with cannot tell." in text
    assert cells(row(0.1, 9.0)) == (
        "1",
        "10 %",
        "80.0 %",
        "5.0 %",
        "12.0 %",
        "3.0 %",
        "9.0 %",
        "89.0 %",
        "2.0 %",
    )


def resting(figures: Figures, known: Known, by_whom: str) -> Figures:
    return replace(figures, known=(known,), rests_on=f"{known} {by_whom}")


def test_each_rate_says_what_it_rests_on(digits: Part) -> None:
    text = told(
        digits,
        resting(row(0.1, 9.0), "guaranteed", "by the 20 enrolled"),
        resting(row(0.1, 9.0, k_shot=2), "estimated", "from the 20 enrolled"),
        resting(row(0.1, 9.0, k_shot=5), "estimated", "from the 20 enrolled"),
        resting(row(0.01, 0.8), "estimated", "from 9 classes"),
        refused(0.01),
    )
    assert (
        "A stated 10 % is guaranteed by the 20 enrolled with one drawing of each; estimated from "
        "the 20 enrolled with two drawings and five drawings of each. 1 % is estimated from 9 "
        "classes. Guaranteed: " in text
    )
    assert "Estimated: " in text
    assert "Nothing holds for others" in text
    assert "the strangers are digits" in text
    only = told(digits, resting(row(0.1, 9.0), "guaranteed", "by the 20 enrolled"))
    assert "Estimated: " not in only


def test_no_words_of_a_promise(result: demo.Demo, digits: Part) -> None:
    parts = (replace(digits, rows=(row(0.1, 31.0), row(0.01, 0.8), refused(0.01))),)
    text = " ".join(demo.words(replace(result, parts=parts)))
    assert "promise" not in text
    assert "guaranteed" not in text  # nothing is said of rows that do not tell


def test_more_examples_are_compared(digits: Part) -> None:
    text = told(digits, row(0.01, 1.0), replace(row(0.01, 1.0, k_shot=5), recognized=90.0))
    assert "with one drawing of each, 80.0 % of the others were recognized" in text
    assert "With five drawings of each: 90.0 % recognized" in text


def test_a_refused_rate_is_told_with_its_reason(digits: Part) -> None:
    text = told(digits, row(0.1, 9.0), refused(0.01))
    assert "A stated 1 % with one drawing of each was not measured" in text
    assert "it is not supported by this cohort." in text
    assert "nan" not in text
    assert "recognized" not in told(digits, refused(0.1), refused(0.01))


def test_the_table_marks_what_failed_and_has_no_empty_rows(result: demo.Demo, digits: Part) -> None:
    part = replace(digits, rows=(row(0.1, 31.0), row(0.01, 0.8), refused(0.01)))
    ((title, rows),) = demo.tables(replace(result, parts=(part,)))
    assert title == digits.plan.title
    assert [cells[-1].strip() for cells in rows] == ["31.0 %!", "0.8 %"]
    assert all(len(cells) == len(demo.HEADINGS) and all(cells) for cells in rows)
