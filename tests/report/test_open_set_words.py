from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holotype.errors import RateError
from holotype.evaluation.open_set_report import BasisCount, OpenSetReport
from holotype.report import HEADINGS, Proof, summary, table
from holotype.report.phrases import interval, percent, short, stated, times
from holotype.report.proof import OwnStrangers
from holotype.report.tables import rows
from holotype.report.words import headline, verdict
from holotype.stats.bootstrap import Share
from report_toys import at, drawings, proof


def said(found: Proof) -> str:
    return " ".join(remark.text for remark in summary(found))


def test_numbers_as_people_say_them() -> None:
    assert [stated(rate) for rate in (0.1, 0.01, 0.001, 0.03)] == ["10 %", "1 %", "0.1 %", "3 %"]
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
    assert short("Ojibwe_(Canadian)/character07") == "Ojibwe_(Canadian)/character07"
    assert len(short("x" * 500)) <= 40


@given(
    st.text("ab/", max_size=60), st.text("ab/", max_size=60), st.text("ab/", max_size=60),
    st.integers(12, 40),
)  # fmt: skip
@example("a" * 13, "", "a", 12)
def test_names_that_differ_are_shown_to_differ(same: str, left: str, right: str, most: int) -> None:
    one, other = same + left, same + right
    shown = short(one, other, most), short(other, one, most)
    assert (shown[0] == shown[1]) == (one == other)
    assert all(len(text) <= most for text in shown)


@pytest.mark.parametrize(
    ("fpir", "expected"),
    [
        (Share(0.011, 0.006, 0.018), "kept"),
        (Share(0.030, 0.012, 0.050), "exceeded"),
        (Share(0.001, 0.000, 0.003), "well below"),
        (Share(0.004, 0.000, 0.050), "cannot say"),
        (None, "not supported"),
    ],
)
def test_the_verdict_follows_from_the_interval(fpir: Share | None, expected: str) -> None:
    row = proof(at(p10=0.3, p1=0.6)).reports[0].identification[0]
    assert verdict(replace(row, rate=0.01, fpir=fpir)) == expected


def test_the_summary_says_what_more_pictures_bring() -> None:
    found = proof(at(p10=0.3, p1=0.5), drawings(30))
    assert verdict(found.reports[0].at(0.01)) != "exceeded"
    first, *_ = summary(found)
    assert found.subject is not None
    shares = [1 - row.fnir.value for _, row in found.subject.rows if row.fnir]
    assert shares[0] + 0.1 < shares[1] < shares[2]
    one, two, _ = (percent(share) for share in shares)
    assert first.text.startswith(f"With one picture of each, at a stated 1 %, {one} ")
    assert f"; a second picture makes it {two}" in first.text
    assert headline(found).startswith(one)


def test_every_share_that_is_said_is_rounded_as_in_the_table() -> None:
    found = proof(at(p10=0.3, p1=0.5), drawings(30))
    cells = {cell for row in table(found) for cell in row}
    assert found.subject is not None
    for _, row in found.subject.rows:
        assert row.fnir is not None
        assert percent(1 - row.fnir.value) in cells
    assert re.match(r"[\d.]+ %", headline(found)).group() in cells  # type: ignore[union-attr]
    assert not re.search(r"\bof 100?\b", said(found))


def test_no_gain_is_claimed_where_none_can_be_shown() -> None:
    found = proof(at(p10=-1, p1=-1), drawings(12, 7, noise=5))
    assert all(report.cmc[0] == 1 for report in found.reports)
    assert "a second picture makes no difference that can be shown" in said(found)
    assert "five pictures make none either" in said(found)


def test_a_broken_promise_is_called_so_with_a_remedy() -> None:
    found = proof(at(p10=-1, p1=-1), drawings(50, 6), k_shots=(1,))
    remarks = summary(found)
    assert "The stated rate was exceeded: at a stated 1 %, 100.0 % of strangers" in said(found)
    assert "100 times as many as stated" in said(found)
    assert "At a stated 10 %" not in said(found)  # the looser rate was exceeded as well
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
    assert "The stated rate was kept: at a stated 1 %, " in said(found)
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
    assert headline(only) == "0.0 % recognized from one picture."


