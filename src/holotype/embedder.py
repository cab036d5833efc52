"""A model pack at work: pictures, recordings or texts -> unit vectors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holotype.cores import usable_cores
from holotype.domains.registry import domain_of
from holotype.errors import ImageError, PackError, ProviderError, VectorError
from holotype.forking import cached_property
from holotype.image.prepare import ImageSource
from holotype.model import self_test
from holotype.model.feed import made_up
from holotype.model.graph import Input, read_graph
from holotype.model.providers import CPU, chosen
from holotype.model.session import Session, open_session
from holotype.pack import Pack
from holotype.preprocessing import Preprocessing

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# Pictures that go through the network together, and the numbers in them: bounds the memory of its
# feature maps. Larger batches of large pictures are no faster on a CPU.
_CHUNK = 64
_CHUNK_NUMBERS = 2**20
_ORT_NUMBERS = {"float32": "float", "float64": "double"}


class Embedder:
    """Computes embeddings with the model of a pack.

    Args:
        pack: a loaded pack.
        threads: CPU threads for one call; None: as many as this process has cores.
        providers: which processors compute (`model.providers.chosen`); None: what the environment
            says, or the CPU.

    Raises:
        PackError: the model cannot be run, needs a file beside it, or disagrees with its card.
        ProviderError: a provider is not there, does not start, or gives other vectors than the
            pack's self-test.
    """

    def __init__(
        self,
        pack: Pack,
        threads: int | None = None,
        providers: str | Sequence[str] | None = None,
    ) -> None:
        self.pack, self._threads = pack, threads
        self.providers = chosen(providers)
        self.model_id: str = pack.card.model_id
        self.preprocessing: Preprocessing = pack.card.preprocessing
        self.embedding_dim: int = pack.card.embedding_dim
        self._where = f"model.onnx of pack {str(pack.path)!r}"
        self.domain = domain_of(self.preprocessing)
        self.reader = self.domain.reader(self.preprocessing, pack.tokenizer())
        self._open(pack, threads)
        self._check_interface()
        self._test(pack)

    @cached_property
    def words(self) -> Embedder | None:
        """What puts descriptions among the pictures; None of a model that has no such side.

        Raises:
            PackError: it cannot be run.
        """
        if self.pack.text is None:
            return None
        return Embedder(self.pack.text, self._threads, self.providers)

    def embed(self, sources: Sequence[ImageSource]) -> NDArray[np.float32]:
        """Prepare and embed B pictures; recordings where the model hears, texts where it reads.

        Args:
            sources: as for `images.read`, or as the domain of the model takes them.

        Returns:
            float32 [B, D], each of unit length.

        Raises:
            ImageError: a picture cannot be read or shows nothing; the message says which.
            PackError: the model fails, or gives a vector that has no direction.
        """
        return self.domain.embed(self, sources)

    def embed_parts(
        self, batches: Iterable[NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], int, float]:
        """Embed one thing that comes in several parts, such as the windows of a recording.

        Args:
            batches: at least one part in all, as for `embed_prepared`.

        Returns:
            The mean of the parts' vectors, made a unit vector again: float32 [D]; how many parts
            there are; and the length of the mean before, in [0, 1]: how much the parts agree.

        Raises:
            As `embed_prepared`.
        """
        total, parts = np.zeros(self.embedding_dim), 0
        for batch in batches:
            total += self.embed_prepared(batch).sum(axis=0, dtype=np.float64)
            parts += len(batch)
        length = float(np.linalg.norm(total))
        if not length:
            raise self._refusal("gave embeddings whose mean is zero")
        return np.asarray(total / length, dtype=np.float32), parts, length / parts

    def embed_prepared(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed pictures that `images.prepare_batch` made, or windows of a recording.

        Args:
            batch: float32 [B, C, H, W], or [B, frames, bands].

        Returns:
            float32 [B, D], each of unit length.

        Raises:
            ImageError: the batch has another shape.
            PackError: the model fails, or gives a vector that has no direction.
        """
        if self.preprocessing.inputs is not None:
            raise self.domain.no_pictures(self.preprocessing)
        expected = self.preprocessing.input_shape
        if batch.shape[1:] != expected:
            raise ImageError(
                f"prepared pictures have shape {list(batch.shape)}; the model needs "
                f"{['B', *expected]}",
                "Prepare them with the preprocessing of the pack's card",
            )
        return self._embedded({self._inputs[0]: np.asarray(batch, dtype=np.float32)})

    def embed_tensors(self, batch: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Embed what a program prepared for a model of kind `tensors`.

        Args:
            batch: its inputs by name, each [B, ...] of the numbers that the card states.

        Returns:
            float32 [B, D], each of unit length.

        Raises:
            VectorError: one is missing, not asked for, or of another shape or type.
            PackError: the model fails, or gives a vector that has no direction.
        """
        return self._embedded(_checked(batch, self.preprocessing))

    def embed_made_up(self, count: int, only: int | None = None) -> NDArray[np.float32]:
        """Embed inputs that nobody took, always the same ones (`model.feed.made_up`).

        Args:
            count: B of them.
            only: the row to embed alone; None: all.

        Returns:
            float32 [B, D], or [1, D], each of unit length.

        Raises:
            PackError: the model fails, or gives a vector that has no direction.
        """
        wanted = self._wanted(self._inputs[0])
        feed = made_up([Input(name, ("batch", *dims[1:]), number)
                        for name, (number, dims) in wanted.items()], count)  # fmt: skip
        part = slice(None) if only is None else slice(only, only + 1)
        return self._embedded({name: values[part] for name, values in feed.items()})

    def _test(self, pack: Pack) -> None:
        """The pack's self-test; one without is compared with what the CPU computes."""
        expected = pack.self_test()
        if expected is None:
            if self.providers == (CPU,):
                return
            expected = Embedder(pack, providers=CPU).embed_made_up(self_test.COUNT)
        count = len(expected)
        compute = partial(self.embed_made_up, count)
        self_test.require(compute, expected, self.providers, self._where, self.model_id)

    def _embedded(self, feed: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        count = len(next(iter(feed.values())))
        result = np.empty((count, self.embedding_dim), dtype=np.float32)
        for start in range(0, count, self.chunk):
            part = slice(start, start + self.chunk)
            chunk = {name: np.ascontiguousarray(values[part]) for name, values in feed.items()}
            result[part] = self._run(chunk, len(result[part]))
        return result

    def crowd(self) -> AbstractContextManager[None]:
        """As long as this lasts, each batch is computed on one core, and others beside it."""
        return self._session.crowd()

    @property
    def chunk(self) -> int:
        """How many pictures go through the model together; 1 where its file says so."""
        return 1 if self._one_by_one else self._chunk

    @property
    def _chunk(self) -> int:
        most = max(
            1, min(_CHUNK, _CHUNK_NUMBERS // max(1, math.prod(self.preprocessing.input_shape)))
        )
        return self.domain.chunk(self.preprocessing, most)

    def _run(self, feed: dict[str, NDArray[Any]], count: int) -> NDArray[np.float32]:
        try:
            (vectors,) = self._session.run([self._output], feed)
        except Exception as error:  # as above
            raise self._refusal(f"failed on a batch ({_first_line(error)})") from error
        if vectors.ndim == 4 and vectors.shape[2:] == (1, 1):  # pooled, and not yet flattened
            vectors = vectors[:, :, 0, 0]
        if vectors.shape != (count, self.embedding_dim):
            raise self._refusal(
                f"gave {list(vectors.shape)} for {count} pictures, not "
                f"[{count}, {self.embedding_dim}]"
            )
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        # Written so that NaN fails as well.
        if not ((norms > 0) & (norms < np.inf)).all():
            raise self._refusal("gave an embedding that is not finite, or zero")
        return np.asarray(vectors / norms, dtype=np.float32)

    def _open(self, pack: Pack, threads: int | None) -> None:
        try:
            several = threads is None and self.providers == (CPU,) and usable_cores() > 1
            self.beside = usable_cores() if several else 1
            self._session = Session(
                lambda: self._opened(pack, threads),
                (lambda: self._opened(pack, 1)) if several else None,
            )
        except (PackError, ProviderError):
            raise
        except ValueError as error:
            raise self._refusal(str(error)) from error
        except Exception as error:  # the kinds of ONNX Runtime have no common public base
            raise self._refusal(f"cannot be run ({_first_line(error)})") from error

    def _opened(self, pack: Pack, threads: int | None) -> InferenceSession:
        model = pack.model()
        graph = read_graph(model)
        wanted = self._wanted(graph.inputs[0].name if graph.inputs else "")
        chunk, longest = self._chunk, self.domain.free_size(self.preprocessing)
        sizes = {
            dim: longest if isinstance(size, str) else size
            for one in graph.inputs
            for dim, size in zip(
                one.dims, (chunk, *wanted.get(one.name, ("", ()))[1][1:]), strict=False
            )
            if isinstance(dim, str)
        }
        known = {dim: size for dim, size in sizes.items() if size is not None}
        return open_session(model, graph, None if pack.trusted else known, threads, self.providers)

    def _wanted(self, first: str) -> dict[str, tuple[str, tuple[int | str, ...]]]:
        """What the card says of the inputs: type of number and dimensions, by name."""
        stated = self.preprocessing.inputs
        if stated is None:
            return {first: ("float32", ("batch", *self.preprocessing.input_shape))}
        return {one.name: (one.number, one.dims) for one in stated}

    def _check_interface(self) -> None:
        session = self._session.inner
        inputs, outputs = session.get_inputs(), session.get_outputs()
        wanted = self._wanted(inputs[0].name if inputs else "")
        if wanted.keys() != {one.name for one in inputs} or len(outputs) != 1:
            raise self._refusal(
                f"has {len(inputs)} inputs and {len(outputs)} outputs, not "
                + ("one of each" if len(wanted) == 1 else f"{', '.join(wanted)} and one output")
            )
        (answer,) = outputs
        vector: tuple[int | str, ...] = ("batch", self.embedding_dim)
        pooled = (*vector, 1, 1) if len(answer.shape or ()) == 4 else vector
        for role, value, (number, expected) in (
            *(("input", one, wanted[one.name]) for one in inputs),
            ("output", answer, ("float32", pooled)),
        ):
            shape = value.shape or [0]
            # A dimension that has a name instead of a size takes any.
            fits = len(shape) == len(expected) and all(
                size == needed or not isinstance(size, int) or not isinstance(needed, int)
                for size, needed in zip(shape[1:], expected[1:], strict=True)
            )
            batch = shape[0]
            kind = f"tensor({_ORT_NUMBERS.get(number, number)})"
            if value.type != kind or (isinstance(batch, int) and batch != 1) or not fits:
                raise self._refusal(
                    f"its {role} {value.name!r} is {value.type} {value.shape}; the card needs "
                    f"{kind} {list(expected)}"
                )
        self._one_by_one = any(isinstance(one.shape[0], int) for one in inputs)
        self._inputs, self._output = [one.name for one in inputs], answer.name

    def _refusal(self, problem: str) -> PackError:
        return PackError(f"{self._where}: {problem}", "Export the pack anew with `holotype export`")


def _checked(
    batch: Mapping[str, NDArray[Any]], preprocessing: Preprocessing
) -> dict[str, NDArray[Any]]:
    """The inputs of a model of kind `tensors`, checked: [B, ...] by name.

    Raises:
        VectorError: one is missing, not asked for, or of another shape or type.
    """
    stated = {one.name: one for one in preprocessing.inputs or ()}
    if batch.keys() != stated.keys():
        raise VectorError(
            f"{', '.join(batch) or 'nothing'} is given; the model takes "
            f"{', '.join(stated) or 'pictures'}",
            "Give each of its inputs by name",
        )
    result = {}
    counts = {len(values) for values in batch.values() if values.ndim}
    for name, one in stated.items():
        values = batch[name]
        fits = values.ndim == len(one.dims) and all(
            size == needed or isinstance(needed, str)
            for size, needed in zip(values.shape[1:], one.dims[1:], strict=True)
        )
        if not fits or len(counts) != 1 or not np.can_cast(values.dtype, one.number, "same_kind"):
            raise VectorError(
                f"{name} is {values.dtype} {list(values.shape)}; the model takes {one.number} "
                f"{list(one.dims)}",
                "Prepare it as the model's maker says",
            )
        result[name] = values.astype(one.number, copy=False)
    return result


def _first_line(error: Exception) -> str:
    """The first line of an ONNX Runtime message, at most 200 characters of it."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
