"""pack list and pack show."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from holotype.domains.texts.weights import install_weights
from holotype.extras import install
from holotype.pack import load_pack, shipped_packs, write_pack
from toy_packs import toy_parts

Run = Callable[..., Result]


def test_show_prints_the_card(run: Run, pack: Path) -> None:
    card = load_pack(pack).card
    shown = json.loads(run("pack", "show", pack, "--json").stdout)
    assert (shown["name"], shown["model_id"]) == ("toy", card.model_id)
    assert shown["preprocessing"]["size_px"] == 16
    table = run("pack", "show", pack).stdout
    assert card.model_id in table
    assert "40: toy/1000, toy/1001, toy/1002, ..." in table


def test_scores_and_text_of_a_stranger_are_shown_as_they_are(run: Run, tmp_path: Path) -> None:
    score = {
        "data": "[red]digits",
        "protocol": "\x1b[2J",
        "n_way": 5,
        "k_shot": 1,
        "episodes": 1000,
        "accuracy": 87.5,
        "ci95": 0.25,
    }
    path = write_pack(tmp_path / "p", **{**toy_parts(), "scores": [score]}).path
    table = run("pack", "show", path).stdout
    assert "[red]digits" in table
    assert "87.50 +- 0.25" in table
    assert r"\x1b[2J" in table
    assert "\x1b" not in table


def test_list_names_what_can_be_used(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # where `faces` and `texts` would be made
    monkeypatch.setattr("holotype.domains.texts.weights.weights_folder", lambda: tmp_path)
    monkeypatch.setattr("holotype.extras.find_spec", lambda name: object())
    *shipped, faces, texts = json.loads(run("pack", "list", "--json").stdout)
    assert [entry["name"] for entry in shipped] == shipped_packs()
    assert all(entry["size_bytes"] > 0 and len(entry["model_id"]) == 16 for entry in shipped)
    for name, made in (("faces", faces), ("texts", texts)):
        assert (made["name"], made["ready"], made["size_bytes"]) == (name, True, None)
    said = run("pack", "list").stdout
    assert re.search("faces +faces +at first use", said)
    assert re.search("texts +texts in English +at first use", said)
    assert "install" not in said


def test_list_says_how_to_get_the_faces_where_their_extra_is_missing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("holotype.extras.find_spec", lambda name: None)
    ready = {e["name"]: e["ready"] for e in json.loads(run("pack", "list", "--json").stdout)}
    assert not ready["faces"]
    said = run("pack", "list").stdout
    assert re.search("faces +faces +extra missing", said)
    assert f"faces: {install('faces')}." in said


def test_list_says_how_to_hear_where_the_extra_is_missing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holotype.extras.find_spec", lambda name: None)
    ready = {e["name"]: e["ready"] for e in json.loads(run("pack", "list", "--json").stdout)}
    assert (ready["voices"], ready["characters"]) == (False, True)
    said = run("pack", "list").stdout
    assert re.search("voices +voices, from one recording +extra missing", said)
    assert f"voices: {install('audio')}." in said


def test_list_says_how_to_read_where_the_weights_are_missing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("holotype.domains.texts.weights.find_spec", lambda name: None)
    said = run("pack", "list").stdout
    assert re.search("texts +texts in English +extra missing", said)
    assert f"texts: {install_weights()}." in said
