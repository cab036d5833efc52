"""How well the mean of independent draws is known, such as that of episodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def half_width(values: NDArray[np.floating[Any]]) -> Any:
    """The half-width of the 95 % interval of a mean: 1.96 standard errors.

    Args:
        values: [N] or [N, ...] of at least two draws.

    Returns:
        float, or float [...]: of each column.
    """
    return 1.96 * values.std(0, ddof=1) / np.sqrt(len(values))
