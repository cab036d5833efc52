"""What a comparison found, and how it is written down."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.comparison.plot import Dot, Panel, figure
from holotype.comparison.published import published
from holotype.comparison.storage import write, write_json
from holotype.stats.half_width import half_width

RESULT, TABLE, PLOT = "comparison-result.json", "comparison.md", "comparison.svg"


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over episodes with the half-width of its 95 % interval, both percent points."""

    value: float
    ci95: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Mean:
        """Of [episodes] values, at least two."""
        return cls(float(values.mean()), float(half_width(values)))

    def to_json(self) -> dict[str, float]:
        """Rounded to what is known."""
        return {"value": round(self.value, 4), "ci95": round(self.ci95, 4)}


@dataclass(frozen=True, slots=True)
class Cell:
    """One contender on one task."""

    n_way: int
    k_shot: int
    accuracies: NDArray[np.float64] = field(repr=False)  # [episodes] percent
    ms_per_query: float  # support and queries of an episode, divided by its queries

    @property
    def accuracy(self) -> Mean:
        """Over the episodes."""
        return Mean.of(self.accuracies)

    def stored(self) -> dict[str, Any]:
        """Everything, for `from_json`."""
        return {**asdict(self), "accuracies": self.accuracies.tolist()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Cell:
        """The inverse of `stored`."""
        return cls(**{**value, "accuracies": np.array(value["accuracies"], np.float64)})


@dataclass(frozen=True, slots=True)
class Row:
    """One contender on all tasks."""

    name: str
    facts: dict[str, Any]  # how it came to be
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished comparison."""

    command: str
    data: str
    protocol: str
    n_query: int  # per class
    episodes: int  # of each kind
    seed: int
    budget: int | None  # training steps; None: as each recipe says
    division: dict[str, Any] | None  # the classes learned from and tested on, if it was made
    unfit: dict[str, str]  # pictures that were left out -> why
    remarks: tuple[str, ...]
    rows: tuple[Row, ...]

    def to_json(self) -> dict[str, Any]:
        """All figures but the accuracies of single episodes."""
        result = {name: getattr(self, name) for name in self.__slots__ if name != "rows"}
        return {
            **result,
            "remarks": list(self.remarks),
            "rows": [
                {
                    "name": row.name,
                    **row.facts,
                    "cells": [self._cell(row, at) for at in range(len(row.cells))],
                }
                for row in self.rows
            ],
        }

    def write(self, out: Path) -> tuple[Path, ...]:
        """Write Markdown, JSON and the plot into a folder.

        Raises:
            DataError: they cannot be written.
        """
        from holotype.comparison.summary import page

        found = self.to_json()
        write_json(out / RESULT, found)
        write(out / PLOT, self._figure(found))
        write(out / TABLE, page(found, PLOT))
        return out / TABLE, out / RESULT, out / PLOT

    def _cell(self, row: Row, at: int) -> dict[str, Any]:
        cell, first = row.cells[at], self.rows[0].cells[at]
        figures = published(self.protocol, row.facts["method"])
        return {
            "n_way": cell.n_way,
            "k_shot": cell.k_shot,
            "accuracy": cell.accuracy.to_json(),
            "difference": Mean.of(cell.accuracies - first.accuracies).to_json()
            if row is not self.rows[0]
            else None,
            "published": figures.to_json(cell.n_way, cell.k_shot) if figures else None,
            "ms_per_query": round(cell.ms_per_query, 4),
        }

    def _figure(self, found: dict[str, Any]) -> str:
        panels = []
        for at, first in enumerate(self.rows[0].cells):
            dots = []
            for row in found["rows"]:
                cell = row["cells"][at]
                paper = cell["published"]
                dots.append(
                    Dot(
                        row["name"],
                        cell["accuracy"]["value"],
                        cell["accuracy"]["ci95"],
                        paper["accuracy"] if paper else None,
                    )
                )
            panels.append(Panel(f"{first.n_way}-way {first.k_shot}-shot", tuple(dots)))
        return figure("Accuracy on the same episodes, %", panels)
