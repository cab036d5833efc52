"""Episodes: which pictures take part (seeded, the same on every machine), and the pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset
from holotype.datasets.lazy import Pictures
from holotype.errors import DataError
from holotype.records import Episode, EpisodeIndex
from holotype.stats.random_choice import below, choose, stream, words

# Entries of the tables that the choices of one chunk of episodes are made in: 16 MB each.
_TABLE_ENTRIES = 1 << 22


def sample(
    dataset: Dataset,
    n_way: int,
    k_shot: int,
    n_query: int,
    episodes: int,
    seed: int,
    within_group: bool = False,
) -> EpisodeIndex:
    """Draw episodes (Vinyals et al. 2016, section 2.2).

    Classes are drawn without replacement, uniformly; examples likewise within each class, so
    that support and queries never share a picture. The queries of an episode are shuffled: their
    order says nothing about their class. The first episodes of a longer draw with the same seed
    are the episodes of a shorter one.

    Args:
        dataset: the pictures; only its classes and groups are read.
        n_way: classes per episode.
        k_shot: support examples per class.
        n_query: queries per class.
        episodes: how many.
        seed: 0..2**64 - 1.
        within_group: draw a group (an alphabet) first, uniformly among those with at least
            `n_way` classes, and the classes within it.

    Raises:
        DataError: a number is below 1, or there are too few classes or examples.
    """
    for name, value in {
        "n_way": n_way,
        "k_shot": k_shot,
        "n_query": n_query,
        "episodes": episodes,
    }.items():
        if value < 1:
            raise DataError(f"{name}={value} is below 1", f"Choose {name} of at least 1")
    pool, pool_size = _class_pools(dataset, n_way, within_group)
    size = np.bincount(dataset.class_index, minlength=len(dataset.class_names))
    need = k_shot + n_query
    _require_examples(dataset, size, pool, k_shot, n_query)
    order = np.argsort(dataset.class_index, kind="stable")
    start = np.cumsum(size) - size

    queries = n_way * n_query
    ends = np.cumsum([1, n_way, n_way * need, queries])  # the words that one episode takes
    widest = max(pool.shape[1], n_way * int(size.max()), queries)
    chunk = max(1, _TABLE_ENTRIES // widest)
    generator = stream(seed)
    parts = []
    for first in range(0, episodes, chunk):
        count = min(chunk, episodes - first)
        word = words(generator, count, int(ends[-1]))
        group = below(word[:, 0], len(pool))
        classes = pool[group[:, None], choose(word[:, 1 : ends[1]], pool_size[group])]
        examples = choose(
            word[:, ends[1] : ends[2]].reshape(count * n_way, need), size[classes].ravel()
        ).reshape(count, n_way, need)
        pictures = order[start[classes][:, :, None] + examples]
        shuffled = choose(word[:, ends[2] :], np.full(count, queries))
        query = pictures[:, :, k_shot:].reshape(count, queries)
        parts.append(
            (
                pictures[:, :, :k_shot],
                np.take_along_axis(query, shuffled, axis=1),
                shuffled // n_query,
                classes,
            )
        )
    support, query, query_class, class_id = (
        np.concatenate([part[field] for part in parts]) for field in range(4)
    )
    return EpisodeIndex(support, query, query_class, class_id)


def episodes(images: Pictures, index: EpisodeIndex) -> Iterator[Episode]:
    """The episodes themselves, one by one.

    Args:
        images: [M, ...], what `index` refers to: raw pictures, prepared pictures or embeddings.
        index: as from `sample`.

    Raises:
        DataError: the images are files, or fewer than the index refers to.
    """
    if isinstance(images, tuple):
        raise DataError(
            "episodes need arrays; these images are files", "Prepare or embed the pictures first"
        )
    highest = max(int(index.support.max()), int(index.query.max()))
    if highest >= len(images):
        raise DataError(
            f"the episodes refer to picture {highest}; there are {len(images)}",
            "Use the images of the data set that the episodes were drawn from",
        )
    return _gather(images, index)


def _gather(images: Pictures, index: EpisodeIndex) -> Iterator[Episode]:
    for row in range(len(index)):
        yield Episode(
            support=images[index.support[row]],
            query=images[index.query[row]],
            query_class=index.query_class[row],
            class_id=index.class_id[row],
        )


def _class_pools(
    dataset: Dataset, n_way: int, within_group: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pools that the classes of an episode come from: [G, widest], and their sizes [G]."""
    count = len(dataset.class_names)
    if not within_group:
        if count < n_way:
            raise DataError(
                f"n_way={n_way} needs {n_way} classes; '{dataset.name}' has {count}",
                f"Choose n_way of at most {count}, or another data set or split",
            )
        return np.arange(count)[None], np.array([count])
    members: dict[str, list[int]] = {}
    for class_index, group in enumerate(dataset.group):
        if group:
            members.setdefault(group, []).append(class_index)
    if not members:
        raise DataError(
            f"the classes of '{dataset.name}' belong to no alphabets",
            "Draw the classes at random instead, with the protocol 'evaluation'",
        )
    pools = [classes for classes in members.values() if len(classes) >= n_way]
    if not pools:
        largest = max(len(classes) for classes in members.values())
        raise DataError(
            f"n_way={n_way} needs {n_way} classes in one alphabet; "
            f"the largest of '{dataset.name}' has {largest}",
            f"Choose n_way of at most {largest}",
        )
    table = np.zeros((len(pools), max(map(len, pools))), np.int64)
    for row, classes in enumerate(pools):
        table[row, : len(classes)] = classes
    return table, np.array([len(classes) for classes in pools])


def _require_examples(
    dataset: Dataset, size: NDArray[np.int64], pool: NDArray[np.int64], k_shot: int, n_query: int
) -> None:
    used = np.unique(pool)
    smallest = int(used[np.argmin(size[used])])
    if size[smallest] < k_shot + n_query:
        raise DataError(
            f"k_shot={k_shot} and n_query={n_query} need {k_shot + n_query} examples per class; "
            f"'{dataset.class_names[smallest]}' of '{dataset.name}' has {size[smallest]}",
            "Lower k_shot or n_query, or add examples",
        )
