"""What the papers report on Omniglot, with where each figure was taken from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

READ: dict[str, str] = {
    "S": "read in the paper itself",
    "S2": "read in a later paper's table",
    "M": "quoted from memory, not checked",
}


@dataclass(frozen=True, slots=True)
class Published:
    """The figures of one paper. Accuracies in percent, by (n_way, k_shot)."""

    paper: str
    accuracy: dict[tuple[int, int], float]
    read: Literal["S", "S2", "M"]
    table: str = ""  # the table it was read in, where that is another paper's
    note: str = ""  # what was different there

    def to_json(self, n_way: int, k_shot: int) -> dict[str, Any] | None:
        """The figure of one task with its source; None: the paper does not report it."""
        if (n_way, k_shot) not in self.accuracy:
            return None
        return {
            "accuracy": self.accuracy[n_way, k_shot],
            "paper": self.paper,
            "read": self.read,
            "table": self.table,
            "note": self.note,
        }


def _four(*accuracies: float) -> dict[tuple[int, int], float]:
    """5-way 1-shot and 5-shot, 20-way 1-shot and 5-shot, as the papers order them."""
    tasks = ((5, 1), (5, 5), (20, 1), (20, 5))
    return dict(zip(tasks, accuracies, strict=False))


_MATCHING = "Vinyals et al. 2016, table 1"
_MAML = "Finn et al. 2017, table 1"
_REPTILE = "Nichol et al. 2018, table 2"

# 28 x 28 pixels, quarter turns as classes; the Vinyals split, or 1,200 of the characters at random
# (Finn et al. 2017 and those who followed), which is easier.
VINYALS: dict[str, Published] = {
    "pixels": Published("Vinyals et al. 2016", _four(41.7, 63.2, 26.7, 42.6), "S2", _MATCHING),
    "siamese": Published(
        "Koch et al. 2015",
        _four(97.3, 98.4, 88.1, 97.0),
        "S2",
        _MATCHING,
        "as rerun there, fine-tuned on the support",
    ),
    "matching": Published("Vinyals et al. 2016", _four(98.1, 98.9, 93.8, 98.5), "S2", _MATCHING),
    "prototypical": Published("Snell et al. 2017", _four(98.8, 99.7, 96.0, 98.9), "S"),
    "relation": Published("Sung et al. 2018", _four(99.6, 99.8, 97.6, 99.1), "M"),
    "mann": Published(
        "Santoro et al. 2016", _four(82.8, 94.9), "S2", _MATCHING, "without convolutions"
    ),
    "lifelong-memory": Published("Kaiser et al. 2017", _four(98.4, 99.6, 95.0, 98.6), "S2", _MAML),
    "snail": Published("Mishra et al. 2018", _four(99.07, 99.78, 97.64, 99.36), "S2"),
    "neural-statistician": Published(
        "Edwards and Storkey 2017", _four(98.1, 99.5, 93.2, 98.1), "S2", _MAML
    ),
    "maml": Published(
        "Finn et al. 2017", _four(98.7, 99.9, 95.8, 98.9), "S2", _MAML, "transductive batch norm"
    ),
    "fomaml": Published(
        "Nichol et al. 2018", _four(98.3, 99.2, 89.4, 97.9), "S2", _REPTILE, "transductive"
    ),
    "reptile": Published("Nichol et al. 2018", _four(95.4, 98.9, 88.1, 96.7), "S2", _REPTILE),
    "meta-sgd": Published(
        "Li et al. 2017", _four(99.53, 99.93, 95.93, 98.97), "M", "", "transductive batch norm"
    ),
    "maml++": Published("Antoniou et al. 2019", _four(99.47, 99.93, 97.65, 99.33), "M"),
}

# Lake's 20 runs, 20-way one-shot within an alphabet, learned from the 30 background alphabets.
LAKE: dict[str, Published] = {
    "siamese": Published("Koch et al. 2015", {(20, 1): 92.0}, "S", "", "learned from 40 alphabets"),
    "prototypical": Published("Lake et al. 2019, table 1", {(20, 1): 86.3}, "M"),
    "homoencoder": Published("Hewitt et al. 2018", {(20, 1): 81.3}, "M"),
    "hausdorff": Published("Lake et al. 2015", {(20, 1): 61.2}, "S"),
}


def published(protocol: str, method: str) -> Published | None:
    """The figures to stand beside, None where no paper measured this method so."""
    tables = {"vinyals": VINYALS, "lake": LAKE}
    return tables.get(protocol, {}).get(method)
