"""Rates of each group by itself: they add up, thin groups are not told, gaps are refused."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from holotype.errors import DataError
from holotype.evaluation.groups import by_group, read_groups
from holotype.evaluation.open_set import open_set
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.stats.scoring import unit

NAMES = [f"p{at}" for at in range(60)]


def table(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(("label,group", *lines)) + "\n")
    return path


def test_groups_are_told_apart_and_thin_ones_are_not_told() -> None:
    rng = np.random.default_rng(0)
    noise = np.where(np.arange(60) < 20, 0.2, 1.0)  # the second and third are hard
    vectors = rng.normal(size=(60, 1, 32)) + noise[:, None, None] * rng.normal(size=(60, 6, 32))
    index = np.repeat(np.arange(60), 6)
    model = CohortModel.of(Cohort.none(32))
    report = open_set(
        *(unit(vectors.reshape(-1, 32).astype(np.float32)), index),
        partial(Matcher.of_support, model),
        enrolled=20,
        galleries=60,
        rates=[0.1],
    )
    row = report.at(0.1)
    groups = ["easy"] * 20 + ["hard"] * 34 + ["thin"] * 6
    easy, hard, thin = by_group(row, groups)
    assert (easy.group, easy.classes, hard.classes, thin.classes) == ("easy", 20, 34, 6)
    assert (thin.fpir, thin.fnir) == (None, None)
    assert easy.fnir.high < hard.fnir.low
    everybody = by_group(row, ["all"] * 60)[0]
    assert everybody.fpir == row.fpir
    assert everybody.fnir == row.fnir
    assert thin.to_json() == {
        **{"group": "thin", "classes": 6, "stated_fpir": 0.1, "fpir": None, "fnir": None}
    }


def test_a_table_is_read_by_label(tmp_path: Path) -> None:
    lines = [f"{name},{'old' if at % 2 else 'young'}" for at, name in enumerate(NAMES)]
    path = table(tmp_path / "groups.csv", *reversed(lines), "nobody,old")
    assert read_groups(path, NAMES)[:3] == ("young", "old", "young")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([f"{name},a" for name in NAMES[1:]], "leaves out 1 of 60 labels"),
        ([f"{name},a" for name in (*NAMES, "p0")], "names 'p0' twice"),
        ([f"{name},{name}" for name in NAMES], "too thin: the largest has 1"),
        ([f"{name}," for name in NAMES], "no table of label and group"),
        (["p0"], "no table of label and group"),
    ],
)
def test_a_table_that_does_not_cover_the_data_is_refused(
    tmp_path: Path, lines: list[str], problem: str
) -> None:
    with pytest.raises(DataError, match=problem):
        read_groups(table(tmp_path / "groups.csv", *lines), NAMES)
    with pytest.raises(DataError, match="cannot be read"):
        read_groups(tmp_path / "none.csv", NAMES)
