"""The page of `identify --report`: every answer has its card, and says no more than is known."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from PIL import Image

import holotype
from holotype.records import Basis, Candidate, Decision, Reason
from holotype.report import Identified, answers_page, identified_page
from toy_packs import make_toy_pack, toy_drawing

PHOTO = np.random.default_rng(0).integers(0, 255, (60, 40, 3), dtype=np.uint8)
BASIS = Basis("estimated", "cohort", 2, "faces", 9, 0, 0.67)
MATCH = Decision(
    "match", "Ada", 0.81, 0.6, "fpir", 0.01, (Candidate("Ada", 0.81), Candidate("Bob", 0.2)), 0.9,
    0.5, (Reason("above_threshold", "Ada is alike by 0.81"),), box=(5, 5, 30, 40),
    basis=BASIS,
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


def page(answers: list[Identified] = ANSWERS) -> str:
    return identified_page(
        answers, "door.gallery", kept=lambda label: PHOTO if label == "Ada" else None
    )


def of(basis: Basis | None) -> str:
    """The text of a page whose one answer rests on that."""
    html = page([Identified("1.jpg", replace(MATCH, basis=basis), PHOTO)])
    html = html.partition("</style>")[2]
    return re.sub(r"\s+", " ", html.replace("&nbsp;", " "))


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


def test_a_recognizer_shows_its_answers_with_the_pictures_it_keeps(tmp_path: Path) -> None:
    pack = make_toy_pack(tmp_path / "toy")
    ada, bob = toy_drawing(1), toy_drawing(2)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with holotype.open(tmp_path / "desk.gallery", pack, keep_pictures=True) as desk:
        desk.enroll("Ada", ada, toy_drawing(1, 1))
        desk.enroll("Bob", bob)
        assert len(desk.gallery.picture_ids("Ada")) == 2
        assert desk.gallery.picture_ids("nobody") == ()
        assert len(desk.gallery.picture_ids()) == 3
        decisions = desk.identify([ada, bob], fpir=0.4)
        images = [ada, bob, tmp_path / "bad.png"]
        html = answers_page(desk, images, [*decisions, UNREADABLE], "desk.gallery")
    assert [card.count("<img") for card in cards(html)] == [2, 2, 0]
    assert html.count("<bdi>Ada</bdi>") >= 1


def test_pictures_are_named_below_the_folder_that_they_share(tmp_path: Path) -> None:
    pack = make_toy_pack(tmp_path / "toy")
    files = [tmp_path / "shots" / name for name in ("a/1.png", "b/1.png")]
    for file in files:
        file.parent.mkdir(parents=True)
        Image.fromarray(toy_drawing(1)).save(file)
    with holotype.open(tmp_path / "desk.gallery", pack) as desk:
        desk.enroll("Ada", toy_drawing(1))
        decisions = desk.identify(files, fpir=0.4)
        html = answers_page(desk, files, decisions, "desk.gallery")
    assert all(f"<bdi>{name}</bdi>" in html for name in ("a/1.png", "b/1.png"))
    assert str(tmp_path) not in html


def test_a_gallery_that_keeps_no_pictures_shows_none(tmp_path: Path) -> None:
    pack = make_toy_pack(tmp_path / "toy")
    with holotype.open(tmp_path / "desk.gallery", pack) as desk:
        desk.enroll("Ada", toy_drawing(1))
        decisions = desk.identify([toy_drawing(1)], fpir=0.4)
        html = answers_page(desk, [toy_drawing(1)], decisions, "desk.gallery")
    (card,) = cards(html)
    assert card.count("<img") == 1
    assert "no picture" in card


def test_it_says_what_is_known_and_by_whom() -> None:
    estimated = of(BASIS)
    assert "set for 1 % of strangers: estimated from 9 classes of faces. Estimated:" in estimated
    assert "Nothing holds for others" in estimated
    assert "guaranteed" not in estimated.lower()
    own = of(replace(BASIS, own_classes=4))
    assert "estimated from 4 strangers of yours and 9 classes of faces." in own
    enrolled = of(replace(BASIS, known="guaranteed", source="enrolled", enrolled=200))
    assert "set for 1 % of strangers: guaranteed by the 200 enrolled. Guaranteed:" in enrolled
    assert "estimated" not in enrolled.lower()
    assert "9 classes" not in enrolled
    site = of(replace(BASIS, known="guaranteed", source="site", own_classes=120))
    assert "guaranteed by 120 strangers of yours." in site
    default = of(replace(BASIS, known="default", source="default"))
    assert "is not measured here" in default
    assert not re.search(r"guaranteed|estimated|9 classes", default, re.I)
    assert "strangers" not in of(None)  # nobody is enrolled, and nobody is accepted


def test_a_recognizer_says_what_its_own_thresholds_rest_on(tmp_path: Path) -> None:
    pack = make_toy_pack(tmp_path / "toy")
    with holotype.open(tmp_path / "desk.gallery", pack) as desk:
        for character in range(4):
            desk.enroll(f"c{character}", toy_drawing(character))
        decisions = desk.identify([toy_drawing(1, 1)], fpir=0.4)
        html = answers_page(desk, [toy_drawing(1, 1)], decisions, "desk.gallery")
    assert "40&nbsp;% of strangers: guaranteed by the 4 enrolled." in html
