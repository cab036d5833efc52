"""pack list and pack show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

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


def test_list_names_the_shipped_packs(run: Run) -> None:
    listed = json.loads(run("pack", "list", "--json").stdout)
    assert [entry["name"] for entry in listed] == shipped_packs()
    assert all(entry["size_bytes"] > 0 and len(entry["model_id"]) == 16 for entry in listed)
    assert run("pack", "list").exit_code == 0
