"""How sharply similarities tell classes apart, learned from a pack's cohort."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holotype.stats.random_choice import choose, stream, words
from holotype.stats.scoring import Floats, prototypes

_EPISODES = 60
_TRIED = np.geomspace(1.0, 200.0, 80)


def inverse_temperature(
    embeddings: Floats, class_index: NDArray[np.int64], n_way: int, k_shot: int
) -> float:
    """The factor on similarities whose softmax is likeliest to have said the truth.

    That is temperature scaling (Guo et al. 2017, section 4.2) on episodes of cohort classes, which
    neither trained nor selected the model: `k_shot` examples each, one query each, seeded.

    Args:
        embeddings: float32 unit [M, D], the cohort.
        class_index: int64 [M].
        n_way: classes to choose among; as many as the cohort has where those are fewer.
        k_shot: examples per class; likewise.

    Returns:
        In [1, 200].
    """
    names, counts = np.unique(class_index, return_counts=True)
    names = names[counts > min(k_shot, counts.max() - 1)]
    n_way = min(n_way, len(names))
    k_shot = min(k_shot, int(counts.max()) - 1)
    if n_way < 2 or k_shot < 1:
        return float(_TRIED[0])  # nothing to learn from: claim the least
    members = [np.flatnonzero(class_index == name) for name in names]
    generator = stream(0)
    losses = np.zeros(len(_TRIED))
    for _ in range(_EPISODES):
        order = choose(words(generator, 1, n_way), np.array([len(members)]))[0]
        support, query = [], []
        for at in order:
            own = members[at]
            rows = own[choose(words(generator, 1, k_shot + 1), np.array([len(own)]))[0]]
            query.append(embeddings[rows[0]])
            support.append(embeddings[rows[1:]])
        similarity = (np.stack(query) @ prototypes(np.stack(support)).T).astype(np.float64)
        logits = similarity * _TRIED[:, None, None]
        truth = np.diagonal(logits, axis1=1, axis2=2)
        peak = logits.max(axis=2)
        total = peak + np.log(np.exp(logits - peak[:, :, None]).sum(axis=2))
        losses += (total - truth).sum(axis=1)
    return float(_TRIED[losses.argmin()])
