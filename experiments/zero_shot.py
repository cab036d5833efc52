"""From no example to five: an intent's name as its description, and examples of it.

    make extra-train extra-text
    holotype train memory-network --data clinc150 --recipe intents --out RUN
    HOLOTYPE_DATA=... python experiments/zero_shot.py RUN

The only descriptions in the data are the names ("card_about_to_expire" is read as words). The name
is embedded as an utterance would be; with examples it counts as one more of them. 20 of the tested
intents an episode, the same episodes for every row. Writes results/zero_shot.json and
docs/zero-shot.png; ten minutes on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset
from holotype.datasets.intents import load_intents
from holotype.evaluation.episodes import sample
from holotype.stats.half_width import half_width
from holotype.stats.scoring import unit
from holotype.train import runs
from holotype.train.checkpoints import WEIGHTS, read_tensors
from holotype.train.methods.memory.intent_recipes import intent_network, intent_parts
from holotype.train.methods.memory.ngrams import hashed, rarity
from intents import MEMORY, MINILM, SOURCE, TFIDF, learned, pretrained, tfidf
from tabling import ROOT, keep

DOCS = ROOT / "docs"
N_WAY, N_QUERY, EPISODES, SHOTS = 20, 5, 500, (0, 1, 2, 5)

Vectors = NDArray[np.float32]


def names_of(dataset: Dataset) -> NDArray[Any]:
    words = [name.replace("_", " ").replace("?", "").lower() for name in dataset.class_names]
    return np.array(words, dtype=object)


def accuracies(vectors: Vectors, names: Vectors, dataset: Dataset) -> list[dict[str, Any]]:
    index = sample(dataset, N_WAY, max(SHOTS), N_QUERY, EPISODES, seed=0)
    right: dict[tuple[bool, int], list[float]] = {}
    for support, query, label, classes in zip(
        index.support, index.query, index.query_class, index.class_id, strict=True
    ):
        for with_name in (True, False):
            for shots in SHOTS:
                if not shots and not with_name:
                    continue
                total = vectors[support[:, :shots]].sum(1)
                if with_name:
                    total = total + names[classes]
                hit = (vectors[query] @ unit(total).T).argmax(1) == label
                right.setdefault((with_name, shots), []).append(100 * float(hit.mean()))
    return [
        {
            "name": with_name,
            "examples": shots,
            "accuracy": round(float(np.mean(each)), 3),
            "ci95": round(float(half_width(np.array(each))), 3),
        }
        for (with_name, shots), each in right.items()
    ]


def draw(rows: list[dict[str, Any]]) -> None:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.family": "DejaVu Sans", "font.size": 10})
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), sharey=True)
    colors = {TFIDF: "#8a8f98", MEMORY: "#1f6feb", MINILM: "#c2410c"}
    for ax, data in zip(axes, dict.fromkeys(row["data"] for row in rows), strict=True):
        for model, color in colors.items():
            for with_name in (True, False):
                line = [
                    r
                    for r in rows
                    if (r["data"], r["model"], r["name"]) == (data, model, with_name)
                ]
                ax.errorbar(
                    [r["examples"] for r in line],
                    [r["accuracy"] for r in line],
                    [r["ci95"] for r in line],
                    color=color,
                    marker="o" if with_name else "s",
                    markerfacecolor=color if with_name else "white",
                    linestyle="-" if with_name else ":",
                    label=f"{model}, {'name and examples' if with_name else 'examples alone'}",
                )
        ax.set(title=data, xlabel="examples", xticks=SHOTS)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(f"right of {N_WAY}, %")
    axes[1].legend(frameon=False, fontsize=8, loc="lower right")
    figure.tight_layout()
    figure.savefig(DOCS / "zero-shot.png", dpi=130, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a run of the recipe `intents`")
    run = parser.parse_args().run
    runs.read(run)
    network = intent_network()
    network.load_state_dict(read_tensors(run / WEIGHTS))
    network.eval()
    parts = intent_parts(SOURCE)
    weights = rarity(hashed(parts["training"].images[:]))
    memory, minilm = learned(network), pretrained()
    rows = []
    for data, dataset in ((SOURCE, parts["test"]), ("banking77", load_intents("banking77"))):
        texts, names = dataset.images[:], names_of(dataset)
        embeds = {TFIDF: tfidf(weights, texts, names), MEMORY: memory, MINILM: minilm}
        for model, embed in embeds.items():
            for row in accuracies(embed(texts), embed(names), dataset):
                rows.append({"data": data, "model": model, **row})
                print(rows[-1], flush=True)
    result = {
        "command": "python experiments/zero_shot.py RUN",
        "n_way": N_WAY,
        "episodes": EPISODES,
        "rows": rows,
    }
    keep("zero_shot", result)
    draw(rows)


if __name__ == "__main__":
    main()
