"""The pack `texts`, made from the weights of all-MiniLM-L6-v2 where they are installed.

90 MB that the base does not ship: they are taken from a package that holds what its makers
published, and converted once on each machine. The package's own code is not run. The same weights
always give the same bytes, and so the same model id.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from safetensors.numpy import load

from holotype.domains.texts.network import IDS, MASK, sentence_network
from holotype.domains.texts.reading import Reading
from holotype.domains.texts.weights import install_weights, weights_folder
from holotype.errors import MissingExtraError, PackError
from holotype.preprocessing import Preprocessing, TensorInput

_REPOSITORY = "hf:sentence-transformers/all-MiniLM-L6-v2"
# As published; whoever packed them changed nothing.
_SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_HEADS, _PIECES, DIMENSIONS = 12, 256, 384  # num_attention_heads, max_seq_length, hidden_size


def parts() -> dict[str, Any]:
    """The arguments of `write_pack`.

    Raises:
        MissingExtraError: the weights are not installed.
        PackError: the installed weights are others than those that this was written for.
    """
    found = {name: _read(name) for name in _SHA256}
    tokenizer = found["tokenizer.json"]
    nobody = np.empty((0, DIMENSIONS), np.float32)
    return {
        "name": "texts",
        "model": sentence_network(load(found["model.safetensors"]), _HEADS),
        "preprocessing": Preprocessing(
            "text",
            inputs=tuple(TensorInput(name, "int64", ("batch", "pieces")) for name in (IDS, MASK)),
            own=Reading(hashlib.sha256(tokenizer).hexdigest(), _PIECES, "English"),
        ),
        "tokenizer": tokenizer,
        "embeddings": nobody,
        "class_index": np.empty(0, np.int64),
        "prototypes": nobody,
        "cohort": {
            "data": "none: the enrolled set the thresholds, and strangers of your own",
            "class_names": [],
        },
        "background": {
            "data": "1.17 billion pairs of English sentences, mostly from the web, as its makers "
            "tell; without names of classes",
            "class_names": [],
        },
        "training": {
            "command": "none: all-MiniLM-L6-v2 of sentence-transformers, 2021",
            "weights_sha256": _SHA256["model.safetensors"],
        },
        "license": "Apache-2.0",
    }


def _read(name: str) -> bytes:
    folder = weights_folder()
    if folder is None:
        raise MissingExtraError(
            "the pack 'texts' is made of the weights of all-MiniLM-L6-v2, which are not installed",
            f"{install_weights()}; or fetch them: `holotype pack build --from {_REPOSITORY} --name "
            "mine`",
        )
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise PackError(
            f"{str(folder / name)!r} cannot be read ({error.strerror})", install_weights()
        ) from error
    if hashlib.sha256(content).hexdigest() != _SHA256[name]:
        raise PackError(
            f"{str(folder / name)!r} has another SHA-256 digest than what was published",
            f"Do not use it. {install_weights()}",
        )
    return content
