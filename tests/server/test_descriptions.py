"""Who was only described is enrolled over the network as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import holotype
from holotype.client import Client
from holotype.errors import ImageError, RateError, TextError
from holotype.pack import load_pack, write_pack
from holotype.recognizer import same
from real_server import Server, drawing
from toy_packs import toy_parts
from toy_texts import WIDTH, make_toy_texts

Start = Callable[..., Server]
ORDER, CARD = "please cancel my order", "where is the new card"


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """A gallery with one drawing, of a pack with a text side."""
    text = load_pack(make_toy_texts(tmp_path / "text"))
    pack = write_pack(tmp_path / "pack", **{**toy_parts(dim=WIDTH), "text": text})
    place = tmp_path / "zoo.gallery"
    with holotype.open(place, pack.path) as zoo:
        zoo.enroll("seen", drawing(1))
    return place


def test_a_text_is_an_example(start: Start, zoo: Path) -> None:
    server = start(path=zoo)
    with Client(server.url, server.key) as desk:
        added = desk.enroll("order", descriptions=[ORDER, "cancel it"])
        assert (added.label, added.examples) == ("order", 2)
        assert [one.description for one in desk.examples("order")] == [ORDER, "cancel it"]
        desk.enroll("seen", drawing(1, 1), descriptions=[CARD])
        assert [one.description for one in desk.examples("seen")] == [None, None, CARD]
        with pytest.raises(TextError):
            desk.enroll("nothing", descriptions=[" "])
        with pytest.raises(ImageError, match="no image"):
            desk.enroll("nothing")
        assert desk.list() == {"seen": 3, "order": 2}
    as_json = server.client.post("/v1/identities/card/examples", json={"text": ["a new card"]})
    assert as_json.json()["examples"] == 1, as_json.text


def test_a_model_without_a_text_side_says_so(start: Start) -> None:
    server = start()
    with Client(server.url, server.key) as desk, pytest.raises(TextError, match="no text side"):
        desk.enroll("order", descriptions=[ORDER])
    assert server.client.get("/v1/identities").json()["identities"][-1]["label"] == "c3"


def test_a_picture_is_compared_with_a_text(start: Start, zoo: Path) -> None:
    server = start(path=zoo)
    with Client(server.url, server.key) as desk, holotype.open(zoo) as recognizer:
        mine = same(drawing(1), model=recognizer, description=ORDER, fmr=0.2)
        its = desk.same(drawing(1), description=ORDER, fmr=0.2)
        assert its.similarity == pytest.approx(mine.similarity)
        assert (its.answer, its.threshold) == (mine.answer, pytest.approx(mine.threshold))
        with pytest.raises(RateError, match="1 enrolled by description alone"):
            desk.same(drawing(1), description=ORDER, fmr=0.0001)
        with pytest.raises(ImageError, match="2 images were sent"):
            desk.same(drawing(1), drawing(2), description=ORDER)
        with pytest.raises(ImageError, match="1 images were sent"):
            desk.same(drawing(1))
        assert desk.list() == {"seen": 1}
