"""Fine details: where one example fails, what a second and a third mend, what is answered there.

    HOLOTYPE_DATA=... python experiments/details.py [--characters FILE] [--products FILE]
        [--cedar FILE]

Products: 20 of the 40 that the pack `shelf` did not learn from, enrolled from the catalogue
picture, then a photograph, then two; the other 20 set the threshold. Characters: all of one
evaluation alphabet, from one, two and three drawings. Signatures: one to one, skilled forgeries.
This is a display on test data, and nothing is chosen by it. The files keep embeddings (those of
`experiments/promise.py`, `experiments/shelf_strangers.py` and `experiments/signatures.py`). Writes
results/details.json and docs/details.png; a minute on one core where the embeddings are kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

from embedded import seen_once
from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.datasets.splits import split
from holotype.openset import CohortModel, Matcher
from holotype.pack import load_pack
from holotype.recognizer.opening import cohort_model
from holotype.report import seen
from holotype.stats.bootstrap import share
from holotype.stats.scoring import unit
from shelf_strangers import held_out, model_of
from tabling import ROOT, keep
from tallying import Tally

DOCS = ROOT / "docs"
STATED, FMR, MOST = 0.1, 0.01, 3
DRAWS = {"products": 100, "characters": 5, "signatures": 20}
SHOWN = 3  # pairs that are mistaken most, of each domain
ANSWERS = ("match, right", "match, wrong", "unknown", "cannot tell")

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Trial:
    """One gallery: N classes by 1, 2 and 3 examples, and the probes that it is asked about."""

    classes: Rows  # [N]
    galleries: tuple[Vectors, ...]  # `MOST` of them: [N, D]
    model: CohortModel
    shown: Rows  # [N] the picture of the first example
    probes: Vectors  # [Q, D]
    rows: Rows  # [Q] the pictures
    wanted: Rows  # [Q] the classes
    doubtful: NDArray[np.bool_]  # [Q]


def product_trials(file: Path | None) -> tuple[Iterator[Trial], Dataset, Dataset]:
    pack = load_pack("shelf")
    products = held_out(pack, file)
    test = products.data["test"]

    def trials() -> Iterator[Trial]:
        for draw in range(DRAWS["products"]):
            rng = np.random.default_rng(draw)
            playing, known = np.array_split(rng.permutation(len(test.class_names)), 2)
            aisle = [rng.permutation(products.rows("train", p)) for p in known]
            asked = np.isin(test.class_index, known)
            yield Trial(
                known,
                tuple(
                    np.stack(
                        [
                            products.prototype(p, (1, more), rows)
                            for p, rows in zip(known, aisle, strict=True)
                        ]
                    )
                    for more in range(MOST)
                ),
                model_of(pack, playing),
                np.array([products.rows("catalogue", p)[0] for p in known]),
                products.vectors["test"][asked],
                np.flatnonzero(asked),
                test.class_index[asked],
                products.doubtful["test"][asked],
            )

    return trials(), products.data["catalogue"], test


def character_trials(file: Path | None) -> tuple[Iterator[Trial], Dataset, Dataset]:
    pack, data = load_pack("characters"), split(load_dataset("omniglot"), "evaluation")
    model = cohort_model(pack)
    vectors, doubtful = seen_once(data, pack, file)

    def trials() -> Iterator[Trial]:
        for alphabet in dict.fromkeys(data.group):
            classes = np.flatnonzero(np.array(data.group) == alphabet)
            for draw in range(DRAWS["characters"]):
                rng = np.random.default_rng(draw)
                order = np.stack(
                    [rng.permutation(np.flatnonzero(data.class_index == c)) for c in classes]
                )
                rest = order[:, MOST:].ravel()
                yield Trial(
                    classes,
                    tuple(unit(vectors[order[:, : k + 1]].mean(1)) for k in range(MOST)),
                    model,
                    order[:, 0],
                    vectors[rest],
                    rest,
                    data.class_index[rest],
                    doubtful[rest],
                )

    return trials(), data, data


class Mistakes:
    """Which classes are taken for which with one example, and a case of each pair."""

    def __init__(self) -> None:
        self.count: dict[tuple[int, int], int] = {}
        self.case: dict[tuple[int, int], tuple[int, int, int]] = {}
        self.asked: dict[int, int] = {}

    def add(self, trial: Trial, best: Rows) -> None:
        at = {int(c): i for i, c in enumerate(trial.classes)}
        for row, wanted, i in zip(trial.rows, trial.wanted.tolist(), best.tolist(), strict=True):
            self.asked[wanted] = self.asked.get(wanted, 0) + 1
            taken = int(trial.classes[i])
            if taken == wanted:
                continue
            self.count[wanted, taken] = self.count.get((wanted, taken), 0) + 1
            self.case.setdefault(
                (wanted, taken),
                (int(trial.shown[at[wanted]]), int(row), int(trial.shown[i])),
            )

    def worst(self) -> list[tuple[int, int]]:
        """The pairs with the largest share, no class twice."""
        pairs, used = [], set[int]()
        for pair in sorted(self.count, key=lambda p: -self.count[p] / self.asked[p[0]]):
            if not used & set(pair):
                pairs.append(pair)
                used |= set(pair)
        return pairs[:SHOWN]


def answered(trials: Iterator[Trial], classes: int) -> tuple[list[dict[str, Any]], Mistakes]:
    """A row for each number of examples: what is nearest, and what is answered."""
    nearest = np.zeros((MOST, classes))
    mended, total = np.zeros((MOST, classes)), np.zeros((2, classes))
    tallies, galleries = [Tally(STATED, classes) for _ in range(MOST)], 0
    mistakes = Mistakes()
    for trial in trials:
        galleries += 1
        failed = np.zeros(len(trial.wanted), bool)
        total[0] += np.bincount(trial.wanted, minlength=classes)
        for k, gallery in enumerate(trial.galleries):
            matcher = Matcher.of(trial.model, gallery, k + 1, exemplars=trial.galleries[0])
            compared = matcher.compare(trial.probes)
            best = compared.candidates[:, 0]
            right = trial.classes[best] == trial.wanted
            if not k:
                failed = ~right
                mistakes.add(trial, best)
                total[1] += np.bincount(trial.wanted[failed], minlength=classes)
            nearest[k] += np.bincount(trial.wanted[right], minlength=classes)
            mended[k] += np.bincount(trial.wanted[right & failed], minlength=classes)
            tallies[k].add(matcher, compared, trial.classes, trial.wanted, trial.doubtful)
    rows = [
        {
            "examples": k + 1,
            "nearest": share(nearest[k], total[0]).to_json(),
            "mended": share(mended[k], total[1]).to_json() if k else None,
            "refused": len(tally.refused) / galleries,
            "basis": dict(tally.bases),
            "answers": _answers(tally),
        }
        for k, tally in enumerate(tallies)
    ]
    return rows, mistakes


def _answers(tally: Tally) -> dict[str, float]:
    """Shares of all probes; all of them are of the enrolled."""
    missed, wrong, unsure = (
        each.sum() / max(tally.known.sum(), 1)
        for each in (tally.missed, tally.misnamed, tally.unsure)
    )
    shares = (1 - missed, wrong, missed - wrong - unsure, unsure)
    return {name: round(float(one), 5) for name, one in zip(ANSWERS, shares, strict=True)}


def signatures(file: Path | None) -> list[dict[str, Any]]:
    """Of each signer 1, 2 and 3 genuine signatures, the claim verified at a stated FMR."""
    pack, cedar = load_pack("signatures"), load_dataset("cedar")
    if file is not None and file.is_file():
        with np.load(file) as kept:
            flat, flawed = kept["vectors"], kept["doubtful"]
    else:
        flat, flawed = seen(cedar, pack)
    vectors, doubtful = flat.reshape(55, 2, 24, -1), flawed.reshape(55, 2, 24)
    model = cohort_model(pack)
    passed = np.zeros((MOST, 2, 55))
    for draw in range(DRAWS["signatures"]):
        rng = np.random.default_rng(draw)
        order = np.stack([rng.permutation(24) for _ in range(55)])
        for k in range(MOST):
            enrolled = vectors[np.arange(55)[:, None], 0, order[:, : k + 1]]
            matcher = Matcher.of_support(model, enrolled)
            for signer in range(55):
                for kind, at in enumerate(((signer, 0, order[signer, MOST:]), (signer, 1))):
                    found = matcher.match(vectors[at], FMR, signer, doubtful=doubtful[at])
                    passed[k, kind, signer] += found.match.sum()
    trials = np.full(55, DRAWS["signatures"])
    return [
        {
            "examples": k + 1,
            "genuine": share(passed[k, 0], trials * (24 - MOST)).to_json(),
            "forged": share(passed[k, 1], trials * 24).to_json(),
        }
        for k in range(MOST)
    ]


def draw(shown: list[tuple[Dataset, Dataset, Mistakes]]) -> None:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.family": "DejaVu Sans", "font.size": 8})
    heads = ("enrolled", "asked", "taken for")
    figure, axes = pyplot.subplots(
        len(shown),
        4 * SHOWN - 1,
        figsize=(11, 3.4),
        width_ratios=([1, 1, 1, 0.3] * SHOWN)[:-1],
        gridspec_kw={"left": 0.01, "right": 0.99, "top": 0.92, "bottom": 0.12, "hspace": 0.7},
    )
    for ax in axes.flat:
        ax.axis("off")
    for line, (enrolled, asked, mistakes) in zip(axes, shown, strict=True):
        for number, pair in enumerate(mistakes.worst()):
            rows = mistakes.case[pair]
            names = (enrolled.class_names[pair[0]], "", enrolled.class_names[pair[1]])
            for i, (data, row) in enumerate(zip((enrolled, asked, enrolled), rows, strict=True)):
                ax = line[4 * number + i]
                ax.imshow(np.asarray(data.images[row]), cmap="gray")
                ax.set_title(heads[i], color="#8a8f98", fontsize=8)
                name = names[i].replace("/character", " ").replace("-", " ").replace("_", " ")
                ax.text(0.5, -0.05, fill(name, 16), transform=ax.transAxes, ha="center", va="top")
    figure.savefig(DOCS / "details.png", dpi=110, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("characters", "products", "cedar"):
        parser.add_argument(f"--{name}", type=Path, help="file that keeps the embeddings")
    arguments = parser.parse_args()
    found, shown = {}, []
    for name, make, file in (
        ("products", product_trials, arguments.products),
        ("characters", character_trials, arguments.characters),
    ):
        trials, enrolled, asked = make(file)
        rows, mistakes = answered(trials, len(asked.class_names))
        shown.append((enrolled, asked, mistakes))
        found[name] = {
            "rows": rows,
            "mistaken": [
                {
                    "for": enrolled.class_names[taken],
                    "what": enrolled.class_names[wanted],
                    "share": round(mistakes.count[wanted, taken] / mistakes.asked[wanted], 4),
                }
                for wanted, taken in mistakes.worst()
            ],
        }
        print(json.dumps(found[name], indent=1), flush=True)
    result = {
        "command": "python experiments/details.py",
        "packs": {
            name: load_pack(name).card.model_id for name in ("shelf", "characters", "signatures")
        },
        "stated": STATED,
        "fmr": FMR,
        "draws": DRAWS,
        **found,
        "signatures": signatures(arguments.cedar),
    }
    print(result["signatures"])
    keep("details", result)
    draw(shown)


if __name__ == "__main__":
    main()
