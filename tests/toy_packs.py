"""Small valid model packs for tests, and drawings to go with them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

from holotype.image.prepare import prepare_batch
from holotype.pack import write_pack
from holotype.preprocessing import Preprocessing

COHORT_CLASSES = 40
COHORT_EXAMPLES = 5
BACKGROUND_CLASSES = 60
# Cohort characters are numbered from here, so that tests may use lower numbers for their own.
FIRST_COHORT_CHARACTER = 1000
FIRST_BACKGROUND_CHARACTER = 2000
_COHORT = range(FIRST_COHORT_CHARACTER, FIRST_COHORT_CHARACTER + COHORT_CLASSES)
_BACKGROUND = range(FIRST_BACKGROUND_CHARACTER, FIRST_BACKGROUND_CHARACTER + BACKGROUND_CLASSES)


def toy_drawing(character: int, drawer: int = 0, side_px: int = 40) -> NDArray[np.uint8]:
    """One drawing uint8 [side_px, side_px], black on white.

    The number of the character fixes four strokes, the drawer a slight wobble.
    """
    points = np.random.default_rng(character).uniform(0.15, 0.85, (5, 2))
    points = points + np.random.default_rng((character, drawer)).normal(0, 0.02, (5, 2))
    paper = Image.new("L", (side_px, side_px), 255)
    ImageDraw.Draw(paper).line([tuple(p) for p in points * side_px], fill=0, width=2)
    return np.array(paper)


def write_drawings(
    folder: Path, names: Iterable[str], each: int = 3, first_character: int = 0
) -> Path:
    """A folder of class folders with drawings 0.png, 1.png, ...: each class a character."""
    for character, name in enumerate(names, start=first_character):
        (folder / name).mkdir(parents=True)
        for drawer in range(each):
            picture = Image.fromarray(toy_drawing(character, drawer))
            picture.save(folder / name / f"{drawer}.png")
    return folder


def toy_model(size_px: int = 16, dim: int = 8, seed: int = 0) -> onnx.ModelProto:
    """Pixels -> a fixed random projection of unit length: [batch, 1, S, S] -> [batch, dim]."""
    weights = np.random.default_rng(seed).normal(size=(size_px * size_px, dim)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["images"], ["pixels"], axis=1),
            helper.make_node("MatMul", ["pixels", "weights"], ["projection"]),
            helper.make_node("LpNormalization", ["projection"], ["embeddings"], axis=1, p=2),
        ],
        "toy",
        [
            helper.make_tensor_value_info(
                "images", TensorProto.FLOAT, ["batch", 1, size_px, size_px]
            )
        ],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["batch", dim])],
        [numpy_helper.from_array(weights, "weights")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def toy_embeddings(
    prepared: NDArray[np.float32], dim: int = 8, seed: int = 0
) -> NDArray[np.float32]:
    """What `toy_model` computes, in numpy: float32 [B, 1, S, S] -> [B, dim]."""
    pixels = prepared.reshape(len(prepared), -1)
    weights = np.random.default_rng(seed).normal(size=(pixels.shape[1], dim)).astype(np.float32)
    vectors = pixels @ weights
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@cache
def _prepared(preprocessing: Preprocessing) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The drawings of the cohort and of the background, as the model sees them."""
    cohort = [toy_drawing(c, drawer) for c in _COHORT for drawer in range(COHORT_EXAMPLES)]
    background = [toy_drawing(c) for c in _BACKGROUND]
    return prepare_batch(cohort, preprocessing), prepare_batch(background, preprocessing)


def toy_parts(size_px: int = 16, dim: int = 8, seed: int = 0) -> dict[str, Any]:
    """The arguments of `write_pack` for a toy pack, to change one and see what happens."""
    preprocessing = Preprocessing("ink", size_px=size_px, margin_px=1)
    cohort, learned = _prepared(preprocessing)
    return {
        "name": "toy",
        "model": toy_model(size_px, dim, seed).SerializeToString(),
        "preprocessing": preprocessing,
        "embeddings": toy_embeddings(cohort, dim, seed),
        "class_index": np.repeat(np.arange(COHORT_CLASSES), COHORT_EXAMPLES),
        "prototypes": toy_embeddings(learned, dim, seed),
        "cohort": {"data": "toy", "class_names": [f"toy/{c}" for c in _COHORT]},
        "background": {"data": "toy", "class_names": [f"toy/{c}" for c in _BACKGROUND]},
        "training": {"command": "none: a random projection", "seed": seed},
        "license": "Apache-2.0",
    }


def make_toy_pack(path: Path, size_px: int = 16, dim: int = 8, seed: int = 0) -> Path:
    """Write a valid pack whose model is a random projection; different seeds, different models."""
    write_pack(path, **toy_parts(size_px, dim, seed))
    return path
