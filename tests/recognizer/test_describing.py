"""A gallery of pictures in which a text stands for what nobody has shown yet."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import holotype
from holotype.cli import app
from holotype.embedder import Embedder
from holotype.errors import ImageError, PackError, RateError, TextError
from holotype.gallery import existing
from holotype.gallery.prototypes import DESCRIPTION_WEIGHT
from holotype.openset.described import DescribedEvidence, MixedEvidence
from holotype.pack import load_pack, write_pack
from holotype.packing.hub import pull_pack, push_pack
from holotype.packing.verify import verify_pack
from holotype.recognizer import calibrate, reembed, same
from holotype.stats.scoring import unit
from packing.hub_server import running
from toy_packs import make_toy_pack, toy_drawing, toy_parts
from toy_texts import WIDTH, make_toy_texts

ORDER, CARD = "please cancel my order", "where is the new card"


def with_text_side(folder: Path, seed: int = 0) -> Path:
    text = load_pack(make_toy_texts(folder / f"text{seed}"))
    parts = toy_parts(dim=WIDTH, seed=seed)
    return write_pack(folder / f"pack{seed}", **{**parts, "text": text}).path


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return with_text_side(tmp_path)


@pytest.fixture
def zoo(pack: Path, tmp_path: Path) -> holotype.Recognizer:
    with holotype.open(tmp_path / "zoo.gallery", pack, keep_pictures=True) as zoo:
        zoo.enroll("order", descriptions=[ORDER])
        zoo.enroll("card", descriptions=[CARD])
        yield zoo


def test_a_pack_with_a_text_side(pack: Path, tmp_path: Path) -> None:
    found = load_pack(pack)
    alone = load_pack(make_toy_pack(tmp_path / "alone", dim=WIDTH))
    assert found.text is not None
    assert alone.text is None
    assert found.card.model_id != alone.card.model_id  # descriptions are a part of what it is
    assert "text/tokenizer.json" in found.files
    assert "`--text`" in (pack / "README.md").read_text()
    assert sum(one.startswith("its text side: ") for one in verify_pack(pack).done) == 7


@pytest.mark.parametrize("file", ["text/card.json", "text/model.onnx", "text/tokenizer.json"])
def test_an_altered_text_side_is_refused(pack: Path, file: str) -> None:
    (pack / file).write_bytes((pack / file).read_bytes() + b" ")
    with pytest.raises(PackError, match="digest"):
        load_pack(pack)
    (pack / file).unlink()
    with pytest.raises(PackError, match="missing"):
        load_pack(pack)


def test_another_length_is_refused(tmp_path: Path) -> None:
    text = load_pack(make_toy_texts(tmp_path / "text"))
    with pytest.raises(PackError, match=f"gives {WIDTH} numbers, the model 8"):
        write_pack(tmp_path / "pack", **{**toy_parts(dim=8), "text": text})
    assert not (tmp_path / "pack").exists()


def test_a_text_side_that_sees_pictures_is_refused(tmp_path: Path) -> None:
    other = load_pack(make_toy_pack(tmp_path / "other"))
    with pytest.raises(PackError, match="reads no texts"):
        write_pack(tmp_path / "pack", **{**toy_parts(), "text": other})


def test_it_is_sent_and_fetched_whole(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        sent = push_pack(pack, "hf:somebody/zoo")
        got = pull_pack("hf:somebody/zoo", tmp_path / "again", sent.digest)
    assert got.digest == sent.digest
    assert load_pack(tmp_path / "again").files == load_pack(pack).files


def test_a_description_lies_where_its_text_side_says(zoo: holotype.Recognizer, pack: Path) -> None:
    words = Embedder(pack := load_pack(pack)).words
    assert words is not None
    assert zoo.embedder.words is zoo.embedder.words  # opened once
    np.testing.assert_allclose(zoo.state.vectors_of("order"), np.empty((0, WIDTH)))
    np.testing.assert_allclose(zoo.state.matcher.prototypes, words.embed([ORDER, CARD]), atol=1e-6)
    assert type(zoo.state.matcher.evidence) is DescribedEvidence


def test_pictures_are_judged_against_words(zoo: holotype.Recognizer) -> None:
    decision = zoo.identify(toy_drawing(1), fpir=0.2)
    assert decision.basis is not None
    assert (decision.basis.known, decision.basis.source) == ("estimated", "cohort")
    assert decision.basis.smallest_guaranteed == 1
    assert zoo.verify("card", toy_drawing(1), fmr=0.2).answer in ("match", "unknown")


def test_pictures_and_words_of_one_identity(zoo: holotype.Recognizer) -> None:
    added = zoo.enroll("order", toy_drawing(1), descriptions=["cancel it"])
    assert (added.added, added.examples) == (2, 3)
    assert added.warnings == ()  # a picture is not expected to be alike to a text
    assert type(zoo.state.matcher.evidence) is MixedEvidence
    picture = zoo.embedder.embed([toy_drawing(1)])
    np.testing.assert_allclose(zoo.state.vectors_of("order"), picture, atol=1e-6)
    words = zoo.embedder.words
    assert words is not None
    told = words.embed([ORDER, "cancel it"]).sum(axis=0)
    both = unit(picture + DESCRIPTION_WEIGHT * told)
    np.testing.assert_allclose(zoo.state.matcher.prototypes[:1], both, atol=1e-5)
    zoo.enroll("card", toy_drawing(2))
    assert zoo.state.matcher.examples.tolist() == [1, 1]


def test_the_same_text_again_adds_nothing(zoo: holotype.Recognizer) -> None:
    again = zoo.enroll("card", descriptions=[CARD])
    assert again.added == 0
    assert [one.text for one in again.warnings] == [
        "this description is already stored for card, and adds nothing"
    ]


def test_what_is_odd_about_a_text_is_said(zoo: holotype.Recognizer) -> None:
    warned = zoo.enroll("odd", descriptions=["my qwertz uiopa asdf"])
    assert [reason.code for reason in warned.warnings] == ["unknown_words"]
    with pytest.raises(TextError, match="empty"):
        zoo.enroll("nothing", descriptions=[" "])
    assert "nothing" not in zoo.list()


def test_own_strangers_guarantee(zoo: holotype.Recognizer) -> None:
    calibrate(zoo, [toy_drawing(500 + k) for k in range(20)], suspects="keep")
    decision = zoo.identify(toy_drawing(1), fpir=0.1)
    assert decision.basis is not None
    assert (decision.basis.known, decision.basis.source) == ("guaranteed", "site")


def test_it_moves_with_its_words(zoo: holotype.Recognizer, tmp_path: Path) -> None:
    zoo.enroll("order", toy_drawing(1))
    zoo.close()
    other, place = with_text_side(tmp_path, seed=1), tmp_path / "zoo.gallery"
    moved = reembed(place, other)
    assert (moved.examples, moved.done) == (3, True)
    with holotype.open(place) as zoo:
        words = zoo.embedder.words
        assert words is not None
        found = zoo.state.snapshot
        rows = np.isin(found.examples, list(found.described))
        np.testing.assert_allclose(found.vectors[rows], words.embed([ORDER, CARD]), atol=1e-6)
    blind = make_toy_pack(tmp_path / "blind", dim=WIDTH, seed=2)
    with pytest.raises(TextError, match="no text side"):
        reembed(place, blind)


def test_no_text_side_is_said(tmp_path: Path) -> None:
    place = tmp_path / "blind.gallery"
    with (
        holotype.open(place, make_toy_pack(tmp_path / "blind")) as blind,
        pytest.raises(TextError, match="has no text side"),
    ):
        blind.enroll("order", descriptions=[ORDER])
    assert not place.exists()
    with (
        holotype.open(tmp_path / "bare.gallery", dim=4) as bare,
        pytest.raises(TextError, match="no text side"),
    ):
        bare.enroll("order", descriptions=[ORDER])


def test_on_the_command_line(pack: Path, tmp_path: Path) -> None:
    place = os.fspath(tmp_path / "zoo.gallery")

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        return done.output

    run("enroll", place, "order", "--text", ORDER, "--model", os.fspath(pack))
    assert "1 example added, 1 example now" in run("enroll", place, "card", "--text", CARD)
    with existing(place) as kept:
        assert [one.description for one in kept.examples()] == [ORDER, CARD]
    assert f'the text "{CARD}"' in " ".join(run("show", place).split())
    (shown, _) = json.loads(run("show", place, "--json"))
    assert shown["examples"][0]["description"] == ORDER


def test_a_picture_and_a_text_are_compared(pack: Path, zoo: holotype.Recognizer) -> None:
    """The very decision of a gallery where that text alone is enrolled."""
    zoo.forget("card")
    claimed = zoo.verify("order", toy_drawing(1), fmr=0.2)
    decision = same(toy_drawing(1), model=pack, description=ORDER, fmr=0.2)
    assert decision.label in (ORDER, None)
    assert decision.similarity == pytest.approx(claimed.similarity)
    assert decision.threshold == pytest.approx(claimed.threshold)
    assert decision.basis is not None
    assert (decision.basis.known, decision.basis.source) == ("estimated", "cohort")
    shown = same(toy_drawing(1), toy_drawing(1, 1), pack, fmr=0.2)
    assert shown.threshold != pytest.approx(decision.threshold)  # of a picture, another one
    for wrong in ({}, {"second": toy_drawing(2), "description": ORDER}):
        with pytest.raises(ImageError, match="compares two things"):
            same(toy_drawing(1), model=pack, **wrong)
    with pytest.raises(TextError, match="no text side"):
        same(toy_drawing(1), description=ORDER)
    with pytest.raises(TextError, match="empty"):
        same(toy_drawing(1), model=pack, description=" ")


def test_compared_on_the_command_line(pack: Path, tmp_path: Path) -> None:
    picture = tmp_path / "seen.png"
    Image.fromarray(toy_drawing(1)).save(picture)
    asked = ["same", os.fspath(picture), "--text", ORDER, "--fmr", "0.9"]
    done = CliRunner().invoke(app, [*asked, "--model", os.fspath(pack), "--json"])
    said = json.loads(done.output)
    assert (said["first"], said["second"]) == (os.fspath(picture), ORDER)
    assert done.exit_code == (said["answer"] != "match")
    blind = CliRunner().invoke(app, asked)
    assert blind.exit_code not in (0, 1)
    assert "has no text side" in " ".join(blind.output.split())


def test_nothing_is_promised_without_pictures(tmp_path: Path) -> None:
    text = load_pack(make_toy_texts(tmp_path / "text"))
    nobody = np.empty((0, WIDTH), np.float32)
    parts = {
        **toy_parts(dim=WIDTH),
        "embeddings": nobody,
        "class_index": np.empty(0, np.int64),
        "cohort": {"data": "none", "class_names": []},
    }
    alone = write_pack(tmp_path / "pack", **{**parts, "text": text}).path
    with holotype.open(tmp_path / "zoo.gallery", alone) as zoo:
        for number, said in enumerate((ORDER, CARD, "lost !", "money transfer needed")):
            zoo.enroll(f"c{number}", descriptions=[said])
        with pytest.raises(RateError, match="4 enrolled by description alone"):
            zoo.identify(toy_drawing(1), fpir=0.5)
        assert zoo.identify(toy_drawing(1)).answer == "unknown"
