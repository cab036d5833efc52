"""The page of the methods says of each what its class says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from holotype.train.method import Method
from holotype.train.registry import METHODS

PAGE = (Path(__file__).parents[2] / "docs" / "methods.md").read_text()
ROWS = {
    name: cells.split(" | ")
    for name, cells in re.findall(r"^\| `([\w+-]+)` \| (.*) \|$", PAGE, re.MULTILINE)
}


@pytest.mark.parametrize("name", METHODS)
def test_the_row_of_a_method_tells_the_truth(name: str) -> None:
    _, _, pack, answers = ROWS[name]
    kind = METHODS[name].load()
    assert pack.startswith("yes") == (kind.embedder is not Method.embedder)
    assert answers.startswith("transductive") == kind.transductive
    assert ("order" in answers) == kind.order_dependent


def test_the_page_has_all_methods_and_no_others() -> None:
    assert ROWS.keys() == METHODS.keys()
