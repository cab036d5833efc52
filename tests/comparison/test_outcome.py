"""How a comparison is written down."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holotype.comparison import summary
from holotype.comparison.outcome import Cell, Mean, Outcome, Row
from holotype.comparison.plot import Dot, Panel, _place, figure

FACTS: dict[str, Any] = {
    "method": "prototypical", "recipe": "conv4", "steps": 5000, "seed": 0,
    "training_minutes": 26.1, "parameters": 111936, "transductive": False,
}  # fmt: skip


def outcome() -> Outcome:
    first = Cell(5, 1, np.array([90.0, 100.0, 95.0]), 1.5)
    other = Cell(5, 1, np.array([80.0, 96.0, 85.0]), 0.25)
    return Outcome(
        command="holotype compare",
        data="omniglot",
        protocol="vinyals",
        n_query=15,
        episodes=3,
        seed=0,
        budget=None,
        division=None,
        unfit={"a/b|c.png": "torn"},
        remarks=(),
        rows=(
            Row("prototypical", FACTS, (first,)),
            Row("mine|own", {**FACTS, "method": "own", "transductive": True}, (other,)),
        ),
    )


def test_means_and_paired_differences_by_hand() -> None:
    # Differences 10, 4, 10: mean 8, standard deviation sqrt(12), three episodes.
    found = outcome().to_json()["rows"]
    assert found[0]["cells"][0]["accuracy"] == {
        "value": 95.0, "ci95": pytest.approx(1.96 * 5 / 3**0.5, abs=1e-4),
    }  # fmt: skip
    assert found[1]["cells"][0]["difference"] == {
        "value": -8.0, "ci95": pytest.approx(1.96 * 12**0.5 / 3**0.5, abs=1e-4),
    }  # fmt: skip
    assert Mean.of(np.array([1.0, 1.0])).ci95 == 0


def test_the_page_says_what_stands_beside_what() -> None:
    page = summary.page(outcome().to_json(), "plot.svg")
    assert "| prototypical | 95.00 ± 5.66 |  | 98.8 (Snell et al. 2017) [S] | one by one" in page
    assert r"| mine\|own | 87.00 ± 9.26 | -8.00 ± 3.92 |  | together (transductive) |" in page
    assert "[S] read in the paper itself." in page
    assert "[M]" not in page
    assert "| prototypical | conv4 | 5,000 | 26.1 | 111,936 | 1.5 | 0 |" in page
    assert "left out: a/b|c.png (torn)" in page


def test_a_written_outcome_is_three_files(tmp_path: Path) -> None:
    written = outcome().write(tmp_path)
    assert [path.suffix for path in written] == [".md", ".json", ".svg"]
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in written}


def test_the_plot_spaces_by_the_logarithm_of_the_error() -> None:
    assert _place(90.0, 0.0, 99.0) == pytest.approx(0.5)
    assert _place(100.0, 0.0, 99.0) == 1
    dots = (Dot("a<b", 98.0, 0.5, 99.0), Dot("c", 100.0, 0.0, None), Dot("d", 0.0, 0.0, None))
    root = ElementTree.fromstring(figure("title & more", [Panel("5-way", dots)]))
    circles = [element for element in root if element.tag.endswith("circle")]
    assert [c.get("class") for c in circles].count("dot") == 3
    assert [c.get("class") for c in circles].count("paper") == 2  # one of them in the key
