"""The promise, measured: stated against measured FPIR, and whether probabilities come true.

python experiments/promise.py                       # the final measurement: evaluation alphabets
python experiments/promise.py --split selection     # for choosing

Galleries of N evaluation classes are enrolled with k drawings each; the other drawings are the
probes, and all drawings of all other classes are the strangers. Every probe gets the answer that
`identify` gives: who gets "cannot tell" counts as missed, or as not accepted. Intervals resample
classes. Beside it, one constant threshold for each k: what the galleries of 10 get on average at
the stated rate.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedded import seen_once
from holotype.datasets.catalogue import load_dataset
from holotype.datasets.splits import split
from holotype.evaluation.galleries import draw_galleries
from holotype.openset import Matcher
from holotype.openset.matcher import Compared
from holotype.pack import load_pack
from holotype.recognizer.opening import cohort_model
from holotype.stats.reliability import reliability
from tabling import keep
from tallying import Tally, by_constant

SIZES, SHOTS, RATES, PRIORS = (10, 100, 500), (1, 5), (0.1, 0.01, 0.001), (0.2, 0.5, 0.8)
REFERENCE_SIZE = 10  # whose thresholds the constant one is made of
BAR: dict[str, Any] = {"size": 100, "rate": 0.1, "fnir": {1: 0.2, 5: 0.1}}


class Bench:
    """One pack on one part of Omniglot."""

    def __init__(self, model: str, part: str, galleries: int, vectors: Path | None) -> None:
        pack = load_pack(model)
        self.model_id = pack.card.model_id
        self.data = split(load_dataset("omniglot"), part)
        self.classes = len(self.data.class_names)
        self.galleries = galleries
        self.model = cohort_model(pack)
        self.embeddings, self.doubtful = seen_once(self.data, pack, vectors)
        self.familiarity = self.model.novelty.p_value(self.embeddings)
        self.tallies = {
            (size, shots, rate): Tally(rate, self.classes)
            for size in SIZES
            for shots in SHOTS
            for rate in RATES
        }
        self.constant = {cell: Tally(cell[2], self.classes) for cell in self.tallies}
        self.answers: dict[Any, list[tuple[Any, ...]]] = defaultdict(list)

    def play(self, size: int, shots: int, seed: int) -> None:
        """All galleries of one size and number of examples."""
        drawn = draw_galleries(
            self.data.class_index,
            enrolled=size,
            k_shot=shots,
            galleries=self.galleries,
            seed=seed,
        )
        for enrolled, support in zip(drawn.enrolled, drawn.support, strict=True):
            matcher = Matcher.of_support(self.model, self.embeddings[support])
            free = np.setdiff1d(np.arange(len(self.embeddings)), support)
            compared = matcher.compare(self.embeddings[free], familiarity=self.familiarity[free])
            of_class, doubtful = self.data.class_index[free], self.doubtful[free]
            for rate in RATES:
                self.tallies[size, shots, rate].add(matcher, compared, enrolled, of_class, doubtful)
            unstated = matcher.decide(compared, None, doubtful)
            for rate in RATES:
                before = self.tallies[REFERENCE_SIZE, shots, rate].thresholds
                if before:
                    found = by_constant(unstated, float(np.mean(before)))
                    self.constant[size, shots, rate].count(found, enrolled, of_class)
            stranger = ~np.isin(of_class, enrolled)
            right = enrolled[unstated.best] == of_class
            told = np.flatnonzero(~unstated.cannot_tell)
            self._state(matcher, compared, told, stranger, right)

    def _state(
        self,
        matcher: Matcher,
        compared: Compared,
        told: NDArray[np.int64],
        stranger: NDArray[np.bool_],
        right: NDArray[np.bool_],
    ) -> None:
        # A sample of the probes: to interpolate all of them would take longer than the rest.
        size, shots = len(matcher.prototypes), int(matcher.examples[0])
        rng = np.random.default_rng(size + shots)
        chosen = np.concatenate(
            [
                rng.choice(rows, min(200, len(rows)), replace=False)
                for rows in (told[stranger[told]], told[~stranger[told]])
            ]
        )
        some = Compared(
            None,
            compared.candidates[chosen],
            compared.similarity[chosen],
            compared.familiarity[chosen],
        )
        n_strangers = stranger[chosen].sum()
        for prior in PRIORS:
            weight = np.where(
                stranger[chosen], prior / n_strangers, (1 - prior) / (len(chosen) - n_strangers)
            )
            self.answers[size, shots, prior].append(
                (matcher.probability(some, prior), right[chosen], weight)
            )

    def report(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        cells = [
            self._cell(size, shots, rate)
            for size in SIZES
            for shots in SHOTS
            for rate in RATES
            if (tally := self.tallies[size, shots, rate]).refused or tally.thresholds
        ]
        judged = [cell for cell in cells if cell["fpir"]]
        return {
            "model_id": self.model_id,
            "data": self.data.name,
            "classes": self.classes,
            "galleries": self.galleries,
            "cells": cells,
            "kept": sum(cell["kept"] for cell in judged),
            "judged": len(judged),
            "reliability": [
                {"size": size, "shots": shots, "stranger_prior": prior}
                | reliability(
                    *(np.concatenate(parts) for parts in zip(*answers, strict=True))
                ).to_json()
                for (size, shots, prior), answers in self.answers.items()
            ],
            "reliability_of_all": {
                str(prior): reliability(
                    *(
                        np.concatenate(parts)
                        for parts in zip(
                            *(
                                a
                                for key in self.answers
                                if key[2] == prior
                                for a in self.answers[key]
                            ),
                            strict=True,
                        )
                    )
                ).to_json()
                for prior in PRIORS
            },
            "cannot_tell": round(float(self.doubtful.mean()), 6),
        }

    def _cell(self, size: int, shots: int, rate: float) -> dict[str, Any]:
        tally, constant = (of[size, shots, rate] for of in (self.tallies, self.constant))
        result: dict[str, Any] = {
            "size": size,
            "shots": shots,
            "stated": rate,
            "refused": round(len(tally.refused) / self.galleries, 4),
            "smallest": round(float(np.median(tally.refused)), 5) if tally.refused else None,
            "basis": dict(tally.bases),
            "fpir": tally.fpir(),
            "fnir": tally.fnir(),
            "constant": None,
        }
        if fpir := result["fpir"]:
            result |= {
                "misnamed": tally.of_known(tally.misnamed),
                "cannot_tell": tally.of_known(tally.unsure),
                "threshold": round(float(np.mean(tally.thresholds)), 5),
                "kept": _kept(fpir, rate),
                "over_twice": fpir["value"] > 2 * rate,
                "under_a_third": fpir["ci95"][1] < rate / 3,
            }
        if constant.known.any():
            result["constant"] = {"fpir": constant.fpir(), "fnir": constant.fnir()}
        return result


def _kept(fpir: dict[str, Any], rate: float) -> bool:
    """Whether the interval contains the stated rate or lies below it."""
    return bool(fpir["ci95"][0] <= rate)


def _print(report: dict[str, Any]) -> None:
    def percent(value: dict[str, Any] | None) -> str:
        if value is None:
            return "refused".rjust(22)
        low, high = (100 * end for end in value["ci95"])
        return f"{100 * value['value']:7.3f} [{low:6.3f}, {high:6.3f}]"

    print(
        "    N k  stated  refused    FPIR measured, %       FNIR, %                 constant FPIR"
    )
    for cell in report["cells"]:
        marks = [
            name for name in ("over_twice", "under_a_third") if cell["fpir"] and cell[name]
        ] + ([] if not cell["fpir"] or cell["kept"] else ["broken"])
        constant = cell["constant"] and cell["constant"]["fpir"]
        columns = [percent(rates) for rates in (cell["fpir"], cell["fnir"], constant)]
        print(
            f"{cell['size']:5d} {cell['shots']} {100 * cell['stated']:6.1f} %",
            f"{cell['refused']:7.1%}",
            *columns,
            *marks,
        )
    print(
        f"kept in {report['kept']} of {report['judged']} cells; cannot tell "
        f"{report['cannot_tell']:.2%} of all pictures"
    )
    for row in report["reliability"]:
        print(
            f"{row['size']:5d} {row['shots']} prior {row['stranger_prior']}: calibration error "
            f"{100 * row['expected_calibration_error']:.2f} points, Brier {row['brier']:.4f} "
            f"(base rate {row['brier_of_base_rate']:.4f})"
        )
    for prior, row in report["reliability_of_all"].items():
        print(
            f"all cells, prior {prior}: calibration error "
            f"{100 * row['expected_calibration_error']:.2f} points"
        )
    for cell in report["cells"]:
        if (cell["size"], cell["stated"]) == (BAR["size"], BAR["rate"]) and cell["fnir"]:
            limit = BAR["fnir"][cell["shots"]]
            print(
                f"FNIR at a stated FPIR of 10 %, N = 100, {cell['shots']} example(s): "
                f"{100 * cell['fnir']['value']:.1f} % (bar {100 * limit:.0f} %)"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="characters")
    parser.add_argument("--split", default="evaluation")
    parser.add_argument("--galleries", type=int, default=200)
    parser.add_argument("--vectors", type=Path, help="file that keeps the embeddings (.npz)")
    options = parser.parse_args()
    bench = Bench(options.model, options.split, options.galleries, options.vectors)
    began = time.monotonic()
    for size in SIZES:
        if size + 10 > bench.classes:
            continue
        for shots in SHOTS:
            bench.play(size, shots, seed=size + shots)
            print(f"N = {size}, k = {shots}: {time.monotonic() - began:.0f} s", flush=True)
    report = {"split": options.split} | bench.report()
    keep("promise" if options.split == "evaluation" else f"promise_{options.split}", report)
    _print(report)


if __name__ == "__main__":
    main()
