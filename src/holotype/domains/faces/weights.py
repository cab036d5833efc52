"""dlib's face recognition network, read from its weight file layer by layer.

The file is dlib's own serialization (dlib/serialize.h and dlib/dnn/layers.h, version 20): integers
are a byte with their length and sign, then so many bytes, little end first; strings a length and
their bytes; tensors a version, four sizes and raw float32. The layers stand in the order in which a
picture passes them, each under its name, with bookkeeping of the training between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NEGATIVE = 0x80
# A layer's name is a string, so its length stands before it: 0x01 (one byte follows), the length.
_NAMES = ("con_4", "affine_", "relu_", "max_pool_2", "avg_pool_2", "add_prev_", "fc_2")
_MARK = re.compile(
    b"|".join(re.escape(b"\x01" + bytes([len(name)]) + name.encode()) for name in _NAMES)
)
_TENSOR_VERSION = 2


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer and what it was saved with."""

    kind: str  # one of con, affine, relu, max_pool, avg_pool, add_prev, fc
    weights: NDArray[np.float32] | None = None  # flat, in the order of the file
    # con: filters, rows, columns, stride y, x, padding y, x; pools the same without filters;
    # fc: outputs, inputs
    sizes: tuple[int, ...] = ()


def layers(content: bytes) -> Iterator[Layer]:
    """The layers of a dlib network of the face recognition kind, from input to output.

    Args:
        content: of the weight file.

    Raises:
        ValueError: it is no such file, or ends too soon.
    """
    reader = _Reader(content)
    while (name := reader.next_name()) is not None:
        weights: NDArray[np.float32] | None = None
        sizes: tuple[int, ...] = ()
        if name == "con_4":
            weights, sizes = reader.tensor(), reader.integers(7)
        elif name == "affine_":
            weights = reader.tensor()
        elif name in ("max_pool_2", "avg_pool_2"):
            sizes = reader.integers(6)
        elif name == "fc_2":
            sizes = reader.integers(2)
            weights = reader.tensor()
        yield Layer(name.rstrip("_0123456789"), weights, sizes)


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def next_name(self) -> str | None:
        """Go to the layer after this place; None at the end."""
        found = _MARK.search(self._content, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found.group()[2:].decode()

    def integers(self, count: int) -> tuple[int, ...]:
        return tuple(self._integer() for _ in range(count))

    def tensor(self) -> NDArray[np.float32]:
        version, *sizes = self.integers(5)
        values = int(np.prod(sizes))
        if version != _TENSOR_VERSION or values <= 0:
            raise ValueError(f"byte {self._at:,} is not where a tensor begins")
        return np.frombuffer(self._take(4 * values), dtype="<f4")

    def _integer(self) -> int:
        (control,) = self._take(1)
        value = int.from_bytes(self._take(control & 0x0F), "little")
        return -value if control & _NEGATIVE else value

    def _take(self, count: int) -> Any:
        taken = self._content[self._at : self._at + count]
        if len(taken) < count:
            raise ValueError(f"the file ends at byte {len(self._content):,}, within a layer")
        self._at += count
        return taken
