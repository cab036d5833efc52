"""The most alike of many, exactly, with a quarter of the memory read: int8 codes, then float32.

Rows are coded in blocks, p = s c + e with codes c of -127 to 127 and one step s a block; a probe
as x = t u + f with codes u of -63 to 63. ONNX Runtime computes u.c as a whole number, so that

    |x.p - s t u.c| <= |x| |e| + |f| |s c|                                  (Cauchy-Schwarz)

bounds what the codes hide by numbers that are known. Whose upper bound does not reach the k-th
highest lower bound is not among the k; the others, mostly some dozens, are computed from the
float32 vectors in float64 and rounded once. So the answer is that of comparing all of them, equal
ones in the order of their rows, whatever the vectors.

Codes of a probe have seven bits since AVX2 adds two products of eight in sixteen bits, where they
overflow. A probe alone costs what reading the codes costs, and many at a time less each.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from holotype.cores import usable_cores
from holotype.forking import Forked, Lock, abandon
from holotype.model.graph import Input, read_graph
from holotype.model.session import open_session
from holotype.model.wiring import Wiring
from holotype.stats.scoring import Floats, top_k

Rows = NDArray[np.int64]
Doubles = NDArray[np.float64]

# From this size on the C library asks the system for memory, and gives all of it back.
_BLOCK_BYTES = 2**25
_CHUNK = 256  # rows of a block of which the highest is noted
_MOST_REST = 8192  # rows that are compared as float32 until they are coded
_MOST_SCORES = 1 << 25  # products of codes that are held at a time: 128 MiB of int32
_LOOKED_AT = 256  # rows that are float64 at a time, so that the processor's cache holds them
_OPSET = 17
_ROW_CODES, _PROBE_CODES = 127, 63
_GONE = -1
_NEVER = np.iinfo(np.int32).min
_ROUNDING = 2.0**-23  # of a similarity to float32, relative to the lengths
_UNDERFLOW = 2.0**-125  # what a product may lose besides, where it is next to nothing
_INFLATED = 1 + 1e-9  # what computing a bound rounds by is far below


class ExactSearch(Forked):
    """One state of a gallery; made of its vectors, then `follow`ed. Coded when first asked.

    Args:
        prototypes: float32 [N, D], which are not changed; also such as are mapped from a file.
    """

    exact = True

    def __init__(self, prototypes: Floats) -> None:
        self._prototypes = prototypes
        self._blocks: tuple[_Block, ...] = ()
        self._rest: Rows | None = None  # rows that are in no block; None: all
        self._coding = Lock()
        super().__init__()

    def follow(
        self, prototypes: Floats, changes: tuple[NDArray[np.int64], NDArray[np.int64]]
    ) -> ExactSearch:
        """Of the next state, at the cost of what differs.

        Args:
            prototypes: float32 [N', D].
            changes: int64 [N], the next row of each of the present ones, -1 for one that leaves or
                changes, and the next rows that are none of these.
        """
        new_row, arrived = changes
        after = ExactSearch(prototypes)
        if self._rest is None:
            return after
        if np.array_equal(new_row, np.arange(len(new_row))):  # as after an enrollment
            blocks, rest = self._blocks, self._rest
        else:
            blocks = tuple(block.moved(new_row) for block in self._blocks)
            rest = new_row[self._rest]
        kept = sum(block.alive for block in blocks)
        if 4 * kept >= 3 * sum(len(block.rows) for block in blocks):
            after._blocks = blocks
            after._rest = np.append(rest[rest != _GONE], arrived)
        return after

    def nearest(self, vectors: Floats, k: int) -> tuple[Rows, Floats]:
        """The k most alike rows of each probe, most alike first, and their similarities.

        Args:
            vectors: float32 [B, D], of any length.
            k: at least 1, at most N.

        Returns:
            int64 [B, k] and float32 [B, k].
        """
        blocks, rest = self._coded()
        found = np.empty((len(vectors), k), np.int64)
        values = np.empty((len(vectors), k), np.float32)
        many = max(1, _MOST_SCORES // max(1, len(self._prototypes)))
        for start in range(0, len(vectors), many):
            some = vectors[start : start + many]
            for row, at in enumerate(_candidates(some, k, blocks, self._prototypes, rest), start):
                similarity = _similarity(self._prototypes, at, vectors[row])
                best = top_k(similarity, k)
                found[row], values[row] = at[best], similarity[best]
        return found, values

    def after_fork_in_child(self) -> None:
        """Code anew: what ONNX Runtime opened belongs to the parent."""
        for block in self._blocks:
            abandon(block.session)
        self._blocks, self._rest = (), None

    def _coded(self) -> tuple[tuple[_Block, ...], Rows]:
        """What is to be looked through, with few rows in no block."""
        with self._coding:
            rest = np.arange(len(self._prototypes)) if self._rest is None else self._rest
            if len(rest) > _MOST_REST:
                size, blocks = _block_rows(self._prototypes.shape[1]), list(self._blocks)
                if blocks and len(blocks[-1].rows) < size:  # the last one is filled up
                    last = blocks.pop().rows.astype(np.int64)
                    rest = np.append(last[last != _GONE], rest)
                whole = len(rest) // _CHUNK * _CHUNK
                blocks += [
                    _Block.of(self._prototypes, rest[start : min(start + size, whole)])
                    for start in range(0, whole, size)
                ]
                # A copy, as a view would keep the numbers of all rows.
                self._blocks, rest = tuple(blocks), rest[whole:].copy()
            self._rest = rest
            return self._blocks, rest


@dataclass(frozen=True, eq=False)
class _Block:
    """Coded rows; R of them, a multiple of `_CHUNK`."""

    session: onnxruntime.InferenceSession  # codes of probes [B, D] -> int32 [B, R]
    rows: NDArray[np.int32]  # [R] where each lies among the prototypes; -1: it is gone
    gone: Rows  # which of the R are
    step: float
    error: float  # the largest |e|
    length: float  # the largest |s c|

    @classmethod
    def of(cls, prototypes: Floats, rows: Rows) -> _Block:
        parts = [rows[start : start + _LOOKED_AT] for start in range(0, len(rows), _LOOKED_AT)]
        most = max(float(np.abs(prototypes[part]).max()) for part in parts)
        step = float(np.float32(most / _ROW_CODES)) or 1.0
        codes = np.empty((prototypes.shape[1], len(rows)), np.int8)
        error = length = 0.0
        for number, part in enumerate(parts):
            vectors = prototypes[part].astype(np.float64)
            coded = np.rint(vectors * (1 / step))
            start = number * _LOOKED_AT
            codes[:, start : start + len(part)] = coded.astype(np.int8).T
            coded *= step
            length = max(length, float(_lengths(coded).max()))
            error = max(error, float(_lengths(vectors - coded).max()))
        none = np.empty(0, np.int64)
        return cls(_opened(codes), rows.astype(np.int32), none, step, error, length)

    def moved(self, new_row: Rows) -> _Block:
        """The same rows in the next state."""
        rows = np.where(self.rows < 0, _GONE, new_row[self.rows]).astype(np.int32)
        gone = np.flatnonzero(rows == _GONE)
        return _Block(self.session, rows, gone, self.step, self.error, self.length)

    @property
    def alive(self) -> int:
        return len(self.rows) - len(self.gone)


class _Probes:
    """Some probes as codes.

    Args:
        vectors: float32 [B, D].
    """

    def __init__(self, vectors: Floats) -> None:
        exact = vectors.astype(np.float64)
        most = np.abs(exact).max(axis=1, keepdims=True, initial=0)
        step = np.where(most > 0, most / _PROBE_CODES, 1)
        codes = np.rint(exact / step)
        self._codes = (codes + _PROBE_CODES + 1).astype(np.uint8)
        self.step: Doubles = step  # [B, 1]
        self.length = _lengths(exact)[:, None]
        self._error = _lengths(exact - codes * step)[:, None]

    def __len__(self) -> int:
        return len(self._codes)

    def product(self, block: _Block, scores: NDArray[np.int32]) -> NDArray[np.int32]:
        """Put products of codes into [B, R]; the highest of each chunk [B, R / 256]."""
        binding = block.session.io_binding()
        binding.bind_cpu_input("probes", self._codes)
        binding.bind_output("scores", "cpu", 0, np.int32, scores.shape, scores.ctypes.data)
        block.session.run_with_iobinding(binding)
        if len(block.gone):
            scores[:, block.gone] = _NEVER
        return np.asarray(scores.reshape(len(scores), -1, _CHUNK).max(axis=2))

    def hidden(self, block: _Block) -> Doubles:
        """By how much the similarity to a row of a block may differ from what codes say: [B, 1]."""
        error = self.length * block.error + self._error * block.length
        error += _ROUNDING * self.length * (block.length + block.error)
        return np.asarray(error * _INFLATED + _UNDERFLOW)


def _candidates(
    vectors: Floats, k: int, blocks: tuple[_Block, ...], prototypes: Floats, rest: Rows
) -> Iterator[Rows]:
    """Who may be among the k most alike of each probe [B, D]: ascending rows."""
    probes = _Probes(vectors)
    # What is in no block is a chunk a row, whose similarity is known but for its rounding.
    known = prototypes[rest]
    similarity = (vectors @ known.T).astype(np.float64)
    # Each of D products and sums rounds by 2^-24 at most (Higham 2002, section 3.1).
    error = (known.shape[1] + 2) * _ROUNDING * _lengths(known).max(initial=0) * probes.length
    error = error * _INFLATED + known.shape[1] * _UNDERFLOW
    middles, errors = [similarity], [np.broadcast_to(error, similarity.shape)]
    scores, highests = _side_by_side(probes, blocks)
    for block, highest in zip(blocks, highests, strict=True):
        middles.append(highest * (probes.step * block.step))
        errors.append(np.broadcast_to(probes.hidden(block), highest.shape))
    middle, error = np.hstack(middles), np.hstack(errors)
    lower, upper = middle - error, middle + error
    ends = np.cumsum([len(rest), *(len(block.rows) // _CHUNK for block in blocks)])
    for probe in range(len(vectors)):
        level = -np.inf
        if lower.shape[1] >= k:
            level = np.partition(lower[probe], -k)[-k]
        at = np.flatnonzero(upper[probe] >= level)
        alone, *chunks = np.split(at, np.searchsorted(at, ends[:-1]))
        found = [rest[alone]]
        for block, product, start, some in zip(blocks, scores, ends[:-1], chunks, strict=True):
            if len(some):
                reached = product[probe].reshape(-1, _CHUNK)[some - start]
                # What a code's product has to be; a thousandth is far more than this rounds by.
                needed = (level - error[probe, start]) / (probes.step[probe] * block.step) - 1e-3
                alike = reached >= max(needed[0], _NEVER + 1)
                found.append(block.rows.reshape(-1, _CHUNK)[some - start][alike])
        yield np.sort(np.concatenate(found))


def _side_by_side(
    probes: _Probes, blocks: tuple[_Block, ...]
) -> tuple[list[NDArray[np.int32]], list[NDArray[np.int32]]]:
    """Products of codes with every block, on as many cores as there are; the highest of each."""
    ends = np.cumsum([len(probes) * len(block.rows) for block in blocks])
    # In one piece, which the system gets back; of many small ones it would not.
    whole = np.empty(ends[-1] if blocks else 0, np.int32)
    scores = [part.reshape(len(probes), -1) for part in np.split(whole, ends[:-1])][: len(blocks)]
    if (threads := min(usable_cores(), len(blocks) // 2)) < 2:  # one takes as long to begin
        return scores, list(map(probes.product, blocks, scores))
    with ThreadPoolExecutor(threads) as pool:
        return scores, list(pool.map(probes.product, blocks, scores))


def _opened(codes: NDArray[np.int8]) -> onnxruntime.InferenceSession:
    """The product of probes' codes with codes [D, R], ready to be computed."""
    wiring = Wiring(_OPSET, "")
    zero = wiring.constant(np.array(_PROBE_CODES + 1, np.uint8))
    wiring.add("MatMulInteger", "probes", wiring.constant(codes), zero, output="scores")
    probes = Input("probes", ("B", len(codes)), "uint8")
    model = wiring.model([probes], "scores", ("B", codes.shape[1]), "int32")
    return open_session(model, read_graph(model), None, threads=1)


def _block_rows(dim: int) -> int:
    """How many rows a block has: codes of at least `_BLOCK_BYTES`."""
    return -(-_BLOCK_BYTES // (dim * _CHUNK)) * _CHUNK


def _similarity(prototypes: Floats, rows: Rows, vector: Floats) -> Floats:
    """Inner products of rows with a probe [D], rounded to float32 once: float32 [n]."""
    result = np.empty(len(rows), np.float32)
    exact = vector.astype(np.float64)
    for start in range(0, len(rows), _LOOKED_AT):
        part = slice(start, start + _LOOKED_AT)
        result[part] = (prototypes[rows[part]] * exact).sum(axis=1)
    return result


def _lengths(vectors: NDArray[np.floating]) -> Doubles:
    exact = vectors.astype(np.float64, copy=False)
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", exact, exact)))
