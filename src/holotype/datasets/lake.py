"""The one-shot classification task of Lake et al. (2015): 20 runs within one alphabet each."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.archives import DAMAGE, read_drawing
from holotype.datasets.catalogue import data_folder
from holotype.errors import DataError
from holotype.records import EpisodeIndex

DATASET = "omniglot"  # of which the runs are
LAKE_RUNS_FILE = "omniglot_all_runs.zip"
RUNS = 20
N_WAY = 20


def lake_runs(path: Path | None = None) -> tuple[NDArray[np.uint8], EpisodeIndex]:
    """Read the 20 runs: 20 classes, one example and one query each (Science 350, 1332-1338).

    Pictures and pairs come from the archive's own `runNN/class_labels.txt`.

    Args:
        path: the archive; by default `omniglot_all_runs.zip` in the data folder.

    Returns:
        The pictures, uint8 [800, 105, 105], ink 0 on paper 255, and the episodes: E = 20,
        N = Q = 20, K = 1. `class_id` is 20 * run + class; the archive does not name characters.

    Raises:
        DataError: the archive is missing, damaged, or not those 20 runs.
    """
    path = path or data_folder() / LAKE_RUNS_FILE
    if not path.is_file():
        raise DataError(
            f"there is no {path.name} in {path.parent}",
            "Run `holotype data omniglot`, or set HOLOTYPE_DATA to the folder that holds it",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            runs = [_read_run(archive, run) for run in range(1, RUNS + 1)]
    except DAMAGE as error:
        raise DataError(
            f"{path} does not hold the {RUNS} runs of Lake et al. ({error})",
            "Remove it and run `holotype data omniglot`",
        ) from error
    images = np.concatenate([pictures for pictures, _ in runs])
    first = np.arange(RUNS)[:, None] * 2 * N_WAY  # each run: 20 examples, then 20 queries
    return images, EpisodeIndex(
        support=(first + np.arange(N_WAY))[:, :, None],
        query=first + N_WAY + np.arange(N_WAY),
        query_class=np.stack([query_class for _, query_class in runs]),
        class_id=np.arange(RUNS)[:, None] * N_WAY + np.arange(N_WAY),
    )


def _read_run(archive: zipfile.ZipFile, run: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    labels = archive.read(f"run{run:02d}/class_labels.txt").decode()
    pairs = [line.split() for line in labels.splitlines() if line.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"a line of run {run} is not a pair of files")
    examples = sorted({example for _, example in pairs})
    queries = [query for query, _ in pairs]
    if len(examples) != N_WAY or len(set(queries)) != N_WAY:
        raise ValueError(f"run {run} does not pair {N_WAY} queries with {N_WAY} examples")
    pictures = np.stack([read_drawing(archive, name) for name in [*examples, *queries]])
    return pictures, np.array([examples.index(example) for _, example in pairs])