def test_a_rate_that_is_kept_by_not_answering_is_never_called_kept() -> None:
    data = drawings()
    every = np.arange(len(data))
    answered = proof(at(p10=0.9, p1=0.95), data, doubtful=every % 25 == 0)
    silent = proof(at(p10=0.9, p1=0.95), data, doubtful=every % 5 == 0)
    assert "hardly answered" not in {verdict(row) for row in answered.reports[0].identification}
    assert {verdict(row) for row in silent.reports[0].identification} == {"hardly answered"}
    assert "Whether the stated rate is kept cannot be said" in said(silent)
    assert "The stated rate was kept" not in said(silent)
    row = silent.reports[0].at(0.1)
    assert row.enrolled_no_answer is not None
    assert row.cannot_tell is not None
    assert row.enrolled_no_answer.unfit == pytest.approx(row.cannot_tell.value, abs=1e-6)
    assert (row.enrolled_no_answer.unfamiliar, row.enrolled_no_answer.tied) == (0, 0)
    assert "Why: the picture is unfit, or of another kind (" in said(silent)


def test_cannot_tell_and_probabilities_have_their_say() -> None:
    data = drawings()
    found = proof(
        at(p10=0.2, p1=0.3),
        data,
        probability=lambda best: np.full(len(best), 0.999),
        doubtful=np.arange(len(data)) % 5 == 0,
    )
    assert "because it could not tell" in said(found)
    assert "always stating the base rate would be better" in said(found)
    # Without noise, who is enrolled is like itself, and everybody else is not.
    honest = proof(
        at(p10=0.2, p1=0.3),
        drawings(noise=5),
        probability=lambda best: np.where(best > 0.9, 0.99, 0.01),
    )
    assert "Its probabilities come true" in said(honest)


def test_the_rate_of_the_summary_is_the_supported_one_nearest_to_one_percent() -> None:
    cuts = dict.fromkeys((0.3, 0.02, 0.0001), 0.4)
    subject = proof(lambda _, rate: cuts[rate], rates=tuple(cuts)).subject
    assert subject is not None
    assert subject.rate == 0.02


def refusing(smallest: float | None, every: int = 1) -> Any:
    """Refuses the rate in every so-many-th gallery but the first; in each, where that is 1."""
    asked = itertools.count()

    def decide(_prototypes: np.ndarray, rate: float) -> float:
        if every == 1 or next(asked) % every:
            raise RateError(f"fpir={rate} is too small for a cohort of 0 classes", "More", smallest)
        return 0.3

    return decide


def test_rates_that_are_not_supported_are_said_once_and_have_no_rows() -> None:
    found = proof(refusing(0.0128), drawings(30))
    assert headline(found) == "No stated rate is supported: nothing to measure."
    assert (
        "A stated 10 % (smallest supported rate: 1.3 %) and 1 % (smallest supported rate: 1.3 %) "
        "are not supported by the 15 enrolled." in said(found)
    )
    assert "fpir=" not in said(found)
    assert "cohort of 0 classes" not in said(found)
    assert table(found) == []
    assert "smallest supported rate: none" in said(proof(refusing(None), drawings(30)))


def test_what_few_galleries_support_is_in_the_headline_as_in_the_table() -> None:
    found = proof(refusing(0.2, every=5), drawings(30), rates=(0.1,), k_shots=(1,))
    row = found.reports[0].at(0.1)
    assert row.fnir is not None
    assert (row.galleries, row.refused) == (3, 9)
    share = percent(1 - row.fnir.value)
    assert (
        headline(found) == f"{share} recognized from one picture, where a stated 10 % is supported."
    )
    assert table(found)[0][3] == share
    assert "supported in 3 of 12 galleries, which alone count" in said(found)


