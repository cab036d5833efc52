from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from holotype.errors import DataError, RateError
from holotype.report import Proof, write_report
from holotype.report.page import render
from report_toys import at, drawings, folder, proof

VOID = {"meta", "img", "br", "link", "hr"}


class Balanced(HTMLParser):
    """Raises where a tag is closed that is not the last one opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "action", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def measured() -> Proof:
    data = drawings(noise=220)
    return proof(
        at(p10=0.1, p1=0.15),
        data,
        probability=lambda best: np.clip(best, 0, 1),
        doubtful=np.arange(len(data)) % 11 == 0,
        cohort="7 classes of ink, such as alef",
    )


@pytest.fixture(scope="module")
def page(measured: Proof) -> str:
    return render(measured, "report.json")


def test_the_page_is_whole_and_asks_nothing_of_any_address(page: str) -> None:
    parser = Balanced()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    assert not {"script", "link", "iframe", "b>bold"} & parser.seen
    assert parser.addresses
    assert all(address.startswith("data:image/") for address in parser.addresses)
    assert "default-src 'none'" in page
    assert not re.search(r"url\(|@import|https?://", page)


def test_names_of_classes_and_data_are_text(page: str) -> None:
    assert "toys & <more>" not in page
    assert "toys &amp; &lt;more&gt;" in page
    assert "<b>bold" not in page
    assert 'quote"d' not in page
    # Whatever turns the line around ends with its own element.
    for found in re.finditer("\u202e", page):
        around = page[max(0, found.start() - 200) : found.start()]
        assert around.rfind("<bdi") > around.rfind("</bdi>") or 'alt="' in around


def test_every_chart_is_well_formed_named_and_has_its_figures(page: str) -> None:
    charts = re.findall(r"<svg.*?</svg>", page, flags=re.S)
    assert len(charts) == 5  # promise, 1:N, ranks, reliability, 1:1
    for chart in charts:
        root = ElementTree.fromstring(chart)
        assert root.get("role") == "img"
        assert root.findtext("title")
        assert root.findtext("desc")
        numbers = re.findall(r'\s(?:x|y|x1|x2|y1|y2|cx|cy|r)="([^"]*)"', chart)
        assert numbers
        assert np.isfinite(np.array(numbers, float)).all()
        assert "nan" not in chart
    assert page.count("<summary>The figures</summary>") == 4
    assert page.count("<table") == 6
    # Drawn for a phone; what has to be wider moves within its own frame.
    assert all(int(width) <= 430 for width in re.findall(r'viewBox="0 0 (\d+) ', page))
    assert page.count("<table") == page.count('<div class="scroll"><table')


def test_each_kind_of_mistake_is_shown_with_its_pictures(measured: Proof, page: str) -> None:
    assert measured.subject is not None
    assert measured.subject.rate == 0.01
    mistakes = measured.reports[0].at(0.01).mistakes
    assert {m.kind for m in mistakes} == {"stranger_accepted", "taken_for_another", "missed"}
    assert "The worst mistakes" in page
    for card in re.findall(r'<li class="answer .*?</li>', page, flags=re.S):
        assert card.count("<img") in (2, 3)
        assert re.search(r"accepted from \d", card)
    shown = [m for m in mistakes if m.kind == "missed"][:8]
    assert page.count('<li class="answer missed">') == len(shown) > 0


def test_the_figures_lie_beside_the_page_in_iso_terms(measured: Proof, tmp_path: Path) -> None:
    html, beside = write_report(measured, tmp_path / "out.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.html", "out.json"]
    assert "out.json" in html.read_text(encoding="utf-8")
    stored = json.loads(beside.read_text(encoding="utf-8"))
    assert [result["examples"] for result in stored["results"]] == [1, 2, 5]
    result = stored["results"][0]
    row = result["identification"][1]
    assert row["stated_fpir"] == 0.01
    assert row["fnir"]["ci95"][0] <= row["fnir"]["value"] <= row["fnir"]["ci95"][1]
    assert set(result["verification"][0]) >= {"stated_fmr", "fmr", "fnmr"}
    assert list(result["rank_identification_rate"]) == ["1", "2", "3", "5", "6"]
    assert set(result["det"][0]) == {"threshold", "fpir", "fnir"}
    assert set(result["verification_det"][0]) == {"threshold", "fmr", "fnmr"}
    assert result["reliability"]["bins"]
    assert {mistake["kind"] for mistake in result["worst"]} <= {
        "stranger_accepted",
        "taken_for_another",
        "missed",
    }


def test_each_rate_says_what_it_rests_on(measured: Proof, page: str) -> None:
    assert page.count("<small>estimated</small>") == 6  # two rates, three numbers of examples
    assert "1&nbsp;% is estimated from 7 classes of ink." in page
    row = measured.to_json()["results"][0]["identification"][0]
    assert row["rests_on"] == [{"basis": "estimated", "source": "cohort", "galleries": 12}]


def test_writing_replaces_a_report_and_leaves_nothing_else(measured: Proof, tmp_path: Path) -> None:
    (tmp_path / "r.html").write_text("old")
    write_report(measured, tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "no" / "r.json"))):
        write_report(measured, tmp_path / "no" / "r.html")
    for name in ("r.json", "r"):
        with pytest.raises(DataError, match=r"does not end in \.html"):
            write_report(measured, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.json"]


def test_where_every_rate_is_refused_the_page_says_so() -> None:
    def refuse(_prototypes: np.ndarray, rate: float) -> float:
        raise RateError(f"fpir={rate} is smaller than <this> cohort can promise", "State more")

    page = render(proof(refuse), "r.json")
    assert "No stated rate is supported: nothing to measure." in page
    assert "are not supported by the 6 enrolled" in page
    assert "Stated and measured" not in page  # no chart and no table of nothing
    assert "<td></td>" not in page
    assert "The worst mistakes" not in page
    assert "nan" not in re.sub('data:[^"]*', "", page)
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []


def test_a_folder_of_photos_with_a_class_of_one(tmp_path: Path) -> None:
    dataset = folder(tmp_path / "people")
    found = proof(at(p10=0.2, p1=0.9), dataset)
    assert [report.k_shot for report in found.reports] == [1, 2]
    page = render(found, "r.json")
    assert "data:image/jpeg" in page
    assert "This is thin evidence: 5 classes" in page
    worst = found.to_json()["results"][0]["worst"]
    assert any(mistake["probe"].endswith(".png") for mistake in worst)
    assert all("person 0" not in m["true_class"] for m in worst if m["kind"] == "missed")


def test_pictures_are_named_by_class_and_number_where_they_are_no_files() -> None:
    found = proof(at(p10=0.2, p1=0.9), drawings(7, 3))
    assert found.dataset.picture(0) == "<b>bold</b> #1"
    assert found.dataset.picture(20) == "class 0 #3"
