"""Every percentage in the text around a table is a figure of its result file, or says whose it is.

On pages with generated tables, that is. What no result file holds (another's figure, a rate that
somebody states, the level of an interval) is listed here with its reason.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [
    page
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if "<!-- table " in page.read_text()
]
EVERYWHERE = {"95": "the level of all intervals"}
CITED: dict[str, dict[str, str]] = {
    "signature.md": {
        "4.63": "SigNet-F with 12 references",
        "0.58": "the best, trained on CEDAR itself",
        "14.05": "the best, trained on another set",
    },
    "characters.md": {
        "4.5": "people, Lake et al. 2015",
        "3.3": "Bayesian Program Learning, Lake et al. 2015",
        "2.5": "an example, to say what 400 trials can tell",
        "2.18": "the first network, before the second cycle",
        "14.01": "the first network, before the second cycle",
    },
    "generative.md": {
        "98.1": "the Neural Statistician, Edwards and Storkey 2017",
        "18.7": "the Homoencoder, Hewitt et al. 2018",
        "4.0": "Bayesian Program Learning from small2, Lake et al. 2015",
        "22.3": "a plain network from small2, Lake et al. 2015",
    },
    "open-set.md": {"80": "an example of a stated probability"},
    "memory.md": {"45.7": "the mean of 1/5, 1/4, 1/3, 1/2 and 1: what guessing can reach"},
}
_PERCENTAGE = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s?%")
_NOT_TEXT = re.compile(r"```.*?```|<!--.*?-->|^\|.*?$|`[^`\n]*`", re.DOTALL | re.MULTILINE)


def percentages(text: str) -> list[str]:
    """Those of the prose: no tables, code or comments."""
    return _PERCENTAGE.findall(_NOT_TEXT.sub("", text))


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def unfounded(text: str, figures: list[float], cited: dict[str, str]) -> list[str]:
    """The percentages that are neither cited nor, rounded as they stand, one of the figures."""
    missing = []
    for shown in percentages(text):
        decimals = len(shown.partition(".")[2])
        known = (f"{v:,.{decimals}f}" for x in figures for v in (x, 100 * x, 100 - x))
        if shown not in cited and shown not in EVERYWHERE and shown not in known:
            missing.append(shown)
    return missing


def results_of(page: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """All numbers in the result files that the tables of a page are made from."""
    sys.path.insert(0, str(ROOT / "experiments"))
    try:
        tabling, tables = map(importlib.import_module, ("tabling", "tables"))
    finally:
        sys.path.pop(0)
    read, found = tabling.result, {}

    def noted(name: str) -> Any:
        found[name] = read(name)
        return found[name]

    monkeypatch.setattr(tabling, "result", noted)
    for _, name, _ in tables.MARKED.findall(page.read_text()):
        tables.TABLES[name]()
    return list(numbers(found))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_percentages_in_the_text_are_measured_or_cited(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cited = CITED.get(page.name, {})
    assert unfounded(page.read_text(), results_of(page, monkeypatch), cited) == []
    assert [figure for figure in cited if figure not in percentages(page.read_text())] == []


def test_a_figure_that_nobody_measured_is_found() -> None:
    figures = [97.816, 0.0505, 2.1836]
    assert unfounded("right in 97.8 % of trials, 2.18 % wrong; 5.05 % let in", figures, {}) == []
    assert unfounded("97.9 %, 5.0 % and `12 %`\n| 13 % |\n```\n14 %\n```", figures, {}) == [
        "97.9",
        "5.0",
    ]
    assert unfounded("people err on 4.5 %", figures, {"4.5": "Lake et al."}) == []
