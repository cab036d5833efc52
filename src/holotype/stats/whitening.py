"""A head that is solved, not trained: what differs inside classes is made to count less."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, eq=False)
class Spread:
    """How photographs of known classes vary inside their classes, and where the classes lie.

    Every class counts the same, however many photographs it has.
    """

    middle: Doubles  # [C, D] the mean of each class
    axes: Doubles  # [R, D] along which they vary, R at most the number of photographs
    variance: Doubles  # [R]
    without: Doubles | None  # [D, D] takes out what leads from one source to another
    dim: int  # of the space; more than D where all lie in D dimensions of it

    @staticmethod
    def of(
        photographs: NDArray[np.floating],
        class_index: NDArray[np.int64],
        references: NDArray[np.floating] | None = None,
        dim: int | None = None,
    ) -> Spread:
        """Args as for `fit_whitening`; `dim` of the space, D where nothing is said."""
        weight, middle = _balanced(photographs, class_index)
        inside = weight * (photographs - middle[class_index]) / np.sqrt(len(middle))
        without = None
        if references is not None:
            shift = (references - middle).mean(0)
            shift /= np.linalg.norm(shift)
            without = np.eye(len(shift)) - np.outer(shift, shift)
            inside = inside @ without
        _, singular, axes = np.linalg.svd(inside, full_matrices=False)
        return Spread(middle, axes, singular**2, without, dim or middle.shape[1])

    @property
    def mean(self) -> Doubles:
        """Of the classes: float64 [D]."""
        result: Doubles = self.middle.mean(0)
        return result

    def whitening(self, shrinkage: float) -> Doubles:
        """The matrix [D, D] of `fit_whitening`."""
        rest = shrinkage * self.variance.sum() / self.dim
        narrowed = 1 / np.sqrt(self.variance + rest) - 1 / np.sqrt(rest)
        matrix: Doubles = (
            np.eye(self.middle.shape[1]) / np.sqrt(rest) + (self.axes.T * narrowed) @ self.axes
        )
        return matrix if self.without is None else self.without @ matrix

    def class_axes(self, matrix: Doubles, dimensions: int) -> Doubles:
        """The directions in which the means of classes differ most, after a whitening.

        Both together are the linear discriminants of Fisher 1936 and Rao 1948.

        Args:
            matrix: float64 [D, D], the whitening.
            dimensions: K, at most C and D.

        Returns:
            float64 [D, K].
        """
        found = (self.middle - self.mean) @ matrix
        axes: Doubles = np.linalg.svd(found, full_matrices=False)[2][:dimensions].T
        return axes


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
    spread = Spread.of(photographs, class_index, references)
    return spread.mean, spread.whitening(shrinkage)


def _balanced(
    photographs: NDArray[np.floating], class_index: NDArray[np.int64]
) -> tuple[Doubles, Doubles]:
    """The root of each photograph's weight [M, 1], and the mean of each class [C, F]."""
    size = np.bincount(class_index)
    middle = np.stack([photographs[class_index == c].mean(0) for c in range(len(size))])
    return np.sqrt(1 / size)[class_index, None], middle.astype(np.float64)
