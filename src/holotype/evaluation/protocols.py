"""The protocols that results are stated under: which episodes, of which pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.datasets.lake import DATASET, N_WAY, RUNS, lake_runs
from holotype.datasets.lazy import Pictures, TurnedPictures, select, turn
from holotype.datasets.splits import split
from holotype.errors import DataError
from holotype.evaluation.episodes import episodes as gather
from holotype.evaluation.episodes import sample
from holotype.records import Episode, EpisodeIndex

PROTOCOLS = ("lake", "vinyals", "evaluation", "within-alphabet")
# What an episode is where the user does not say: 5-way 1-shot as in Vinyals et al. (2016).
DEFAULTS = {"n_way": 5, "k_shot": 1, "n_query": 15, "episodes": 1000}
_LAKE = {"n_way": N_WAY, "k_shot": 1, "n_query": 1, "episodes": RUNS}
# Distinct pictures that are prepared and encoded together.
_CHUNK = 256

Prepare = Callable[[Sequence[Any]], NDArray[Any]]
Encode = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The episodes of a protocol, before anything is done to a picture."""

    protocol: str
    data: str
    images: Pictures  # raw; what `index` refers to
    index: EpisodeIndex
    n_query: int  # per class

    def episodes(
        self,
        prepare: Prepare,
        encode: Encode | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[Episode]:
        """The episodes of prepared pictures or of their embeddings.

        Each distinct picture that takes part is prepared and encoded once, however many episodes
        it is in. Quarter turns are applied to the prepared picture.

        Args:
            prepare: b raw pictures (an array [b, ...], or a tuple of paths) -> [b, C, S, S].
            encode: prepared [b, C, S, S] -> [b, ...]; by default the pictures stay as prepared.
            progress: called with the number of pictures done and the number of all.
        """
        used = np.unique(np.concatenate([self.index.support.ravel(), self.index.query.ravel()]))
        pictures = encode_pictures(select(self.images, used), prepare, encode, progress)
        return gather(pictures, among(self.index, used))


def plan(
    protocol: str,
    data: str | Path | Dataset,
    *,
    n_way: int | None = None,
    k_shot: int | None = None,
    n_query: int | None = None,
    episodes: int | None = None,
    seed: int = 0,
) -> Plan:
    """Draw the episodes of a protocol.

    "lake": the 20 runs of Lake et al. (2015), 20-way one-shot within an alphabet. "vinyals":
    classes at random from the test part of Vinyals et al. (2016), quarter turns as classes.
    "evaluation": classes at random from Omniglot's evaluation alphabets without turns; for any
    other data set, from all classes. "within-alphabet": the same, within one alphabet at a time.

    Args:
        protocol: one of `PROTOCOLS`.
        data: what `load_dataset` takes, or a data set.
        n_way: classes per episode; 5 where it is None. "lake" fixes all four numbers.
        k_shot: support examples per class; 1 where it is None.
        n_query: queries per class; 15 where it is None.
        episodes: how many; 1,000 where it is None.
        seed: 0..2**64 - 1; not used by "lake".

    Raises:
        DataError: no such protocol, not one of this data set, or episodes that cannot be drawn.
    """
    if protocol not in PROTOCOLS:
        raise DataError(
            f"there is no protocol '{protocol}'", f"Choose one of {', '.join(PROTOCOLS)}"
        )
    stated = {"n_way": n_way, "k_shot": k_shot, "n_query": n_query, "episodes": episodes}
    name = data.name if isinstance(data, Dataset) else str(data)
    if protocol == "lake":
        _require_lake(name, stated)
        images, index = lake_runs()
        return Plan(protocol, name, images, index, _LAKE["n_query"])
    dataset = data if isinstance(data, Dataset) else load_dataset(data)
    if protocol == "vinyals":
        dataset = split(dataset, "vinyals-test")
    elif dataset.divided:
        dataset = split(dataset, "evaluation")
    numbers = {key: DEFAULTS[key] if value is None else value for key, value in stated.items()}
    index = sample(dataset, **numbers, seed=seed, within_group=protocol == "within-alphabet")
    return Plan(protocol, dataset.name, dataset.images, index, numbers["n_query"])


def _require_lake(name: str, stated: dict[str, int | None]) -> None:
    if name != DATASET:
        raise DataError(
            f"the protocol 'lake' is defined on {DATASET}, not on '{name}'",
            "Choose the protocol 'evaluation' for this data set",
        )
    for key, value in stated.items():
        if value not in (None, _LAKE[key]):
            raise DataError(
                f"{key}={value} cannot be had; the protocol 'lake' fixes {key}={_LAKE[key]}",
                f"Leave {key} out, or choose another protocol",
            )


def among(index: EpisodeIndex, rows: NDArray[np.int64]) -> EpisodeIndex:
    """The same episodes, of a data set that was reduced to these rows.

    Args:
        index: refers to the whole data set.
        rows: the rows that were kept, ascending; all that `index` refers to are among them.
    """
    return replace(
        index,
        support=np.searchsorted(rows, index.support),
        query=np.searchsorted(rows, index.query),
    )


def encode_pictures(
    images: Pictures,
    prepare: Prepare,
    encode: Encode | None,
    progress: Callable[[int, int], None] | None,
) -> NDArray[Any]:
    """All of `images`, prepared, turned and encoded chunk by chunk: [len(images), ...].

    Args:
        images: raw, at least one.
        prepare: see `Plan.episodes`.
        encode: likewise.
        progress: likewise.
    """
    if isinstance(images, TurnedPictures):
        source, picture, turns = images.base, images.picture, images.quarter_turns
    else:
        source, picture = images, np.arange(len(images))
        turns = np.zeros(len(images), np.int64)
    # Turns of one picture come into the same chunk, so that it is prepared once.
    distinct, position = np.unique(picture, return_inverse=True)
    by_position = np.argsort(position, kind="stable")
    result: NDArray[Any] | None = None
    done = 0
    for first in range(0, len(distinct), _CHUNK):
        chunk = distinct[first : first + _CHUNK]
        raw = select(source, chunk)
        prepared = prepare(raw[:])
        last = np.searchsorted(position[by_position], first + len(chunk))
        rows = by_position[done:last]
        batch = turn(prepared[position[rows] - first], turns[rows])
        encoded = batch if encode is None else encode(batch)
        if result is None:
            result = np.empty((len(images), *encoded.shape[1:]), encoded.dtype)
        result[rows] = encoded
        done = int(last)
        if progress is not None:
            progress(done, len(images))
    assert result is not None, "an episode has pictures"
    return result
