"""The figures of docs/why-one-shot.md, drawn from measured data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset
from holotype.image.prepare import prepare
from holotype.preprocessing import Preprocessing
from holotype.stats.scoring import unit

matplotlib.rcParams["svg.hashsalt"] = "holotype"  # the same figure, the same file
matplotlib.rcParams["svg.fonttype"] = "none"
COLORS = {"pack": "#0f766e", "scratch": "#b45309", "pixels": "#5361a8", "embedding": "#7c7c7c"}
STYLES = {"pack": "o-", "scratch": "s--", "pixels": "^-.", "embedding": "D:"}
NAMES = {
    "pack": "one-shot, the pack",
    "scratch": "network from scratch",
    "pixels": "regression on pixels",
    "embedding": "regression on the embedding",
}
TITLES = {"characters": "20 new characters", "digits": "10 digits, another source"}
THUMB = Preprocessing("ink", size_px=24, margin_px=1)


def save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def curves_figure(path: Path, rows: list[dict[str, Any]]) -> None:
    """Accuracy against examples per class, above; the gap to the support, below."""
    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.subplots(2, 2, sharey="row", sharex="col")
    for column, (data, title) in enumerate(TITLES.items()):
        for key, name in NAMES.items():
            own = [row for row in rows if (row["data"], row["contender"]) == (data, key)]
            shots = [row["shots"] for row in own]
            value = np.array([row["accuracy"]["value"] for row in own])
            ci95 = np.array([row["accuracy"]["ci95"] for row in own])
            upper, lower = axes[0, column], axes[1, column]
            style = {"color": COLORS[key], "markersize": 4}
            upper.plot(shots, value, STYLES[key], label=name, **style)
            upper.fill_between(shots, value - ci95, value + ci95, color=COLORS[key], alpha=0.13)
            lower.plot(shots, [row["gap"] for row in own], STYLES[key], **style)
        axes[0, column].set_title(title)
        axes[1, column].set_xlabel("examples per class")
        axes[1, column].set_xscale("log")
        axes[1, column].set_xticks(shots, [str(k) for k in shots])
        axes[1, column].minorticks_off()
        for axis in axes[:, column]:
            axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("accuracy on queries, %")
    axes[1, 0].set_ylabel("accuracy on its own examples\nminus on queries, points")
    axes[0, 1].legend(loc="lower right", fontsize=8)
    save(figure, path)


def map_figure(path: Path, dataset: Dataset, vectors: NDArray[np.float32]) -> None:
    """Drawings where their embeddings lie, in the plane that shows most of their spread."""
    centered = vectors - vectors.mean(0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    at = centered @ axes[:2].T
    figure = Figure(figsize=(7, 5.5), layout="constrained")
    axis = figure.subplots()
    colors = matplotlib.colormaps["tab10"](np.arange(10))
    for row, (x, y) in enumerate(at):
        strokes = prepare(dataset.images[row], THUMB)[0]
        tinted = np.zeros((*strokes.shape, 4))
        tinted[..., :3] = colors[dataset.class_index[row]][:3]
        tinted[..., 3] = strokes
        box = AnnotationBbox(OffsetImage(tinted, zoom=0.8), (x, y), frameon=False)
        axis.add_artist(box)
    axis.set_xlim(at[:, 0].min() - 0.1, at[:, 0].max() + 0.1)
    axis.set_ylim(at[:, 1].min() - 0.1, at[:, 1].max() + 0.1)
    axis.set_xticks([])
    axis.set_yticks([])
    save(figure, path)


def matrix_figure(path: Path, dataset: Dataset, vectors: NDArray[np.float32]) -> None:
    """The similarity of each of 64 drawings, eight a class, to each other one."""
    rows = np.concatenate(
        [np.flatnonzero(dataset.class_index == c)[:8] for c in range(len(dataset.class_names))]
    )
    chosen = unit(vectors[rows])
    figure = Figure(figsize=(5.6, 4.6), layout="constrained")
    axis = figure.subplots()
    shown = axis.imshow(chosen @ chosen.T, cmap="viridis", vmin=0, vmax=1, interpolation="none")
    edges = np.arange(0, len(rows), 8) + 3.5
    axis.set_xticks(edges, [str(c + 1) for c in range(len(edges))])
    axis.set_yticks(edges, [str(c + 1) for c in range(len(edges))])
    axis.set_xlabel("character")
    axis.set_ylabel("character")
    figure.colorbar(shown, label="similarity")
    save(figure, path)
