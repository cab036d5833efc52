"""A model pack at work: pictures -> unit vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from holotype import images
from holotype.errors import ImageError, PackError
from holotype.images import ImageSource, Look
from holotype.model.graph import read_graph
from holotype.model.session import Session, open_session
from holotype.pack import Pack
from holotype.records import Preprocessing

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# Pictures that go through the network together, and the numbers in them: bounds the memory of its
# feature maps. Larger batches of large pictures are no faster on a CPU.
_CHUNK = 64
_CHUNK_NUMBERS = 2**20


class Embedder:
    """Computes embeddings with the model of a pack, on the CPU.

    Args:
        pack: a loaded pack.
        threads: CPU threads for one call; None leaves the choice to ONNX Runtime.

    Raises:
        PackError: the model cannot be run, needs a file beside it, or disagrees with its card.
    """

    def __init__(self, pack: Pack, threads: int | None = None) -> None:
        self.model_id: str = pack.card.model_id
        self.preprocessing: Preprocessing = pack.card.preprocessing
        self.embedding_dim: int = pack.card.embedding_dim
        self._where = f"model.onnx of pack {str(pack.path)!r}"
        self._open(pack, threads)
        self._check_interface()

    def embed(
        self, sources: Sequence[ImageSource], look: Look | None = None
    ) -> NDArray[np.float32]:
        """Prepare and embed B pictures.

        Args:
            sources: as for `images.read`.
            look: sees each picture once it is decoded (`images.prepare_batch`).

        Returns:
            float32 [B, D], each of unit length.

        Raises:
            ImageError: a picture cannot be read or shows nothing; the message says which.
            PackError: the model fails, or gives a vector that has no direction.
        """
        result = np.empty((len(sources), self.embedding_dim), dtype=np.float32)
        done = 0
        for chunk in images.prepare_chunks(sources, self.preprocessing, self.chunk, look):
            result[done : done + len(chunk)] = self._run(chunk)
            done += len(chunk)
        return result

    def embed_prepared(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed pictures that `images.prepare_batch` made.

        Args:
            batch: float32 [B, C, S, S].

        Returns:
            float32 [B, D], each of unit length.

        Raises:
            ImageError: the batch has another shape.
            PackError: the model fails, or gives a vector that has no direction.
        """
        expected = self.preprocessing.shape
        if batch.ndim != 4 or batch.shape[1:] != expected:
            raise ImageError(
                f"prepared pictures have shape {list(batch.shape)}; the model needs "
                f"{['B', *expected]}",
                "Prepare them with the preprocessing of the pack's card",
            )
        result = np.empty((len(batch), self.embedding_dim), dtype=np.float32)
        for start in range(0, len(batch), self.chunk):
            chunk = np.ascontiguousarray(batch[start : start + self.chunk], dtype=np.float32)
            result[start : start + self.chunk] = self._run(chunk)
        return result

    @property
    def chunk(self) -> int:
        """How many pictures go through the model together; 1 where its file says so."""
        return 1 if self._one_by_one else _chunk(self.preprocessing.shape)

    def _run(self, chunk: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            (vectors,) = self._session.run([self._output], {self._input: chunk})
        except Exception as error:  # as above
            raise self._refusal(f"failed on a batch ({_first_line(error)})") from error
        if vectors.ndim == 4 and vectors.shape[2:] == (1, 1):  # pooled, and not yet flattened
            vectors = vectors[:, :, 0, 0]
        if vectors.shape != (len(chunk), self.embedding_dim):
            raise self._refusal(
                f"gave {list(vectors.shape)} for {len(chunk)} pictures, not "
                f"[{len(chunk)}, {self.embedding_dim}]"
            )
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        # Written so that NaN fails as well.
        if not ((norms > 0) & (norms < np.inf)).all():
            raise self._refusal("gave an embedding that is not finite, or zero")
        return np.asarray(vectors / norms, dtype=np.float32)

    def _open(self, pack: Pack, threads: int | None) -> None:
        try:
            self._session = Session(lambda: self._opened(pack, threads))
        except PackError:
            raise
        except ValueError as error:
            raise self._refusal(str(error)) from error
        except Exception as error:  # the kinds of ONNX Runtime have no common public base
            raise self._refusal(f"cannot be run ({_first_line(error)})") from error

    def _opened(self, pack: Pack, threads: int | None) -> InferenceSession:
        model = pack.model()
        graph = read_graph(model)
        dims = graph.inputs[0][1] if graph.inputs else ()
        shape = (_chunk(self.preprocessing.shape), *self.preprocessing.shape)
        sizes = {dim: size for dim, size in zip(dims, shape, strict=False) if isinstance(dim, str)}
        return open_session(model, graph, None if pack.shipped else sizes, threads)

    def _check_interface(self) -> None:
        session = self._session.inner
        inputs, outputs = session.get_inputs(), session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise self._refusal(
                f"has {len(inputs)} inputs and {len(outputs)} outputs, not one of each"
            )
        (given,), (answer,) = inputs, outputs
        vector = (self.embedding_dim,)
        for role, value, expected in (
            ("input", given, self.preprocessing.shape),
            ("output", answer, (*vector, 1, 1) if len(answer.shape or ()) == 4 else vector),
        ):
            batch, *rest = value.shape or [0]
            # A dimension that has a name instead of a size takes any.
            fits = len(rest) == len(expected) and all(
                size == wanted or not isinstance(size, int)
                for size, wanted in zip(rest, expected, strict=True)
            )
            if value.type != "tensor(float)" or (isinstance(batch, int) and batch != 1) or not fits:
                raise self._refusal(
                    f"its {role} {value.name!r} is {value.type} {value.shape}; the card needs "
                    f"tensor(float) {['batch', *expected]}"
                )
        self._one_by_one = isinstance(given.shape[0], int)
        self._input, self._output = given.name, answer.name

    def _refusal(self, problem: str) -> PackError:
        return PackError(f"{self._where}: {problem}", "Export the pack anew with `holotype export`")


def _first_line(error: Exception) -> str:
    """The first line of an ONNX Runtime message, at most 200 characters of it."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _chunk(input_shape: tuple[int, ...]) -> int:
    return max(1, min(_CHUNK, _CHUNK_NUMBERS // math.prod(input_shape)))
