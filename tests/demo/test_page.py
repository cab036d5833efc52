"""The page is one file that asks nothing of anybody, and hides no mistake."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest

from holotype import demo
from holotype.demo.measurement import _counted
from holotype.demo.outcomes import Outcome
from holotype.demo.result_page import render
from holotype.demo.showcase import showcase
from holotype.demo.trials import STRANGER
from holotype.records import Reason

VOID = {"meta", "img", "link", "br", "hr", "input", "rect", "line"}


class Outline(HTMLParser):
    """Open tags, addresses and headings of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(result: demo.Demo) -> str:
    return render(result)


def test_the_page_is_well_formed_and_self_contained(page: str) -> None:
    outline = Outline(page)
    assert outline.open == []
    assert outline.addresses
    assert all(address.startswith("data:image/png;base64,") for address in outline.addresses)
    assert not {"script", "link", "iframe"} & set(outline.tags)
    assert "url(" not in page
    assert "@import" not in page
    assert len(page) < 2_000_000


def unclear(result: demo.Demo) -> demo.Demo:
    """The same measurement, every third probe of the first gallery answered with cannot tell."""
    part = result.parts[0]
    decisions = tuple(
        replace(d, answer="cannot_tell", label=None, reasons=(Reason("unfamiliar", "so <odd>"),))
        if i % 3 == 0
        else d
        for i, d in enumerate(part.first_decisions)
    )
    plan = replace(part.plan, trials=part.plan.trials[:1])
    rows = (_counted(1, part.shown_rate, plan.trials, [decisions]),)
    return replace(result, parts=(replace(part, plan=plan, rows=rows, first_decisions=decisions),))


@pytest.mark.parametrize("changed", [False, True])
def test_cards_and_table_count_alike(result: demo.Demo, changed: bool) -> None:
    told = unclear(result) if changed else result
    page = render(told)
    for part in told.parts:
        shown = showcase(part)
        counts = {outcome: len(shown.of(outcome)) for outcome in get_args(Outcome)}
        assert sum(counts.values()) == len(part.first.probes)
        row = _counted(1, part.shown_rate, [part.first], [part.first_decisions])
        known, strangers = shown.known_probes, shown.stranger_probes
        assert row.recognized == pytest.approx(100 * counts["recognized"] / known)
        assert row.taken_for_another == pytest.approx(100 * counts["taken for another"] / known)
        assert row.missed == pytest.approx(100 * counts["missed"] / known)
        assert row.cannot_tell == pytest.approx(100 * counts["cannot tell"] / known)
        assert row.strangers_accepted == pytest.approx(100 * counts["accepted"] / strangers)
        assert f"<b>Strangers accepted: {counts['accepted']}</b> of {strangers}" in page
        accepted = [
            d
            for d, truth in zip(part.first_decisions, part.first.truth, strict=True)
            if truth == STRANGER and d.answer == "match"
        ]
        assert len(accepted) == counts["accepted"]


def test_cannot_tell_is_shown_as_such_with_its_reason(result: demo.Demo) -> None:
    page = render(unclear(result))
    cards = re.findall(r'<li class="answer unclear">.*?</li>', page, flags=re.S)
    assert cards
    assert all('<span class="badge">cannot tell</span>' in card for card in cards)
    assert all('<p class="why">so &lt;odd&gt;.</p>' in card for card in cards)
    assert "so &lt;odd&gt;" not in "".join(
        re.findall(r'<li class="answer (?!unclear).*?</li>', page, flags=re.S)
    )


