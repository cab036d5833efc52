"""A trained method -> a model pack, checked to answer as the method does."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from holotype.embedder import Embedder
from holotype.errors import TrainingError
from holotype.model import self_test
from holotype.pack import Pack, write_pack
from holotype.preprocessing import Preprocessing
from holotype.stats.scoring import group_prototypes
from holotype.stats.whitening import fit_whitening
from holotype.train.embedding import UnitEmbedder
from holotype.train.method import Method
from holotype.train.test_time_augmentation import View, ViewAverage
from holotype.train.whitening_layer import Whitening

# The largest difference of a coordinate: from torch to the exported graph, and from there to the
# file, whose weights are in half precision.
MAX_DIFFERENCE = 1e-4
MAX_ROUNDING = 1e-3
_CHECKED_IMAGES = 256
_PICTURES_PER_DIMENSION = 10  # beyond one a class, to fit a whitening
_MAX_STRETCH = 5.0  # of an error in the embedding by a whitening; half precision makes some 1e-4
_CHUNK = 64  # pictures that torch embeds at once
_OPSET = 18


def export_pack(
    method: Method,
    out: str | PathLike[str],
    *,
    name: str,
    preprocessing: Preprocessing,
    cohort_images: NDArray[np.float32],
    cohort_class_index: NDArray[np.int64],
    background_images: NDArray[np.float32],
    background_class_index: NDArray[np.int64],
    cohort: Mapping[str, Any],
    background: Mapping[str, Any],
    training: Mapping[str, Any],
    license: str,
    views: Sequence[View] = (),
    shrinkage: float | None = None,
) -> Pack:
    """Export the embedder of a method with its cohort and its background.

    The weights are stored in half precision. The embeddings of the cohort and the prototypes of
    the background are computed by the exported model, through the product's own `Embedder`, which
    is first compared with torch on up to 256 of the cohort's pictures.

    Args:
        method: the trained method; left as it was.
        out: the folder to make; it must not exist.
        name: of the pack.
        preprocessing: what prepared the training pictures.
        cohort_images: float32 [M, C, S, S], prepared likewise.
        cohort_class_index: int64 [M] into `cohort["class_names"]`.
        background_images: float32 [P, C, S, S], prepared likewise: every training class occurs.
        background_class_index: int64 [P] into `background["class_names"]`.
        cohort: facts about the cohort, with `class_names`.
        background: facts about the training classes, with `class_names`.
        training: command, seed, commit, seconds, machine.
        license: SPDX expression, with the credit that the data ask for.
        views: changed views to average the embedding over; none: the picture alone.
        shrinkage: of a whitening (see `fit_whitening`) that is fitted to the background, if that
            has ten pictures for each dimension, and unless it would multiply rounding errors by
            more than five, as it does where a network has hardly learned; None: no whitening.

    Raises:
        TrainingError: the method has no embedding, a cohort class is among the training classes,
            the exported graph disagrees with torch by more than 1e-4, or loses more than 1e-3
            in half precision.
        PackError: the pack cannot be written.
    """
    seen = sorted(set(cohort["class_names"]) & set(background["class_names"]))
    if seen:
        raise TrainingError(
            f"{len(seen)} cohort classes are among the training classes, such as {seen[0]!r}; "
            "strangers must be classes that training never saw",
            "Hold other classes back from training",
        )
    embedder = method.embedder()
    if embedder is None:
        raise TrainingError(
            f"{type(method).__name__} has no embedding, so there is nothing to export",
            "Evaluate its run directly",
        )
    if views:
        embedder = ViewAverage(embedder, preprocessing.size_px, views)
    with _evaluating(embedder):
        if shrinkage is not None:
            embedder = _whitened(embedder, background_images, background_class_index, shrinkage)
        exact = export_onnx(embedder, tuple(cohort_images.shape[1:]))
        checked = np.unique(np.linspace(0, len(cohort_images) - 1, _CHECKED_IMAGES, dtype=int))
        expected = _embed(embedder, cohort_images[checked])
    stored = halved(exact)
    classes = len(background["class_names"])

    def write(
        path: Path | str | PathLike[str],
        model: bytes,
        vectors: NDArray[np.floating[Any]],
        index: NDArray[np.int64],
        prototypes: NDArray[np.floating[Any]],
        test: NDArray[np.float32] | None = None,
    ) -> Pack:
        return write_pack(
            path,
            name=name,
            model=model,
            preprocessing=preprocessing,
            embeddings=vectors,
            class_index=index,
            prototypes=prototypes,
            cohort=cohort,
            background=background,
            training=training,
            license=license,
            self_test=test,
        )

    with tempfile.TemporaryDirectory() as folder:
        # Any prototypes make a pack that can be asked; the true ones are computed by it.
        draft = (expected, cohort_class_index[checked], np.repeat(expected[:1], classes, axis=0))
        product = Embedder(write(Path(folder) / "exact" / name, exact, *draft))
        answer = product.embed_prepared(cohort_images[checked])
        _check(answer, expected, MAX_DIFFERENCE, "the exported model differs from torch")
        product = Embedder(write(Path(folder) / name, stored, *draft))
        rounded = product.embed_prepared(cohort_images[checked])
        _check(rounded, answer, MAX_ROUNDING, "half precision moves the model's answer")
        vectors = product.embed_prepared(cohort_images)
        prototypes = group_prototypes(
            product.embed_prepared(background_images), background_class_index, classes
        )
        test = product.embed_made_up(self_test.COUNT)
    # Half precision: a similarity moves by about 1e-4, and the pack loses half the cohort's size.
    vectors, prototypes = vectors.astype(np.float16), prototypes.astype(np.float16)
    return write(out, stored, vectors, cohort_class_index, prototypes, test)


def export_onnx(embedder: nn.Module, image_shape: tuple[int, ...]) -> bytes:
    """An embedder as an ONNX model with a free batch axis.

    Args:
        embedder: in evaluation mode; float32 [B, C, H, W] -> [B, D].
        image_shape: (C, H, W).

    Returns:
        The file: input `images` float32 [batch, C, H, W], output `embeddings` [batch, D].
    """
    example = torch.zeros(3, *image_shape)  # neither 0 nor 1, which the tracer would make constants
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    with warnings.catch_warnings():
        # torch warns of its own internals, and logs that torchvision is not there.
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            program = torch.onnx.export(
                embedder,
                (example,),
                input_names=["images"],
                output_names=["embeddings"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                opset_version=_OPSET,
                dynamo=True,
                verbose=False,
            )
        finally:
            logger.setLevel(level)
    assert program is not None
    proto = program.model_proto
    # The tracer notes stack traces there, with the paths of this machine.
    graph = proto.graph
    for item in (proto, graph, *graph.node, *graph.initializer):
        item.doc_string = ""
    for item in (
        proto,
        graph,
        *graph.node,
        *graph.initializer,
        *graph.input,
        *graph.output,
        *graph.value_info,
    ):
        del item.metadata_props[:]
    return bytes(proto.SerializeToString(deterministic=True))


def halved(model: bytes) -> bytes:
    """An ONNX model whose weights are stored as float16 and cast to float32 on loading.

    Vectors (biases, norms) stay as they are, and so does what half precision cannot hold.
    """
    proto = onnx.load_from_string(model)
    graph = proto.graph
    casts = []
    for initializer in graph.initializer:
        if initializer.data_type != TensorProto.FLOAT or len(initializer.dims) < 2:
            continue
        weights = numpy_helper.to_array(initializer)
        if np.abs(weights).max(initial=0) > np.finfo(np.float16).max:
            continue
        name, half = initializer.name, f"{initializer.name}.half"
        initializer.CopyFrom(numpy_helper.from_array(weights.astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]  # in the order of their computation
    del graph.node[:]
    graph.node.extend(nodes)
    return bytes(proto.SerializeToString(deterministic=True))


def _check(
    answer: NDArray[np.float32], expected: NDArray[np.float32], limit: float, problem: str
) -> None:
    difference = float(np.abs(answer - expected).max())
    # Written so that NaN fails as well.
    if not difference <= limit:
        raise TrainingError(
            f"{problem} by {difference:.2g} on real pictures; at most {limit:g} is allowed",
            "Export with the tested versions of torch, onnx and onnxruntime (constraints.txt)",
        )


def _whitened(
    embedder: nn.Module,
    images: NDArray[np.float32],
    class_index: NDArray[np.int64],
    shrinkage: float,
) -> nn.Module:
    features = _embed(embedder, images)
    free = len(features) - len(np.unique(class_index))
    if free < _PICTURES_PER_DIMENSION * features.shape[1]:
        return embedder  # too few to tell how classes spread
    mean, matrix = fit_whitening(features, class_index, shrinkage=shrinkage)
    length = np.median(np.linalg.norm((features - mean) @ matrix, axis=1))
    stretch = np.linalg.norm(matrix, axis=0).max()  # its columns are orthogonal
    if not stretch <= _MAX_STRETCH * length:  # not `>`: features that are all the same give NaN
        return embedder
    return UnitEmbedder(nn.Sequential(embedder, Whitening(mean, matrix))).eval()


def _embed(embedder: nn.Module, images: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.inference_mode():
        chunks = [embedder(torch.tensor(chunk)) for chunk in _chunks(images)]
    return np.asarray(torch.cat(chunks).numpy(), dtype=np.float32)


def _chunks(images: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(images), _CHUNK):
        yield images[start : start + _CHUNK]


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode
