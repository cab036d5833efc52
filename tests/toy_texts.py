"""A tiny sentence encoder with random weights, its words, and what it must answer, in numpy."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.domains.texts.network import IDS, MASK, sentence_network
from holotype.domains.texts.reading import Reading
from holotype.pack import write_pack
from holotype.preprocessing import Preprocessing, TensorInput

Floats = NDArray[Any]

WIDTH, HEADS, LAYERS, PLACES = 16, 4, 2, 16
MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WORDS = (
    *("please", "cancel", "my", "order", "where", "is", "the", "card", "money", "transfer"),
    *("a", "new", "need", "##s", "##ed", "lost", "?", "!"),
    *("today", "back", "stop", "send", "pay", "it", "you", "me"),  # as many as `feed` counts on
)


def toy_tokenizer() -> bytes:
    """A `tokenizer.json`, as BERT has it; it pads and cuts by itself, as published ones do."""
    marks = [
        {"id": number, "content": mark, "special": True, "single_word": False,
         "lstrip": False, "rstrip": False, "normalized": False}
        for number, mark in enumerate(MARKS)
    ]  # fmt: skip
    ends = [{"SpecialToken": {"id": mark, "type_id": 0}} for mark in ("[CLS]", "[SEP]")]
    document = {
        "version": "1.0",
        "truncation": {"max_length": 6, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 6}, "direction": "Right", "pad_to_multiple_of": None,
                    "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": marks,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [ends[0], {"Sequence": {"id": "A", "type_id": 0}}, ends[1]],
            "pair": [ends[0], {"Sequence": {"id": "A", "type_id": 0}}, ends[1],
                     {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {mark: {"id": mark, "ids": [MARKS.index(mark)], "tokens": [mark]}
                               for mark in ("[CLS]", "[SEP]")},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100,
                  "vocab": {word: number for number, word in enumerate((*MARKS, *WORDS))}},
    }  # fmt: skip
    return json.dumps(document).encode()


def toy_weights(seed: int = 0) -> dict[str, Floats]:
    """Random weights of a `BertModel`."""
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(MARKS) + len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": (PLACES, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        **_norm("embeddings."),
    }
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}."
        shapes |= {
            **_dense(f"{name}attention.self.query.", WIDTH, WIDTH),
            **_dense(f"{name}attention.self.key.", WIDTH, WIDTH),
            **_dense(f"{name}attention.self.value.", WIDTH, WIDTH),
            **_dense(f"{name}attention.output.dense.", WIDTH, WIDTH),
            **_norm(f"{name}attention.output."),
            **_dense(f"{name}intermediate.dense.", WIDTH, 4 * WIDTH),
            **_dense(f"{name}output.dense.", 4 * WIDTH, WIDTH),
            **_norm(f"{name}output."),
        }
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def _dense(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}weight": (outputs, inputs), f"{name}bias": (outputs,)}


def _norm(name: str) -> dict[str, tuple[int, ...]]:
    return {f"{name}LayerNorm.{part}": (WIDTH,) for part in ("weight", "bias")}


def reference(weights: Mapping[str, Floats], heads: int, ids: list[int]) -> Floats:
    """The unit vector of one text, in double precision, step by step: float64 [D]."""
    erf = np.vectorize(math.erf)
    w = {name: values.astype(np.float64) for name, values in weights.items()}

    def dense(x: Floats, name: str) -> Floats:
        return np.asarray(x @ w[f"{name}weight"].T + w[f"{name}bias"])

    def norm(x: Floats, name: str) -> Floats:
        centered = x - x.mean(axis=1, keepdims=True)
        spread = np.sqrt((centered**2).mean(axis=1, keepdims=True) + 1e-12)
        scale, shift = (w[f"{name}LayerNorm.{part}"] for part in ("weight", "bias"))
        return np.asarray(centered / spread * scale + shift)

    def softmax(scores: Floats) -> Floats:
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    x = w["embeddings.word_embeddings.weight"][ids]
    x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.")
    layer = 0
    while (name := f"encoder.layer.{layer}.") + "output.dense.weight" in w:
        query, key, value = (
            np.split(dense(x, f"{name}attention.self.{part}."), heads, axis=1)
            for part in ("query", "key", "value")
        )
        seen = [
            softmax(q @ k.T / np.sqrt(q.shape[1])) @ v
            for q, k, v in zip(query, key, value, strict=True)
        ]
        attended = dense(np.concatenate(seen, axis=1), f"{name}attention.output.dense.")
        x = norm(x + attended, f"{name}attention.output.")
        wide = dense(x, f"{name}intermediate.dense.")
        wide = wide * 0.5 * (1 + erf(wide / math.sqrt(2)))
        x = norm(x + dense(wide, f"{name}output.dense."), f"{name}output.")
        layer += 1
    mean = x.mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean))


def toy_parts(pieces: int = 8, language: str | None = "English", seed: int = 0) -> dict[str, Any]:
    """The arguments of `write_pack` for a pack that reads texts of the words above."""
    nobody = np.empty((0, WIDTH), np.float32)
    return {
        "name": "toy-texts",
        "model": sentence_network(toy_weights(seed), HEADS),
        "preprocessing": Preprocessing(
            "text",
            inputs=tuple(TensorInput(name, "int64", ("batch", "pieces")) for name in (IDS, MASK)),
            own=Reading(hashlib.sha256(toy_tokenizer()).hexdigest(), pieces, language),
        ),
        "tokenizer": toy_tokenizer(),
        "embeddings": nobody,
        "class_index": np.empty(0, np.int64),
        "prototypes": nobody,
        "cohort": {"data": "none", "class_names": []},
        "background": {"data": "none", "class_names": [], "trained": False},
        "training": {"command": "none: random weights"},
        "license": "CC0-1.0",
    }


def make_toy_texts(path: Path, **facts: Any) -> Path:
    """Write the toy pack into a new folder."""
    return write_pack(path, **{**toy_parts(), **facts}).path
