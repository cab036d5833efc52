"""A head that is solved, not trained: what differs inside classes is made to count less."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def principal_axes(
    photographs: NDArray[np.floating], class_index: NDArray[np.int64], dimensions: int
) -> tuple[Doubles, Doubles]:
    """The directions in which photographs vary most, every class counting the same.

    Args:
        photographs: float [M, F].
        class_index: int64 [M] in 0..C-1, each of which occurs.
        dimensions: D, at most F.

    Returns:
        Mean float64 [F], and axes float64 [F, D].
    """
    weight, middle = _balanced(photographs, class_index)
    mean = middle.mean(0)
    spread = weight * (photographs - mean)
    return mean, np.linalg.eigh(spread.T @ spread)[1][:, -dimensions:]


def fit_whitening(
    photographs: NDArray[np.floating],
    class_index: NDArray[np.int64],
    references: NDArray[np.floating] | None = None,
    *,
    shrinkage: float,
) -> tuple[Doubles, Doubles]:
    """Learn from known classes what tells nothing of the class, and take it out.

    The spread inside classes is evened out (within-class covariance normalization: Hatch,
    Kajarekar and Stolcke 2006), with the covariance shrunk towards a multiple of the identity.
    With references, the direction that leads from photographs to reference pictures of the same
    things is taken out first, so that both sources may be compared. Every class counts the same,
    however many photographs it has.

    Args:
        photographs: float [M, D].
        class_index: int64 [M] in 0..C-1, each of which occurs.
        references: float [C, D], one picture of each class from another source.
        shrinkage: weight of the identity, in means of the covariance's eigenvalues; above 0.

    Returns:
        Mean float64 [D] and matrix float64 [D, D]: (x - mean) @ matrix is the new feature.
    """
    weight, middle = _balanced(photographs, class_index)
    without = np.eye(middle.shape[1])
    if references is not None:
        shift = (references - middle).mean(0)
        shift /= np.linalg.norm(shift)
        without -= np.outer(shift, shift)
    inside = weight * (photographs - middle[class_index]) @ without
    variance, axes = np.linalg.eigh(inside.T @ inside / len(middle))
    variance = np.maximum(variance, 0)
    scale = 1 / np.sqrt(variance + shrinkage * variance.mean())
    return middle.mean(0), without @ axes * scale


def class_axes(
    photographs: NDArray[np.floating], class_index: NDArray[np.int64], dimensions: int
) -> Doubles:
    """The directions in which the means of classes differ most, after `fit_whitening`.

    Whitening and these directions together are the linear discriminants of Fisher 1936 and Rao
    1948.

    Args:
        photographs: float [M, D], whitened.
        class_index: int64 [M] in 0..C-1, each of which occurs.
        dimensions: K, at most D.

    Returns:
        float64 [D, K].
    """
    _, middle = _balanced(photographs, class_index)
    spread = middle - middle.mean(0)
    axes: Doubles = np.linalg.eigh(spread.T @ spread)[1][:, -dimensions:]
    return axes


def _balanced(
    photographs: NDArray[np.floating], class_index: NDArray[np.int64]
) -> tuple[Doubles, Doubles]:
    """The root of each photograph's weight [M, 1], and the mean of each class [C, F]."""
    size = np.bincount(class_index)
    middle = np.stack([photographs[class_index == c].mean(0) for c in range(len(size))])
    return np.sqrt(1 / size)[class_index, None], middle.astype(np.float64)