def test_each_row_says_how_well_its_rate_is_known(page: str, result: demo.Demo) -> None:
    text = re.sub(r"\s+", " ", page.replace("&nbsp;", " "))
    characters = result.parts[0].rows[0]
    # 20 enrolled with one drawing each are ranked at 10 %, and 7 digits are not.
    assert (characters.k_shot, characters.rate) == (1, 0.1)
    assert characters.rests_on == "guaranteed by the 20 enrolled"
    assert "A stated 10 % is guaranteed by the 20 enrolled with one drawing of each" in text
    assert "guaranteed" not in result.parts[1].rows[0].known
    for part in result.parts:
        for row in part.rows:
            assert (row.refused is None) == bool(row.rests_on)
            assert row.refused is not None or f"<small>{' or '.join(row.known)}</small>" in page
    assert not re.search(r"promise|at most", text, re.I)


def test_nothing_is_wider_than_a_phone(page: str) -> None:
    for width in re.findall(r'<svg viewBox="0 0 (\d+) ', page):
        assert int(width) <= 430
    # What has to be wide moves within its own frame.
    assert page.count("<table") == page.count('<div class="scroll"><table')
    assert not re.search(r"(?<!max-)width: *[4-9]\d\dpx", re.sub(r"min-width: 620px", "", page))


def test_the_pick_is_one_of_each_and_does_not_look_at_the_answers(result: demo.Demo) -> None:
    characters = showcase(result.parts[0])
    assert [v.name for v in characters.picked_known] == list(characters.trial.labels)
    assert len({v.name for v in characters.picked_strangers}) == 20
    unlike = replace(result.parts[0], first_decisions=result.parts[0].first_decisions[::-1])
    again = showcase(unlike)
    for one, other in zip(characters.picked_known, again.picked_known, strict=True):
        assert one.probe.tobytes() == other.probe.tobytes()


def test_names_are_escaped(result: demo.Demo) -> None:
    part = result.parts[0]
    trial = replace(part.first, labels=("<script>alert(1)</script>\"'", *part.first.labels[1:]))
    hostile = replace(
        part,
        plan=replace(part.plan, title="<b>", credit="<i>", trials=(trial,)),
        first_decisions=(),
    )
    page = render(
        replace(result, parts=(hostile,), card=replace(result.card, name="<img src=x onerror=y>"))
    )
    assert "<script>" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page
    Outline(page)


def test_refused_rates_are_shown_as_refused(result: demo.Demo) -> None:
    nothing = float("nan")
    part = result.parts[0]
    rows = tuple(
        replace(row, refused="too small a cohort", recognized=nothing) for row in part.rows
    )
    page = render(replace(result, parts=(replace(part, rows=rows, first_decisions=()),)))
    assert page.count("too small a cohort") == len(rows)
    assert "<table" not in page  # no rows of nothing
    assert "nan" not in re.sub(r"base64,[^\"]*", "", page)
    Outline(page)


def test_the_file_is_replaced_whole_or_not_at_all(result: demo.Demo, tmp_path: Path) -> None:
    path = tmp_path / "demo.html"
    path.write_text("before")
    assert demo.write_page(result, path) == path
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert os.listdir(tmp_path) == ["demo.html"]
    missing = tmp_path / "none" / "demo.html"
    with pytest.raises(FileNotFoundError) as error:
        demo.write_page(result, missing)
    assert error.value.filename == str(missing)


def test_it_leads_with_what_is_guaranteed_and_says_what_strictness_costs(
    result: demo.Demo,
) -> None:
    characters = result.parts[0]
    (row,) = [r for r in characters.rows if (r.k_shot, r.rate) == (1, characters.shown_rate)]
    assert row.known == ("guaranteed",)
    assert not any(
        "guaranteed" in r.known
        for r in characters.rows
        if r.k_shot == 1 and r.rate < characters.shown_rate
    )
    header = render(result).partition("</header>")[0].replace("&nbsp;", " ")
    assert f"; {100 * row.rate:g} % on average is guaranteed" in header
    assert f"<b>{row.recognized:.1f} %</b>" in header
    strict = min(r.rate for r in characters.rows if r.refused is None)
    for costs in (r for r in characters.rows if r.rate == strict and r.refused is None):
        assert f"{costs.recognized:.1f} % from " in header.partition("Strictness costs")[2]
