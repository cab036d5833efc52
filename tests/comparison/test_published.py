from __future__ import annotations

import pytest

from holotype.comparison.published import LAKE, READ, VINYALS, published
from holotype.train.registry import METHODS


def test_each_figure_has_its_source() -> None:
    for figures in (*VINYALS.values(), *LAKE.values()):
        assert figures.read in READ
        assert figures.paper[-1].isdigit() or "table" in figures.paper
        assert all(0 < value <= 100 for value in figures.accuracy.values())
        assert figures.read != "S2" or figures.table or figures.paper


def test_figures_stand_only_beside_what_they_were_measured_like() -> None:
    snell = published("vinyals", "prototypical")
    assert snell is not None
    assert snell.to_json(20, 1) == {
        "accuracy": 96.0, "paper": "Snell et al. 2017", "read": "S", "table": "", "note": "",
    }  # fmt: skip
    assert snell.to_json(10, 1) is None
    assert published("evaluation", "prototypical") is None
    assert published("lake", "model pack") is None


@pytest.mark.parametrize("method", ["prototypical", "matching", "relation", "siamese", "pixels"])
def test_the_metric_family_has_its_column(method: str) -> None:
    assert method in METHODS
    assert published("vinyals", method) is not None
