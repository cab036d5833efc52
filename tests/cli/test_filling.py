"""enroll --folder: a gallery from a folder of labels."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from typer.testing import Result

from holotype.cli.display import print_json, print_table

Run = Callable[..., Result]


@pytest.fixture
def people(tmp_path: Path, drawings: Path) -> Path:
    """Two folders with two drawings each."""
    folder = tmp_path / "people"
    for character, name in ((0, "Ada"), (1, "Bob")):
        (folder / name).mkdir(parents=True)
        for drawer in (0, 1):
            shutil.copy(drawings / f"{character}-{drawer}.png", folder / name)
    return folder


def test_a_folder_for_each_label(people: Path, tmp_path: Path, pack: Path, run: Run) -> None:
    gallery = tmp_path / "new.gallery"
    done = run("enroll", gallery, "--folder", people, "--model", pack, "--consent", "form 7")
    assert done.exit_code == 0, done.output
    assert done.stdout == (
        f"{gallery}: a new gallery, bound to the model {pack}.\n"
        "4 of 4 pictures added, of 2 labels\n"
    )
    listed = json.loads(run("list", gallery, "--json").stdout)["identities"]
    assert [(one["label"], one["examples"], one["consent"]) for one in listed] == [
        ("Ada", 2, "form 7"),
        ("Bob", 2, "form 7"),
    ]
    again = run("enroll", gallery, "--folder", people)
    assert again.stdout == "0 of 4 pictures added, of 2 labels; 4 were stored already\n"


def test_tags_are_of_every_label(people: Path, tmp_path: Path, pack: Path, run: Run) -> None:
    gallery = tmp_path / "new.gallery"
    run("enroll", gallery, "--folder", people, "--model", pack)
    again = run("enroll", gallery, "--folder", people, "--tag", "staff", "--tag", "night")
    assert again.exit_code == 0, again.output
    listed = json.loads(run("list", gallery, "--json").stdout)["identities"]
    assert [(one["label"], one["examples"], one["tags"]) for one in listed] == [
        ("Ada", 2, ["staff", "night"]),
        ("Bob", 2, ["staff", "night"]),
    ]
    assert run("enroll", gallery, "--folder", people, "--tag", "x" * 51).exit_code == 4


def test_pictures_named_by_their_labels(
    tmp_path: Path, drawings: Path, pack: Path, run: Run
) -> None:
    folder = tmp_path / "faces"
    folder.mkdir()
    shutil.copy(drawings / "0-0.png", folder / "Ada Lovelace.PNG")
    shutil.copy(drawings / "1-0.png", folder / "Bob.png")
    for name in ("notes.txt", "list.csv", "more.txt", ".hidden"):
        (folder / name).touch()
    gallery = tmp_path / "new.gallery"
    done = run("enroll", gallery, "--folder", folder, "--model", pack, "--json")
    assert done.stderr == "3 files passed over: 3 not pictures (.txt, .csv).\n"
    found = json.loads(done.stdout)
    assert (found["pictures"], found["labels"], found["added"]) == (2, 2, 2)
    assert found["left_out"] == []
    assert [
        one["label"] for one in json.loads(run("list", gallery, "--json").stdout)["identities"]
    ] == ["Ada Lovelace", "Bob"]


def test_what_is_left_out_is_named_and_the_others_are_stored(
    people: Path, tmp_path: Path, pack: Path, run: Run
) -> None:
    (people / "Ada" / "bad.jpg").write_bytes(b"junk")
    (people / "Cid").mkdir()
    (people / "Cid" / "deeper").mkdir()
    (people / "Cid" / "deeper" / "a.png").touch()
    (people / "read.me").touch()
    gallery = tmp_path / "new.gallery"
    done = run("enroll", gallery, "--folder", people, "--model", pack)
    assert done.exit_code == 3
    assert "2 files passed over: 1 not pictures (.me), 1 in subfolders." in done.stdout
    assert f"left out: {people / 'Ada' / 'bad.jpg'} (Ada): this is not a picture" in done.stdout
    assert f"left out: {people / 'Cid'} (Cid): the folder has no pictures" in done.stdout
    assert "4 of 5 pictures added, of 2 labels" in done.stdout
    assert "2 of 6 were left out" in done.stderr
    as_json = json.loads(run("enroll", gallery, "--folder", people, "--json").stdout)
    assert [Path(one["name"]).name for one in as_json["left_out"]] == ["bad.jpg", "Cid"]


def test_a_folder_that_can_be_read_in_two_ways_is_refused(
    people: Path, drawings: Path, tmp_path: Path, pack: Path, run: Run
) -> None:
    shutil.copy(drawings / "2-0.png", people)
    gallery = tmp_path / "new.gallery"
    for folder, said in (
        (people, "holds 1 pictures beside 2 folders"),
        (tmp_path / "none", "is not a folder"),
    ):
        done = run("enroll", gallery, "--folder", folder, "--model", pack)
        assert done.exit_code == 8
        assert said in done.stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "a.txt").touch()
    done = run("enroll", gallery, "--folder", empty, "--model", pack)
    assert "has no pictures (1 file passed over: 1 not pictures (.txt))" in done.stderr
    assert not gallery.exists()


@pytest.mark.parametrize(
    "words", [("Ada",), ("Ada", "a.png"), ("--strict",)], ids=["label", "picture", "strict"]
)
def test_a_folder_goes_without_what_belongs_to_one(
    people: Path, tmp_path: Path, run: Run, words: tuple[str, ...]
) -> None:
    assert run("enroll", tmp_path / "g", *words, "--folder", people).exit_code == 2


def test_neither_a_label_nor_a_folder_is_a_wrong_command_line(tmp_path: Path, run: Run) -> None:
    assert run("enroll", tmp_path / "g").exit_code == 2


def test_a_long_table_looks_as_a_short_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [("Ada", "1"), ("Zo\u00eb \u4e2d\u6587", ("12", "green")), ("a\x1b[2J", "3")]
    printed = []
    for many in (500, 2):
        monkeypatch.setattr("holotype.cli.display._MANY", many)
        print_table(("label", "examples"), rows, numbers=("examples",))
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "Zo\u00eb" in printed[1]
    monkeypatch.setenv("COLUMNS", "12")  # too narrow for a table: one below the other
    print_table(("label", "examples"), rows, numbers=("examples",))
    assert "label    Ada" in capsys.readouterr().out


def test_a_long_document_is_one_line_and_says_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [{"label": f"l{number}", "until": date(2030, 1, 1)} for number in range(501)]
    print_json({"model": "m", "identities": rows[:500]})
    short = capsys.readouterr().out
    print_json({"model": "m", "identities": rows})
    long = capsys.readouterr().out
    assert (short.count("\n") > 500, long.count("\n")) == (True, 1)
    assert json.loads(long)["identities"][:500] == json.loads(short)["identities"]
