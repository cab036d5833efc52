"""What a DAGAN draws from one picture: the class kept, as much variety as people, and no copies.

    HOLOTYPE_DATA=... python experiments/dagan.py RUN [--split evaluation] [--noise SCALE]

The judge is the pack `characters`, at the resolution of the training for everybody. Groups of 20
characters: one drawing of each is the reference, 8 by other people are the real ones, 5 by others
still are what the judge compares with. Beside the run stand the real drawings and the cheap ways
to make more of one: warps, and the strokes of a pen. On `evaluation` it writes results/dagan.json
and docs/dagan.png; on another split (for choices: `cohort`) it only prints. About five minutes on
one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.dataset import Dataset
from holotype.datasets.splits import split
from holotype.domains.strokes.sheets import kin_sheet
from holotype.domains.strokes.strokes import imagine
from holotype.embedder import Embedder
from holotype.image.prepare import prepare_batch
from holotype.pack import load_pack
from holotype.preprocessing import Preprocessing
from holotype.stats.scoring import unit
from holotype.train.augmentation.warps import warp
from holotype.train.history import History
from holotype.train.methods.generative.imagining import RunImagination
from holotype.train.picture_recipes import part, pixels, prepared
from holotype.train.pipeline import run_scorer
from tabling import ROOT, keep, today

GROUPS, WAY, REAL, JUDGES, RESAMPLES = 10, 20, 8, 5, 2000
COPIED = 0.01  # of the pairs of real drawings are nearer than what counts as the same drawing
STILL = {
    "rotation_degrees": 0.0,
    "scale": 0.0,
    "shear": 0.0,
    "shift": 0.0,
    "elastic": 0.0,
}
# As in the recipes' own warps.
AFFINE = {**STILL, "rotation_degrees": 12.0, "scale": 0.15, "shear": 0.2, "shift": 0.05}
ELASTIC = {**STILL, "elastic": 0.06}

Pictures = NDArray[np.uint8]  # [..., S, S], ink 0 on paper 255
Vectors = NDArray[np.float32]  # [..., D], unit vectors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--split", default="evaluation")
    parser.add_argument("--noise", type=float, help="its scale, for choices; not on evaluation")
    arguments = parser.parse_args()
    if arguments.noise is not None and arguments.split == "evaluation":
        parser.error("--noise is for choices: name another --split, such as cohort")
    omniglot = load_dataset("omniglot")
    run, preprocessing = RunImagination(arguments.run), run_scorer(arguments.run).preprocessing
    if arguments.noise is not None:
        run.method.noise_scale = arguments.noise
    data = split(omniglot, arguments.split)
    small = shrunk(data, preprocessing)
    rng = np.random.default_rng(0)
    # [C, 1 + REAL + JUDGES] rows of the data set, drawings by different people.
    order = np.argsort(small.class_index, kind="stable").reshape(len(small.class_names), -1)
    classes = rng.permutation(len(order))[: min(GROUPS, len(order) // WAY) * WAY]
    rows = rng.permuted(order[classes], axis=1)[:, : 1 + REAL + JUDGES]
    drawings = np.asarray(small.images[rows.ravel()]).reshape(
        *rows.shape, *small.images[:1].shape[1:]
    )
    original = data.images[rows[:, 0]]
    embedder = Embedder(load_pack("characters"))
    judges = unit(embedded(embedder, drawings[:, 1 + REAL :]).mean(1))
    background = learned_from(arguments.run, omniglot)
    sources: dict[str, Callable[[], Pictures]] = {
        "real drawings": lambda: drawings[:, 1 : 1 + REAL],
        "DAGAN": lambda: small_of(
            np.stack([run.imagine(one, REAL, i) for i, one in enumerate(original)]), preprocessing
        ),
        "strokes": lambda: small_of(
            np.stack([imagine(one, REAL) for one in original]), preprocessing
        ),
        "affine warp": lambda: warped(drawings[:, 0], AFFINE),
        "elastic warp": lambda: warped(drawings[:, 0], ELASTIC),
    }
    measured: dict[str, dict[str, Any]] = {}
    for name, source in sources.items():
        measured[name] = measure(source(), drawings[:, 0], judges, background, embedder)
        print(json.dumps(row(name, measured)), flush=True)
    if arguments.split != "evaluation":
        return
    facts = run_scorer(arguments.run).facts
    result = {
        "command": "python experiments/dagan.py RUN",
        "date": today(),
        "steps": facts["settings"]["steps"],
        "minutes": round(History.read(arguments.run).seconds / 60, 1),
        "characters": len(classes),
        "rows": [row(name, measured) for name in measured],
    }
    keep("dagan", result)
    shown = original[:4]  # of a random order, whatever they look like
    kin = [(run.reference(one), run.imagine(one, 20, 0)) for one in shown]
    kin_sheet(kin).quantize(64).save(ROOT / "docs" / "dagan.png", optimize=True)


def measure(
    made: Pictures,
    references: Pictures,
    judges: Vectors,
    background: NDArray[np.float32],
    embedder: Embedder,
) -> dict[str, Any]:
    """What can be said of pictures [C, n, S, S] that were made from references [C, S, S]: by class.

    `judges` is [C, D], and classes are asked about among the 20 of their group.
    """
    vectors = embedded(embedder, made)
    count, n = made.shape[:2]
    grouped = vectors.reshape(-1, WAY, n, vectors.shape[-1])
    scores = np.einsum("gand,gbd->ganb", grouped, judges.reshape(-1, WAY, judges.shape[-1]))
    kept = (scores.argmax(-1) == np.arange(WAY)[:, None]).reshape(count, n)
    flat = ink(made).reshape(count * n, -1)
    still = registered(ink(made), ink(references)[:, None].repeat(n, 1))
    return {
        "kept": kept.mean(1),
        "pairs": apart(vectors),
        "variety": apart(embedded(embedder, paper(still))).mean(1),
        "to_reference": np.linalg.norm(
            vectors - embedded(embedder, references[:, None]), axis=-1
        ).mean(1),
        "to_background": nearest(flat, background).reshape(count, n).mean(1),
    }


def row(name: str, measured: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One line of the table: shares, and distances as multiples of the real drawings'."""
    mine, real = measured[name], measured["real drawings"]
    same = np.quantile(real["pairs"], COPIED)
    rng = np.random.default_rng(0)
    again = rng.integers(len(mine["kept"]), size=(RESAMPLES, len(mine["kept"])))
    found: dict[str, Any] = {"source": name, "kept": resampled(mine["kept"], again)}
    for key in ("variety", "to_reference", "to_background"):
        ratios = mine[key][again].mean(1) / real[key][again].mean(1)
        low, high = np.quantile(ratios, (0.025, 0.975))
        found[key] = {
            "value": round(float(mine[key].mean() / real[key].mean()), 3),
            "ci95": [round(float(low), 3), round(float(high), 3)],
        }
    found["same"] = resampled((mine["pairs"] < same).mean(1), again)
    return found


