"""The page of `identify --report`: every answer has its card, and says no more than is known."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np

from holotype.records import Candidate, Decision, Reason
from holotype.report import Identified, identified_page

PHOTO = np.random.default_rng(0).integers(0, 255, (60, 40, 3), dtype=np.uint8)
MATCH = Decision(
    "match", "Ada", 0.81, 0.6, "fpir", 0.01, (Candidate("Ada", 0.81), Candidate("Bob", 0.2)), 0.9,
    0.5, (Reason("above_threshold", "Ada is alike by 0.81"),), box=(5, 5, 30, 40),
)  # fmt: skip
UNKNOWN = replace(
    MATCH, answer="unknown", label=None, candidates=(Candidate("<Bob>", 0.4),), probability=0.123,
    box=None, reasons=(Reason("below_threshold", "<Bob> is nearest"),),
)  # fmt: skip
UNCLEAR = replace(UNKNOWN, answer="cannot_tell", reasons=(Reason("low_quality_blur", "blurred"),))
UNREADABLE = replace(
    UNCLEAR, candidates=(), threshold=None, reasons=(Reason("unreadable", "no picture at all"),)
)
ANSWERS = [
    Identified("door & desk/1.jpg", MATCH, PHOTO),
    Identified("2.jpg", UNKNOWN, PHOTO),
    Identified("3.jpg", UNCLEAR, PHOTO),
    Identified("4.txt", UNREADABLE, None),
]


class Outline(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(answers: list[Identified] = ANSWERS, strangers: str = "9 classes of faces") -> str:
    return identified_page(
        answers,
        "door.gallery",
        kept=lambda label: PHOTO if label == "Ada" else None,
        strangers=strangers,
    )


def cards(html: str) -> list[str]:
    return re.findall(r'<li class="answer.*?</li>', html, flags=re.S)


def test_the_page_is_whole_and_asks_nothing_of_any_address() -> None:
    outline = Outline(page())
    assert all(address.startswith("data:image/") for address in outline.addresses)
    assert not {"script", "link", "bob"} & outline.tags
    assert "&lt;Bob&gt;" in page()
    assert "door &amp; desk" in page()


def test_each_answer_has_its_card_with_a_reason() -> None:
    assert "<h1>1 match, 1 unknown, 2 cannot tell.</h1>" in page()
    match, unknown, unclear, unreadable = cards(page())
    assert '<span class="badge">match</span>' in match
    assert match.count("<img") == 2
    assert "best guess" not in match
    assert '<span class="badge">unknown</span>' in unknown
    assert "best guess: <bdi>&lt;Bob&gt;</bdi>, 12.3 % likely" in unknown
    assert unknown.count("<img") == 1  # no picture of Bob is kept
    assert "no picture" in unknown
    assert '<span class="badge">cannot tell</span>' in unclear
    assert '<p class="why">blurred.</p>' in unclear
    assert "<img" not in unreadable
    assert '<p class="why">no picture at all.</p>' in unreadable
    assert "best guess" not in unreadable


def test_the_box_is_drawn_into_the_picture_alone() -> None:
    plain = page([Identified("1.jpg", replace(MATCH, box=None), PHOTO)])
    boxed = page([Identified("1.jpg", MATCH, PHOTO)])
    sources = [re.findall(r'src="([^"]*)"', html) for html in (plain, boxed)]
    assert sources[0][0] != sources[1][0]
    assert sources[0][1] == sources[1][1]


def test_each_kept_picture_is_fetched_once() -> None:
    asked: list[str] = []
    identified_page([*ANSWERS, *ANSWERS], "door.gallery", kept=lambda label: asked.append(label))
    assert sorted(asked) == ["<Bob>", "Ada"]


def test_it_says_what_is_known_and_of_whom() -> None:
    text = re.sub(r"\s+", " ", page().replace("&nbsp;", " "))
    assert "set for 1 % of strangers. That is an estimate" in text
    assert "like those that set it (9 classes of faces)" in text
    assert not re.search(r"promise|at most", text, re.I)
    default = [Identified("1.jpg", replace(MATCH, promised=False), PHOTO)]
    text = re.sub(r"\s+", " ", page(default).replace("&nbsp;", " "))
    assert "is not measured here" in text
    assert "estimate" not in text
    assert "9 classes" not in text
