"""A model pack at work: pictures -> unit vectors."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from holotype import images
from holotype.errors import ImageError, PackError
from holotype.images import ImageSource, Look
from holotype.pack import Pack
from holotype.records import Preprocessing

# Pictures that go through the network together: bounds the memory of its feature maps.
_CHUNK = 64
_SILENT = 4  # ONNX Runtime's highest severity: its errors arrive as exceptions, not on stderr


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
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _SILENT
        # The arena keeps what a batch once needed for good; without it memory is handed back.
        options.enable_cpu_mem_arena = False
        options.intra_op_num_threads = threads or 0
        # A model may name outside files as weights. They would be looked up below this path, and
        # below a file there is nothing.
        options.add_session_config_entry(
            "session.model_external_initializers_file_folder_path",
            os.path.abspath(pack.path / "model.onnx"),
        )
        try:
            self._session = onnxruntime.InferenceSession(
                pack.model(), options, providers=["CPUExecutionProvider"]
            )
        except PackError:
            raise
        except Exception as error:  # the kinds of ONNX Runtime have no common public base
            raise self._refusal(f"cannot be run ({_first_line(error)})") from error
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
        return self.embed_prepared(images.prepare_batch(sources, self.preprocessing, look))

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
        expected = self._input_shape()
        if batch.ndim != 4 or batch.shape[1:] != expected:
            raise ImageError(
                f"prepared pictures have shape {list(batch.shape)}; the model needs "
                f"{['B', *expected]}",
                "Prepare them with the preprocessing of the pack's card",
            )
        result = np.empty((len(batch), self.embedding_dim), dtype=np.float32)
        for start in range(0, len(batch), _CHUNK):
            chunk = np.ascontiguousarray(batch[start : start + _CHUNK], dtype=np.float32)
            result[start : start + _CHUNK] = self._run(chunk)
        return result

    def _run(self, chunk: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            (vectors,) = self._session.run([self._output], {self._input: chunk})
        except Exception as error:  # as above
            raise self._refusal(f"failed on a batch ({_first_line(error)})") from error
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

    def _input_shape(self) -> tuple[int, int, int]:
        side = self.preprocessing.size_px
        return self.preprocessing.channels, side, side

    def _check_interface(self) -> None:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise self._refusal(
                f"has {len(inputs)} inputs and {len(outputs)} outputs, not one of each"
            )
        for role, value, expected in (
            ("input", inputs[0], self._input_shape()),
            ("output", outputs[0], (self.embedding_dim,)),
        ):
            batch, *rest = value.shape or [0]
            if value.type != "tensor(float)" or isinstance(batch, int) or tuple(rest) != expected:
                raise self._refusal(
                    f"its {role} {value.name!r} is {value.type} {value.shape}; the card needs "
                    f"tensor(float) {['batch', *expected]}"
                )
        self._input, self._output = inputs[0].name, outputs[0].name

    def _refusal(self, problem: str) -> PackError:
        return PackError(f"{self._where}: {problem}", "Export the pack anew with `holotype export`")


def _first_line(error: Exception) -> str:
    """The first line of an ONNX Runtime message, at most 200 characters of it."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
