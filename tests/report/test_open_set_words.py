from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from holotype.report import HEADINGS, Proof, summary, table
from holotype.report.phrases import interval, of, one_in, percent, short, times
from holotype.report.words import headline, verdict
from holotype.tasks.bootstrap import Share
from holotype.tasks.open_set_report import Identification
from report_toys import at, drawings, proof


def said(found: Proof) -> str:
    return " ".join(remark.text for remark in summary(found))


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "none"),
        (0.004, "fewer than 1 of 100"),
        (0.02, "2 of 100"),
        (0.12, "1 of 10"),
        (0.62, "6 of 10"),
        (0.9, "9 of 10"),
        (0.93, "93 of 100"),
        (0.994, "99 of 100"),
        (0.9999, "more than 99 of 100"),
        (1.0, "all"),
    ],
)
def test_shares_are_said_as_counts(share: float, text: str) -> None:
    assert of(share) == text


def test_numbers_as_people_say_them() -> None:
    assert [one_in(rate) for rate in (0.1, 0.01, 0.001, 0.03)] == [
        "1 stranger in 10",
        "1 stranger in 100",
        "1 stranger in 1,000",
        "3 in 100 strangers",
    ]
    assert [percent(share) for share in (0, 0.613, 0.0094, 0.0008, 0.00001, 1)] == [
        "0.0 %",
        "61.3 %",
        "0.94 %",
        "0.08 %",
        "under 0.01 %",
        "100.0 %",
    ]
    assert interval(Share(0.5, 0.402, 0.6)) == "40.2 to 60.0 %"
    assert [times(ratio) for ratio in (1.4, 2.0, 5.04, 88.3)] == [
        "1.4 times",
        "twice",
        "5 times",
        "88 times",
    ]
    assert short("Ojibwe_(Canadian)/character07") == "Ojibwe_(…aracter07"
    assert len(short("x" * 500)) <= 18


@pytest.mark.parametrize(
    ("fpir", "expected"),
    [
        (Share(0.011, 0.006, 0.018), "kept"),
        (Share(0.030, 0.012, 0.050), "exceeded"),
        (Share(0.001, 0.000, 0.003), "well below"),
        (Share(0.004, 0.000, 0.050), "cannot say"),
        (None, "refused"),
    ],
)
def test_the_verdict_follows_from_the_interval(fpir: Share | None, expected: str) -> None:
    row = proof(at(p10=0.3, p1=0.6)).reports[0].identification[0]
    assert verdict(replace(row, rate=0.01, fpir=fpir)) == expected


def test_the_summary_says_what_more_pictures_bring() -> None:
    found = proof(at(p10=0.3, p1=0.5), drawings(30))
    assert verdict(found.reports[0].at(0.01)) != "exceeded"
    first, *_ = summary(found)
    rows = [row.fnir for _, row in found.rows(0.01)]
    shares = [1 - fnir.value for fnir in rows if fnir]
    assert shares[0] + 0.1 < shares[1] < shares[2]
    assert first.text.startswith(
        f"With one picture of each, at 1 stranger in 100, {of(shares[0])} "
    )
    assert "; a second picture makes it " in first.text
    assert headline(found).startswith(of(shares[0]).capitalize())


def test_no_gain_is_claimed_where_none_can_be_shown() -> None:
    found = proof(at(p10=-1, p1=-1), drawings(12, 7, noise=5))
    assert all(report.cmc[0] == 1 for report in found.reports)
    assert "a second picture makes no difference that can be shown" in said(found)
    assert "five pictures make none either" in said(found)


def test_a_broken_promise_is_called_so_with_a_remedy() -> None:
    found = proof(at(p10=-1, p1=-1), drawings(50, 6), k_shots=(1,))
    remarks = summary(found)
    assert "The promise was broken: where 1 stranger in 100 may be let in, 100.0 %" in said(found)
    assert "100 times as many as stated" in said(found)
    assert "at a stated 1 stranger in 100, " in said(found)
    assert "Whoever can bear" not in said(found)  # the looser rate was broken as well
    assert headline(found).endswith(", but too many strangers let in.")
    assert any("same origin" in r.text for r in remarks if r.tone == "advice")
    assert "thin evidence" not in said(found)


def test_a_kept_promise_and_the_price_of_a_strict_rate() -> None:
    # Each rate gets the threshold that lets in that share on these very galleries.
    loose = proof(at(p10=0.3, p1=0.5), drawings(150, 4), k_shots=(1,)).reports[0].det
    cuts = {
        rate: float(loose.threshold[np.searchsorted(loose.false_accepts, rate) - 1])
        for rate in (0.1, 0.01)
    }
    found = proof(lambda _, rate: cuts[rate], drawings(150, 4), k_shots=(1,))
    assert "The promise was kept: where 1 stranger in 100 may be let in" in said(found)
    assert not headline(found).endswith("strangers let in.")
    strict, generous = (found.reports[0].at(rate).fnir for rate in (0.01, 0.1))
    assert strict is not None
    assert generous is not None
    assert strict.value > generous.value


def test_turning_everyone_away_is_no_promise_kept() -> None:
    found = proof(at(p10=1.01, p1=1.01), drawings(300, 3), k_shots=(1,))
    assert verdict(found.reports[0].at(0.1)) == "well below"
    # 150 classes of strangers without one let in still allow 2 %.
    assert verdict(replace(found.reports[0].at(0.1), rate=0.005)) == "cannot say"
    only = proof(at(p10=1.01), drawings(300, 3), k_shots=(1,), rates=(0.1,))
    assert "more strictly than stated" in said(only)
    assert headline(only) == "None recognized from one picture."


def test_cannot_tell_and_probabilities_have_their_say() -> None:
    found = proof(
        at(p10=0.2, p1=0.3),
        probability=lambda scored: np.full(len(scored.row), 0.999),
        cannot_tell=lambda scored, _: scored.row % 5 == 0,
    )
    assert "because it could not tell" in said(found)
    assert "always stating the base rate would be better" in said(found)
    honest = proof(
        at(p10=0.2, p1=0.3), probability=lambda scored: np.where(scored.right, 0.99, 0.01)
    )
    assert "Its probabilities come true" in said(honest)


def test_the_rate_of_the_summary_is_the_promised_one_nearest_to_one_percent() -> None:
    cuts = dict.fromkeys((0.3, 0.02, 0.0001), 0.4)
    assert proof(lambda _, rate: cuts[rate], rates=tuple(cuts)).rate == 0.02


def test_a_terminal_gets_the_same_rows() -> None:
    found = proof(at(p10=0.3, p1=0.6))
    rows = table(found)
    assert len(rows) == 6
    assert all(len(row) == len(HEADINGS) for row in rows)
    row: Identification = found.reports[0].identification[0]
    assert row.fpir is not None
    assert rows[0][:3] == ("1", "10 %", percent(row.fpir.value))
