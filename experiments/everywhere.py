"""One rule everywhere: stated against measured, in every domain that is at hand.

    HOLOTYPE_DATA=... python experiments/everywhere.py [--vectors FOLDER] [--choosing]

No own strangers are given: thresholds rest on the enrolled themselves and on the pack's cohort. In
each of at least 200 random splits some classes are enrolled, one other picture of each of them is
asked, and one of each class that is not enrolled. Intervals resample classes; cells of fewer than
15 stranger classes are listed and not counted. Beside each cell, what one constant threshold would
miss that lets in as many: the best there is, which nobody can know beforehand.

--choosing measures the parts that may be looked at, and writes nothing. --vectors keeps the
embeddings; with the network's own wheel beside them (`everywhere_sets._wheel` says how). Cells that
the result file has are measured again only with --again, those of one domain with --only besides.
Half an hour on one core after the embedding.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from everywhere_sets import CHOOSING, MEASURED, Domain, Embedded, embedded, model_of
from holotype.errors import RateError
from holotype.openset import Matcher
from holotype.openset.matcher import Compared
from holotype.stats.bootstrap import share

RESULT = Path(__file__).parent.parent / "results" / "everywhere.json"
RATES, SPLITS, SMALL, COUNTED = (0.3, 0.1, 0.05, 0.01), 200, 20, 15
Index = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass
class Answers:
    """Of the probes of all splits at one rate, in the order of asking."""

    rate: float
    refused: int = 0
    rests_on: Counter[str] = field(default_factory=Counter)
    parts: list[tuple[Any, ...]] = field(default_factory=list)

    def add(self, matcher: Matcher, compared: Compared, doubtful: Bools, asked: Asked) -> None:
        """Let a gallery answer."""
        try:
            found = matcher.decide(compared, self.rate, doubtful)
        except RateError:
            self.refused += 1
            return
        if found.basis == "default":  # the same at every rate, and kept at none
            self.refused += 1
            return
        self.rests_on[f"{found.basis} by {found.source}"] += 1
        right = asked.column == found.best
        similarity = compared.similarity[:, 0]
        self.parts.append(
            (asked.of_class, asked.stranger, right, similarity, found.accepted, found.cannot_tell)
        )

    def cell(self, classes: int) -> dict[str, Any]:
        """What is told of them."""
        splits = len(self.parts) + self.refused
        result: dict[str, Any] = {"stated": self.rate, "refused": self.refused / splits}
        result["rests_on"] = dict(self.rests_on)
        if not self.parts:
            return result
        of_class, stranger, right, similarity, accepted, unsure = map(
            np.concatenate, zip(*self.parts, strict=True)
        )
        match = accepted & ~unsure

        def told(hits: Bools, among: Bools) -> dict[str, Any]:
            """A share with its interval and its standard error over classes."""
            hit, all_ = (
                np.bincount(of_class[mask], minlength=classes).astype(float)
                for mask in (hits & among, among)
            )
            hit, all_ = hit[all_ > 0], all_[all_ > 0]
            apart = hit - all_ * hit.sum() / all_.sum()
            error = np.sqrt((apart**2).sum() * len(hit) / max(len(hit) - 1, 1)) / all_.sum()
            return share(hit, all_).to_json() | {"se": round(float(error), 6), "classes": len(hit)}

        wrong = match & ~right
        let_in = told(match, stranger)
        high = np.sort(similarity[stranger])[::-1]
        count = int((match & stranger).sum())
        best_missed = ~stranger & ~(right & (similarity > high[min(count, len(high) - 1)]))
        worst = np.bincount(of_class[wrong & ~stranger], minlength=classes)
        asked = np.bincount(of_class[~stranger], minlength=classes)
        return result | {
            "let_in": let_in,
            "by_threshold_alone": round(float(accepted[stranger].mean()), 6),
            "missed": told(~(match & right), ~stranger),
            "best_missed": round(float(best_missed[~stranger].mean()), 6),
            "cannot_tell": round(float(unsure[~stranger].mean()), 6),
            "strangers_cannot_tell": round(float(unsure[stranger].mean()), 6),
            "misnamed": told(wrong, ~stranger),
            "worst_misnamed": round(float((worst / np.maximum(asked, 1)).max()), 4),
        }


@dataclass(frozen=True)
class Asked:
    """The probes of one split."""

    of_class: Index  # [B]
    column: Index  # [B] the identity that is right, -1 for a stranger
    rows: Index  # [B]

    @property
    def stranger(self) -> Bools:
        return self.column < 0


def splits(data: Embedded, domain: Domain, size: int, shots: int) -> Any:
    """Of each split the rows of the examples [N, K], and who is asked."""
    classes = np.unique(data.class_index)
    rows = {c: np.flatnonzero(data.class_index == c) for c in classes.tolist()}
    pools = [classes]
    if domain.within:
        groups = [classes[data.group[classes] == g] for g in np.unique(data.group[classes])]
        pools = [group for group in groups if len(group) >= size + 5]
    rng = np.random.default_rng(size * 10 + shots)
    for _ in range(SPLITS if size > SMALL else 2 * SPLITS):
        order = rng.permutation(pools[rng.integers(len(pools))])
        able = [c for c in order.tolist() if len(rows[c]) > shots]
        enrolled = able[:size]
        strangers = np.setdiff1d(order, enrolled)
        if data.reference is None:
            drawn = np.array([rng.permutation(rows[c])[: shots + 1] for c in enrolled])
            support, own = drawn[:, :shots], drawn[:, shots]
            others = [rng.choice(rows[c]) for c in strangers.tolist()]
        else:
            support = data.reference[enrolled][:, None]
            photographs = {c: np.setdiff1d(rows[c], data.reference[c]) for c in order.tolist()}
            own = np.array([rng.choice(photographs[c]) for c in enrolled])
            others = [rng.choice(photographs[c]) for c in strangers.tolist()]
        column = np.append(np.arange(size), np.full(len(strangers), -1))
        asked = np.append(enrolled, strangers)
        yield support, Asked(asked, column, np.append(own, others).astype(int))


def measured(data: Embedded, domain: Domain, size: int, shots: int) -> list[dict[str, Any]]:
    """A cell for each stated rate."""
    model = model_of(domain, data.vectors.shape[1])
    familiarity = model.novelty.p_value(data.vectors)
    answers, classes = [Answers(rate) for rate in RATES], len(data.group)
    for support, asked in splits(data, domain, size, shots):
        matcher = Matcher.of_support(model, data.vectors[support])
        compared = matcher.compare(data.vectors[asked.rows], familiarity=familiarity[asked.rows])
        for rate in answers:
            rate.add(matcher, compared, data.doubtful[asked.rows], asked)
    about = {"domain": domain.name, "part": domain.part, "enrolled": size, "examples": shots}
    return [about | rate.cell(classes) for rate in answers]


def is_guaranteed(cell: Any) -> bool:
    return all(key.startswith("guaranteed") for key in cell["rests_on"])


def bars(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """What has to be reached, and by how many of the counted cells it is."""
    told = [c for c in cells if "let_in" in c and c["let_in"]["classes"] >= COUNTED]
    told = [c for c in told if "catalogue" not in c["domain"]]  # references of another kind

    def kept(some: list[Any]) -> dict[str, Any]:
        over = [c["let_in"]["value"] - 1.64 * c["let_in"]["se"] > c["stated"] for c in some]
        return {
            "cells": len(some),
            "at_most_the_rate_and_1.64_se": len(some) - sum(over),
            "interval_above": sum(c["let_in"]["ci95"][0] > c["stated"] for c in some),
            "twice": sum(c["let_in"]["value"] > 2 * c["stated"] for c in some),
        }

    def misses(cell: Any) -> bool:
        coarse = is_guaranteed(cell) and cell["enrolled"] < 100
        factor = 1.5 if coarse else 1.15
        return bool(cell["missed"]["value"] <= factor * cell["best_missed"] + 0.01)

    def misnamed(cell: Any) -> bool:
        size = cell["enrolled"]
        bound = np.floor(cell["stated"] * (size + 1) + 1e-9) / size
        return bool(cell["misnamed"]["ci95"][0] <= bound)

    proven = [c for c in told if is_guaranteed(c)]
    other = [c for c in told if not is_guaranteed(c)]
    sizes = [c for c in cells if c["stated"] >= 2 / (c["enrolled"] + 1)]
    asked = [c for c in cells if not (is_guaranteed(c) and c["rests_on"])]
    return {
        "all": kept(told),
        "guaranteed": kept(proven),
        "estimated": kept(other),
        "refused_of_estimated": float(np.mean([c["refused"] for c in asked] or [0.0])),
        "refused_where_ranks_reach": float(max((c["refused"] for c in sizes), default=0.0)),
        "missed_guaranteed": [sum(map(misses, proven)), len(proven)],
        "missed_estimated": [sum(map(misses, other)), len(other)],
        "taken_for_another": [sum(map(misnamed, proven)), len(proven)],
        "not_answered_at_most_3_percent": [sum(c["cannot_tell"] <= 0.03 for c in told), len(told)],
    }


def shown(cell: dict[str, Any]) -> str:
    who = f"{cell['domain'][:26]:26} N={cell['enrolled']:<3} K={cell['examples']}"
    who += f" {100 * cell['stated']:>4g} %:"
    if "let_in" not in cell:
        return f"{who} refused"
    let_in = cell["let_in"]
    low, high = (100 * end for end in let_in["ci95"])
    over = let_in["value"] - 1.64 * let_in["se"] > cell["stated"]
    return (
        f"{who} in {100 * let_in['value']:5.1f} [{low:.1f}, {high:.1f}]{'!' if over else ' '} "
        f"missed {100 * cell['missed']['value']:5.1f} (best {100 * cell['best_missed']:.1f}) "
        f"refused {100 * cell['refused']:.0f} unsure {100 * cell['cannot_tell']:.1f} "
        f"alone {100 * cell['by_threshold_alone']:.1f} {cell['rests_on']}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kept = Path(tempfile.gettempdir()) / "everywhere"
    parser.add_argument("--vectors", type=Path, default=kept, help="folder of the embeddings")
    parser.add_argument("--choosing", action="store_true", help="what may be looked at")
    parser.add_argument("--only", default="", help="domains whose name begins so")
    parser.add_argument("--again", action="store_true", help="also what the result file has")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    cells: list[dict[str, Any]] = []
    if not options.choosing and options.out.is_file():
        known = {domain.name for domain in MEASURED}
        cells = [
            cell
            for cell in json.loads(options.out.read_text())["cells"]
            if cell["domain"] in known
            and not (options.again and cell["domain"].startswith(options.only))
        ]
    done = {(c["domain"], c["enrolled"], c["examples"]) for c in cells}
    place = {domain.name: at for at, domain in enumerate(MEASURED)}
    for domain in CHOOSING if options.choosing else MEASURED:
        if not domain.name.startswith(options.only):
            continue
        data = embedded(domain, options.vectors)
        for size in domain.sizes:
            for shots in domain.shots:
                if (domain.name, size, shots) in done:
                    continue
                began = time.process_time()
                found = measured(data, domain, size, shots)
                cells += found
                print(*map(shown, found), sep="\n", flush=True)
                print(f"  {time.process_time() - began:.0f} s", flush=True)
                if not options.choosing:
                    cells.sort(key=lambda cell: place[cell["domain"]])
                    result = {
                        "command": "python experiments/everywhere.py",
                        "splits": {"more than 20 enrolled": SPLITS, "fewer": 2 * SPLITS},
                        "bars": bars(cells),
                        "cells": cells,
                    }
                    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(bars(cells), indent=1))


if __name__ == "__main__":
    main()
