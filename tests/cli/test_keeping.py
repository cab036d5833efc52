"""The keeper's commands: what was done is on record, copies are checked, retention ends."""

from __future__ import annotations

import json
import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

import holotype
from holotype.cli import app
from toy_packs import make_toy_pack, toy_drawing


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    pack = make_toy_pack(tmp_path / "toy")
    path = tmp_path / "desk.gallery"
    with holotype.open(path, model=pack) as recognizer:
        recognizer.enroll("Ada", toy_drawing(0), consent="form 7")
        recognizer.enroll("Bob", toy_drawing(1), retain_until=date.today() + timedelta(days=3))
        recognizer.forget("Ada")
    return path


def run(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    return done.stdout


def test_the_audit_names_what_was_done_but_nobody(gallery: Path) -> None:
    document = json.loads(run("audit", gallery, "--json"))
    assert document["intact"]
    actions = [entry["action"] for entry in document["entries"]]
    assert actions[-3:] == ["enroll", "enroll", "forget"]
    shown = run("audit", gallery)
    assert "Intact" in shown
    assert document["head"] in shown
    assert "Ada" not in shown
    assert "Bob" not in shown
    run("audit", gallery, "--noted", document["head"])
    run("audit", gallery, "--noted", "0" * 64, code=1)


def test_an_edited_line_is_found(gallery: Path) -> None:
    with sqlite3.connect(gallery) as connection:
        connection.execute(
            "UPDATE audit SET entry = replace(entry, 'enroll', 'forget') WHERE sequence = 2"
        )
    connection.close()
    assert "NOT INTACT" in run("audit", gallery, code=1)
    assert not json.loads(run("check", gallery, "--json", code=1))["sound"]


def test_a_backup_restores_what_it_held(gallery: Path, tmp_path: Path) -> None:
    assert "Sound" in run("check", gallery)
    run("backup", gallery, tmp_path / "copy.gallery")
    run("forget", gallery, "Bob")
    run("restore", tmp_path / "copy.gallery", tmp_path / "again.gallery")
    (again,) = json.loads(run("list", tmp_path / "again.gallery", "--json"))["identities"]
    assert (again["label"], again["examples"]) == ("Bob", 1)
    run("restore", tmp_path / "copy.gallery", gallery, code=6)  # what is there stays
    assert json.loads(run("list", gallery, "--json"))["identities"] == []


def test_retention_is_kept_at_enrollment_and_ended_by_expire(gallery: Path, tmp_path: Path) -> None:
    assert json.loads(run("expire", gallery, "--json")) == []
    assert "Bob" in run("list", gallery)
    with holotype.open(gallery) as recognizer:
        (record,) = recognizer.gallery.records()
        assert record.retain_until == date.today() + timedelta(days=3)
        (receipt,) = recognizer.gallery.expire(date.today() + timedelta(days=4))
        assert receipt.examples == 1
    assert json.loads(run("list", gallery, "--json"))["identities"] == []


def test_who_is_enrolled_can_be_erased_when_the_model_is_gone(
    gallery: Path, tmp_path: Path
) -> None:
    Image.fromarray(toy_drawing(1)).save(tmp_path / "a.png")
    (tmp_path / "toy").rename(tmp_path / "moved")
    run("identify", gallery, tmp_path / "a.png", code=7)  # only this needs the model
    assert [row["label"] for row in json.loads(run("list", gallery, "--json"))["identities"]] == [
        "Bob"
    ]
    run("export", gallery, tmp_path / "out")
    run("export", gallery, tmp_path / "bob", "--label", "Bob")
    run("import", tmp_path / "out", tmp_path / "imported.gallery")
    run("forget", gallery, "Bob")
    run("backup", gallery, tmp_path / "copy.gallery")
    run("restore", tmp_path / "copy.gallery", tmp_path / "again.gallery")
    run("calibrate", gallery, "--list")
    for command in ("audit", "check", "expire", "review"):
        run(command, gallery)
    assert json.loads(run("list", gallery, "--json"))["identities"] == []


def test_a_pack_that_was_moved_is_found_where_it_is_said_to_be(
    gallery: Path, tmp_path: Path
) -> None:
    probe = tmp_path / "a.png"
    Image.fromarray(toy_drawing(1)).save(probe)
    moved = tmp_path / "moved"
    (tmp_path / "toy").rename(moved)
    gone = CliRunner().invoke(app, ["identify", str(gallery), str(probe)])
    assert f"was at {str(tmp_path / 'toy')!r}" in gone.stderr
    assert "Say where it is now (`--model FOLDER`" in gone.stderr
    (found,) = json.loads(run("identify", gallery, probe, "--model", moved, "--json"))
    assert found["candidates"][0]["label"] == "Bob"
    run("verify", gallery, "Bob", probe, "--model", moved, "--fmr", "10%")
    run("status", gallery, "--model", moved)
    run("feedback", gallery, found["id"], "--correct", "--model", moved)
    run("enroll", gallery, "Cid", probe, "--model", moved, "--yes")
    strangers = tmp_path / "strangers"
    strangers.mkdir()
    for number in range(5):
        Image.fromarray(toy_drawing(600 + number)).save(strangers / f"{number}.png")
    run("calibrate", gallery, strangers, "--dry-run", "--suspects", "keep", "--model", moved)
    run("calibrate", gallery, "--unlabeled", strangers, "--dry-run", "--model", moved)
    run("lint", gallery, "--model", moved)
    run("watch", tmp_path / "none", "--gallery", gallery, "--model", moved, code=8)
    other = make_toy_pack(tmp_path / "other", seed=1)
    run("identify", gallery, probe, "--model", other, code=6)
