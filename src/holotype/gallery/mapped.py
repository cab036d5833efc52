"""Room for vectors: memory, or where they are many a file without a name, mapped into it.

What is read of a file is memory that the system takes back when it needs it. The file lies in the
folder of the gallery, which holds the same vectors, and only this process can open it. It is gone
when nobody reads it any more, and with the process, however that ends.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# From so many on a gallery is searched by numbers of one byte (`ExactSearch`), and these are looked
# at now and then. Below it a product of float32 takes no longer.
SMALLEST = 100_000


def empty(rows: int, dim: int, folder: Path | None) -> Floats:
    """Room for rows of D numbers: float32 [rows, D], which may be anything.

    Args:
        rows: how many.
        dim: D.
        folder: where a file may lie; None: nowhere. Where it cannot, memory serves.
    """
    if folder is not None and rows >= SMALLEST:
        with suppress(OSError, AttributeError), tempfile.TemporaryFile(dir=folder) as file:
            if os.fstat(file.fileno()).st_nlink == 0:  # unlike on NFS, where a crash would leave it
                # To write where a full disk has no room would end the process.
                os.posix_fallocate(file.fileno(), 0, rows * dim * 4)
                mapped = _Mapped(file.fileno(), rows * dim * 4)
                mapped.forgotten, mapped.process = [], os.getpid()
                return np.frombuffer(mapped, np.float32).reshape(rows, dim)
    return np.empty((rows, dim), np.float32)


def forget(room: Floats, rows: NDArray[np.int64]) -> None:
    """Overwrite rows of a file as soon as nobody reads it any more; what memory holds just goes."""
    held: object = room
    while isinstance(held, np.ndarray):
        held = held.base
    if isinstance(held, memoryview):
        held = held.obj
    if isinstance(held, _Mapped):
        held.forgotten += [(row * room[0].nbytes, room[0].nbytes) for row in rows.tolist()]


class _Mapped(mmap.mmap):
    """The content of a file, which overwrites parts of it when it goes."""

    forgotten: list[tuple[int, int]]  # where each begins, and its bytes
    process: int  # a child made by fork leaves it alone

    def __del__(self) -> None:
        if self.forgotten and self.process == os.getpid():
            for start, size in self.forgotten:
                self[start : start + size] = bytes(size)
            self.flush()  # or the system would drop it with the file