def resampled(values: NDArray[np.float64], again: NDArray[np.int64]) -> dict[str, Any]:
    low, high = np.quantile(values[again].mean(1), (0.025, 0.975))
    return {
        "value": round(float(values.mean()), 4),
        "ci95": [round(float(low), 4), round(float(high), 4)],
    }


def apart(vectors: Vectors) -> NDArray[np.float64]:
    """Distances of the pairs of pictures of each class: [C, n, D] -> [C, n * (n - 1) / 2]."""
    gaps = np.linalg.norm(vectors[:, :, None] - vectors[:, None], axis=-1)
    one, other = np.triu_indices(vectors.shape[1], 1)
    return np.asarray(gaps[:, one, other], dtype=np.float64)


def nearest(pictures: NDArray[np.float32], background: NDArray[np.float32]) -> NDArray[np.float32]:
    """Distance of each picture [M, P] to the nearest of the background [B, P], pixel by pixel."""
    squares = np.square(background).sum(1)
    return np.concatenate(
        [
            np.sqrt((np.square(some).sum(1) + (squares[:, None] - 2 * background @ some.T)).min(0))
            for some in np.array_split(pictures, max(1, len(pictures) // 200))
        ]
    )


def registered(
    pictures: NDArray[np.float32], onto: NDArray[np.float32], steps: int = 80
) -> NDArray[np.float32]:
    """Each picture [..., S, S] under the affine warp that best lays it on another.

    Both are blurred, the squared difference is lowered by gradient descent from where the centers
    and sizes of the ink agree, and the warp is then made of the picture as it was.
    """
    shape, side = pictures.shape, pictures.shape[-1]
    source = torch.from_numpy(pictures.reshape(-1, 1, side, side))
    target = torch.from_numpy(np.ascontiguousarray(onto.reshape(-1, 1, side, side)))
    (own, own_size), (center, size) = moments(source), moments(target)
    scale = (own_size / size).clamp(0.5, 2)
    start = torch.cat([scale * torch.eye(2), (own - scale[..., 0] * center)[..., None]], dim=2)
    change = torch.zeros_like(start, requires_grad=True)
    optimizer = torch.optim.Adam([change], lr=0.02)
    soft = [(blurred(source, sigma), blurred(target, sigma)) for sigma in (2.0, 1.0)]
    for step in range(steps):
        moving, fixed = soft[2 * step // steps]
        loss = (sampled(moving, start + change) - fixed).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return sampled(source, (start + change).detach()).numpy().reshape(shape)


def moments(pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Center of the ink [M, 2] and its spread [M, 1, 1], in halves of the side."""
    side = pictures.shape[-1]
    at = (torch.arange(side) + 0.5) * 2 / side - 1
    weight = pictures[:, 0] / pictures.sum((1, 2, 3)).clamp_min(1e-6)[:, None, None]
    center = torch.stack([(weight.sum(1) * at).sum(1), (weight.sum(2) * at).sum(1)], 1)
    square = (weight.sum(1) * at**2).sum(1) + (weight.sum(2) * at**2).sum(1)
    return center, (square - center.square().sum(1)).clamp_min(1e-4).sqrt()[:, None, None]


def sampled(pictures: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, align_corners=False)


def blurred(pictures: torch.Tensor, sigma_px: float) -> torch.Tensor:
    reach = round(3 * sigma_px)
    weight = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma_px) ** 2)
    weight = weight / weight.sum()
    across = F.conv2d(pictures, weight[None, None, None], padding=(0, reach))
    return F.conv2d(across, weight[None, None, :, None], padding=(reach, 0))


def warped(references: Pictures, sizes: dict[str, float]) -> Pictures:
    """REAL warps of each of [C, S, S]: [C, REAL, S, S]."""
    inked = torch.from_numpy(ink(references))[:, None].repeat_interleave(REAL, 0)
    made = warp(inked, torch.Generator().manual_seed(0), **sizes).clamp(0, 1)
    return paper(made.numpy().reshape(len(references), REAL, *references.shape[1:]))


def embedded(embedder: Embedder, pictures: Pictures) -> Vectors:
    """[C, n, S, S] -> [C, n, D]."""
    flat = list(pictures.reshape(-1, *pictures.shape[-2:]))
    return embedder.embed(flat).reshape(*pictures.shape[:2], -1)


def shrunk(data: Dataset, preprocessing: Preprocessing) -> Dataset:
    """The drawings as the run learned from them, uint8 [M, S, S], ink 0 on paper 255."""
    small = prepared(data, preprocessing)
    return replace(small, images=255 - np.asarray(small.images[:])[:, 0])


def small_of(pictures: Pictures, preprocessing: Preprocessing) -> Pictures:
    """[C, n, s, s] of any size as the run learned from such: [C, n, S, S]."""
    small = prepare_batch(list(pictures.reshape(-1, *pictures.shape[-2:])), preprocessing)
    return paper(small.reshape(*pictures.shape[:2], *small.shape[-2:]))


def learned_from(run: Path, omniglot: Dataset) -> NDArray[np.float32]:
    """The pictures that the run learned from, ink 1: [B, S * S]."""
    scorer = run_scorer(run)
    data = prepared(part(omniglot, scorer.recipe.training, 0), scorer.preprocessing)
    return pixels(data).reshape(len(data), -1)


def ink(pictures: Pictures) -> NDArray[np.float32]:
    return np.float32(1) - pictures.astype(np.float32) / np.float32(255)


def paper(inked: NDArray[np.float32]) -> Pictures:
    return np.asarray(np.round(255 * (1 - np.clip(inked, 0, 1))), dtype=np.uint8)


if __name__ == "__main__":
    main()
