"""Does this processor compute what the model's maker computed?

Versions of ONNX Runtime, graph optimizers, drivers and reduced precision have all been wrong at
some time, and a wrong vector looks like any other. So a pack carries the vectors of a few inputs
that a formula makes, and they are computed again: once for each provider, version and machine.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from holotype.errors import ProviderError
from holotype.files import write_whole

COUNT = 3  # inputs
# Of a coordinate of a unit vector. Half precision in a graph moves one by up to about 1e-3.
MAX_DIFFERENCE = 1e-3

Vectors = NDArray[np.float32]


def require(
    compute: Callable[[], Vectors], expected: Vectors, providers: Sequence[str], of: str, model: str
) -> None:
    """Compute the self-test of a model, unless it was passed here before.

    Args:
        compute: gives the vectors of the inputs, float32 unit [N, D].
        expected: those that the pack carries.
        providers: that compute.
        of: what errors name.
        model: its id.

    Raises:
        ProviderError: a coordinate differs by more than 1e-3.
    """
    facts = {
        "model": model,
        "expected": hashlib.sha256(expected.tobytes()).hexdigest()[:16],
        "providers": list(providers),
        "onnxruntime": onnxruntime.__version__,
        "machine": f"{platform.node()} {platform.machine()}",
    }
    passed = _place(facts)
    if passed is not None and passed.exists():
        return
    off = difference(compute(), expected)
    if not off <= MAX_DIFFERENCE:  # not `>`: NaN fails as well
        raise ProviderError(
            f"{of} gives other vectors on {','.join(providers)} with ONNX Runtime "
            f"{onnxruntime.__version__} than when it was made (they differ by {off:.2g}; at most "
            f"{MAX_DIFFERENCE:g} is allowed)",
            "Use another provider (such as `cpu`) or another version of ONNX Runtime",
        )
    if passed is not None:
        _remember(passed, facts)


def difference(found: Vectors, expected: Vectors) -> float:
    """The largest difference of a coordinate."""
    if found.shape != expected.shape:
        return float("nan")
    return float(np.abs(found - expected).max(initial=0))


def folder() -> Path | None:
    """Where it is remembered what was passed; None where the user has no home."""
    try:
        return Path.home() / ".cache" / "holotype" / "self-tests"
    except RuntimeError:
        return None


def _place(facts: dict[str, Any]) -> Path | None:
    where = folder()
    name = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
    return None if where is None else where / f"{name}.json"


def _remember(passed: Path, facts: dict[str, Any]) -> None:
    """Written whole or not at all; where nothing can be written, it is computed again next time."""
    with suppress(OSError):
        passed.parent.mkdir(parents=True, exist_ok=True)
        write_whole(passed, (json.dumps(facts) + "\n").encode())
