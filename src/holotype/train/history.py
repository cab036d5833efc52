"""How a run went: the loss of each step, the validations, as JSON and as a picture."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from holotype.train.checkpoints import write_bytes, write_json

HISTORY = "history.json"
PLOT = "history.png"


@dataclass(slots=True)
class History:
    """What happened so far in a run."""

    loss: list[float] = field(default_factory=list)  # of each step
    validation: list[tuple[int, float]] = field(default_factory=list)  # (steps done, value)
    seconds: float = 0.0  # in training and validation, over all sittings

    @property
    def step(self) -> int:
        """Steps done."""
        return len(self.loss)

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON and for a checkpoint."""
        return {
            "seconds": self.seconds,
            "validation": [list(entry) for entry in self.validation],
            "loss": list(self.loss),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> History:
        """The inverse of `to_json`."""
        validation = [(int(step), float(result)) for step, result in value["validation"]]
        return cls(list(value["loss"]), validation, float(value["seconds"]))

    def write(self, run: Path) -> None:
        """Write `history.json` into the run."""
        write_json(run / HISTORY, self.to_json())

    @classmethod
    def read(cls, run: Path) -> History:
        """The history of the run in a folder."""
        return cls.from_json(json.loads((run / HISTORY).read_text()))

    def plot(self, run: Path) -> None:
        """Draw `history.png` into the run: loss, smoothed loss and validation against steps."""
        # The object interface: pyplot would keep the figure, and want a display on some systems.
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 4.5), layout="constrained")
        left = figure.subplots()
        steps = np.arange(1, self.step + 1)
        left.plot(steps, self.loss, color="tab:blue", alpha=0.25, linewidth=0.7)
        window = max(1, self.step // 50)
        if window > 1:
            smooth = np.convolve(self.loss, np.ones(window) / window, mode="valid")
            left.plot(steps[window - 1 :], smooth, color="tab:blue", label=f"mean of {window}")
        left.set_xlabel("step")
        left.set_ylabel("loss", color="tab:blue")
        if self.validation:
            right = left.twinx()
            at, value = zip(*self.validation, strict=True)
            right.plot(at, value, "o-", color="tab:orange", markersize=4)
            right.set_ylabel("validation", color="tab:orange")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110)
        write_bytes(run / PLOT, buffer.getvalue())
