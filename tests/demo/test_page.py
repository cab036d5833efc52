"""The page is one file that asks nothing of anybody, and hides no mistake."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from holotype import demo
from holotype.demo.page import render
from holotype.demo.showcase import showcase
from holotype.demo.trials import STRANGER

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


def test_every_mistake_is_counted(page: str, result: demo.Demo) -> None:
    for part in result.parts:
        shown = showcase(part)
        wrong = [
            decision
            for decision, truth in zip(part.first_decisions, part.first.truth, strict=True)
            if truth == STRANGER and decision.answer != "unknown"
        ]
        assert len(shown.of("accepted")) == len(wrong)
        assert f"<b>Strangers accepted: {len(wrong)}</b> of {shown.stranger_probes}" in page
        outcomes = ("recognized", "confused", "missed", "turned away", "accepted")
        assert sum(len(shown.of(o)) for o in outcomes) == len(part.first.probes)


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
    assert page.count('<td class="">refused</td>') == len(rows)
    assert "too small a cohort" in page
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