def test_the_default_threshold_is_measured_where_no_rate_is_supported() -> None:
    found = proof(
        refusing(None),
        drawings(30),
        default=0.3,
        own_strangers=OwnStrangers(classes=4, pictures=8, default=0.3),
    )
    alike = proof(at(p10=0.3), drawings(30), rates=(0.1,))
    for report, same in zip(found.reports, alike.reports, strict=True):
        assert report.default is not None
        assert report.default.fpir == same.at(0.1).fpir
        assert report.default.fnir == same.at(0.1).fnir
    assert [row[1] for row in table(found)] == ["default"] * 3
    first = found.reports[0].default
    assert first is not None
    assert first.fpir is not None
    assert first.fnir is not None
    let_in, right = percent(first.fpir.value), percent(1 - first.fnir.value)
    assert headline(found) == (
        f"With the default threshold, {right} recognized from one picture and {let_in} of "
        "strangers in."
    )
    assert "the model's default, which stands for no rate; it accepts from" in said(found)
    assert "from a similarity of 0.3 on" in said(found)
    assert f"{let_in} of strangers let in" in said(found)
    stored = found.to_json()["results"][0]["default_threshold"]
    assert "are not supported by the 15 enrolled and the 4 classes that were set aside" in said(
        found
    )
    assert stored["rests_on"] == [{"basis": "default", "source": "default", "galleries": 12}]
    assert stored["stated_fpir"] is None
    assert stored["median_threshold"] == pytest.approx(0.3)


def test_it_is_said_what_a_rate_rests_on_and_for_whom_it_does_not_hold() -> None:
    cohort = "7 classes of ink, such as alef"
    estimated = said(proof(at(p10=0.3, p1=0.5), cohort=cohort))
    assert "10 % is estimated from 7 classes of ink. 1 % is estimated from 7 classes" in estimated
    assert "Estimated: as far as those tell." in estimated
    assert "Nothing holds for others" in estimated
    guaranteed = proof(at(p10=0.3, p1=0.5), cohort=cohort, ground=("guaranteed", "enrolled"))
    assert "10 % is guaranteed by the 6 enrolled." in said(guaranteed)
    assert "ink" not in said(guaranteed)
    assert {row.known for row in rows(guaranteed)} == {"guaranteed"}
    own = OwnStrangers(classes=4, pictures=8, default=None)
    both = proof(at(p10=0.3, p1=0.5), cohort=cohort, own_strangers=own)
    assert "from the 4 classes that were set aside and 7 classes of ink" in said(both)
    assert "promise" not in said(both) + headline(both)


def test_examples_and_galleries_that_rest_on_something_else_are_told_apart() -> None:
    found = proof(at(p10=0.3, p1=0.5))
    one, *others = found.reports
    guaranteed, cohort = (
        BasisCount("guaranteed", "enrolled", 9),
        BasisCount("estimated", "cohort", 3),
    )

    def resting(report: OpenSetReport, *grounds: BasisCount) -> OpenSetReport:
        loose, strict = report.identification
        return replace(report, identification=(replace(loose, grounds=grounds), strict))

    several = (BasisCount("estimated", "enrolled", 12),)
    mixed = replace(
        found,
        cohort="7 classes of ink",
        reports=(resting(one, guaranteed, cohort), *(resting(o, *several) for o in others)),
    )
    assert (
        "10 % is guaranteed by the 6 enrolled (in 9 galleries), estimated from 7 classes of ink "
        "(in 3 galleries) with one picture of each; estimated from the 6 enrolled with two "
        "pictures or five pictures of each." in said(mixed)
    )
    assert rows(mixed)[0].known == "guaranteed in 9, estimated in 3"


def test_a_terminal_gets_the_same_rows() -> None:
    data = drawings()
    found = proof(at(p10=0.3, p1=0.6), data, doubtful=np.arange(len(data)) % 5 == 0)
    shown = rows(found)
    assert len(shown) == 6
    for row in shown:
        enrolled = row.recognized.value + row.mistaken + row.missed + row.cannot_tell
        assert enrolled == pytest.approx(1)
        assert row.let_in.value + row.strangers_unknown + row.strangers_cannot_tell == (
            pytest.approx(1)
        )
        assert row.cannot_tell > 0
        assert row.strangers_cannot_tell > 0
    assert all(len(cells) == len(HEADINGS) and all(cells) for cells in table(found))
    assert table(found)[0][:3] == ("1", "10 %", percent(shown[0].let_in.value))
