"""Texts in a gallery: strings in Python; --text, files of lines and JSON on the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import holotype
from holotype.cli import app
from holotype.errors import AnotherKindError, ImageError
from holotype.recognizer import calibrate, enroll_many, reembed
from holotype.recognizer.kinds import require_kind, usual_model
from toy_packs import make_toy_pack
from toy_texts import make_toy_texts

INTENTS = {
    "cancel": "please cancel my order",
    "card": "where is the new card",
    "transfer": "money transfer needed",
    "lost": "lost !",
}
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The commands in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "dumb")
    return lambda *arguments: CliRunner().invoke(app, [os.fspath(one) for one in arguments])


def _filled(toy: Path, path: Path, **more: bool) -> holotype.Recognizer:
    intents = holotype.open(path, toy, **more)  # type: ignore[arg-type]
    for label, text in INTENTS.items():
        intents.enroll(label, text)
    return intents


def test_strings_are_enrolled_identified_and_verified(toy: Path, tmp_path: Path) -> None:
    with _filled(toy, tmp_path / "intents.gallery") as intents:
        for label, text in INTENTS.items():
            decision = intents.identify(text.upper(), fpir=0.4)
            assert (decision.answer, decision.label) == ("match", label)
            assert intents.verify(label, f" {text}\n", fmr=0.25).answer == "match"
        several = intents.identify(list(INTENTS.values()), fpir=0.4)
        assert [one.label for one in several] == list(INTENTS)


def test_what_is_doubted_is_said_at_enrollment_and_not_answered(toy: Path, tmp_path: Path) -> None:
    with _filled(toy, tmp_path / "intents.gallery") as intents:
        warned = intents.enroll("odd", "my qwertz uiopa asdf")
        assert "unknown_words" in [reason.code for reason in warned.warnings]
        decision = intents.identify("my asdf uiopa qwertz hjkl", fpir=0.4)
        assert decision.answer == "cannot_tell"
        assert decision.reasons[0].code == "unknown_words"


def test_a_text_that_is_cut_is_answered_and_that_is_said(toy: Path, tmp_path: Path) -> None:
    with _filled(toy, tmp_path / "intents.gallery") as intents:
        long = "please cancel my order " * 25_000
        warned = intents.enroll("long", long)
        assert "text_cut" in [reason.code for reason in warned.warnings]
        decision = intents.identify(long, fpir=0.4)
        assert (decision.answer, decision.label) == ("match", "long")
        assert decision.reasons[-1].code == "text_cut"
        assert "of its 100,000 words" in decision.reasons[-1].text


def test_what_is_no_text_stores_nothing(toy: Path, tmp_path: Path) -> None:
    with _filled(toy, tmp_path / "intents.gallery") as intents:
        with pytest.raises(ImageError, match="text 2 of 2, '': it is empty"):
            intents.enroll("new", "the new card", "")
        assert "new" not in intents.list()
        told = intents.identify(["the new card", b"\xff"], fpir=0.4)
        assert [one.answer for one in told][1] == "cannot_tell"
        assert told[1].reasons[0].code == "unreadable"


def test_texts_are_kept_as_what_they_say_and_move_to_another_model(
    toy: Path, tmp_path: Path
) -> None:
    (tmp_path / "said.jsonl").write_text('{"text": "lost card ?"}\n')
    with _filled(toy, tmp_path / "intents.gallery", keep_pictures=True) as intents:
        intents.enroll("said", tmp_path / "said.jsonl")
        stored = {one.label: intents.gallery.picture(one.id) for one in intents.gallery.examples()}
        assert stored["said"] == b"lost card ?"
        assert stored["cancel"] == INTENTS["cancel"].encode()
    other = make_toy_texts(tmp_path / "other", **{"model": _other_model()})
    reembed(tmp_path / "intents.gallery", other)
    with holotype.open(tmp_path / "intents.gallery") as moved:
        assert moved.verify("said", "lost card ?", fmr=0.25).answer == "match"


def _other_model() -> bytes:
    from holotype.domains.texts.network import sentence_network
    from toy_texts import HEADS, toy_weights

    return sentence_network(toy_weights(1), HEADS)


def test_many_texts_and_own_strangers(toy: Path, tmp_path: Path) -> None:
    with _filled(toy, tmp_path / "intents.gallery") as intents:
        found = enroll_many(intents, [("cancel", "cancel"), ("new", ""), ("new", "a new card")])
        assert (found.added, len(found.left_out)) == (2, 1)
        assert found.left_out[0].problem == "it is empty"
        change = calibrate(intents, ["is the order lost ?", "transfer the card"], suspects="keep")
        assert change.classes == 2


def test_a_file_of_texts_goes_to_the_pack_that_reads(tmp_path: Path) -> None:
    assert usual_model("said.txt") == usual_model(Path("said.jsonl")) == "texts"
    pictures = holotype.open(tmp_path / "desk.gallery", make_toy_pack(tmp_path / "toy"))
    (tmp_path / "said.txt").write_text("where is my card\n")
    with pytest.raises(AnotherKindError, match="this is a text; the model reads pictures") as error:
        require_kind([tmp_path / "said.txt"], pictures.embedder.preprocessing)
    assert error.value.packs == ("texts",)
    (told,) = pictures.identify([tmp_path / "said.txt"], fpir=None)
    assert told.reasons[0].text.endswith("The pack `texts` reads texts")


def test_texts_are_typed(toy: Path, run: Run) -> None:
    said = run("enroll", "g.gallery", "cancel", "--text", INTENTS["cancel"], "--model", toy)
    assert said.exit_code == 0
    assert "cancel: 1 example added" in said.stdout
    told = run("identify", "g.gallery", "--text", "cancel my order", "--text", "lost", "--json")
    assert [one["text"] for one in json.loads(told.stdout)] == ["cancel my order", "lost"]
    assert run("verify", "g.gallery", "cancel", "--text", INTENTS["cancel"]).exit_code in (0, 1)
    assert run("identify", "g.gallery", "--text", "").exit_code == 3
    assert run("identify", "g.gallery").exit_code == 2
    assert run("verify", "g.gallery", "cancel").exit_code == 2


def test_files_hold_a_text_a_line(toy: Path, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "intents"
    folder.mkdir()
    (folder / "cancel.txt").write_text("please cancel my order\n\ncancel\n")
    (folder / "card.jsonl").write_text('"where is the card"\n{"text": "a new card"}\n')
    (folder / "notes.pdf").write_bytes(b"?")
    done = run("enroll", "g.gallery", "--folder", folder, "--model", toy)
    assert done.exit_code == 0
    assert "4 of 4 texts added, of 2 labels" in done.stdout
    assert "1 file passed over: 1 not texts (.pdf)" in done.stdout
    told = run("identify", "g.gallery", folder, "--json")
    assert [one["text"] for one in json.loads(told.stdout)] == [
        *("please cancel my order", "cancel", "where is the card", "a new card"),
    ]
    (folder / "bad.jsonl").write_text('{"said": "cancel"}\n')
    told = run("identify", "g.gallery", folder)
    assert told.exit_code == 3
    assert "line 1 is neither a string in JSON nor an object" in told.stdout


def test_strangers_are_the_lines_of_a_file(toy: Path, run: Run, tmp_path: Path) -> None:
    run("enroll", "g.gallery", "cancel", "--text", INTENTS["cancel"], "--model", toy)
    (tmp_path / "others.txt").write_text("is the order lost ?\ntransfer the card\n")
    done = run(
        *("calibrate", "g.gallery", "others.txt", "--suspects", "keep", "--dry-run", "--json")
    )
    assert done.exit_code == 0
    assert json.loads(done.stdout)["classes"] == 2


def test_a_typed_text_and_a_gallery_of_pictures_do_not_go_together(
    run: Run, tmp_path: Path
) -> None:
    make_toy_pack(tmp_path / "toy")
    with holotype.open(tmp_path / "desk.gallery", tmp_path / "toy") as desk:
        assert desk.gallery.labels() == {}
    told = run("identify", "desk.gallery", "--text", "cancel")
    assert told.exit_code == 3
    assert "--text gives a text, and this gallery takes pictures" in told.stderr


def test_two_texts_are_compared(toy: Path, run: Run) -> None:
    done = run("same", "--text", "lost !", "--text", " lost !", "--model", toy, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert (found["first"], found["second"], found["answer"]) == ("lost !", " lost !", "match")
    other = run("same", "--text", "lost !", "--text", INTENTS["card"], "--model", toy)
    assert other.exit_code == 1
    assert "not the same" in other.output
    assert run("same", "--text", "lost !", "--model", toy).exit_code == 2


def test_of_a_long_text_the_start_is_shown(toy: Path, run: Run) -> None:
    run("enroll", "g.gallery", "cancel", "--text", INTENTS["cancel"], "--model", toy)
    told = run("identify", "g.gallery", "--text", "please cancel " * 50_000)
    assert told.exit_code == 0
    assert "..." in told.stdout
    assert told.stdout.count("cancel") < 50
