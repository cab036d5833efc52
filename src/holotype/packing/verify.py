"""All that can be checked of a pack from a stranger."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from holotype.embedder import Embedder
from holotype.errors import PackError
from holotype.model import self_test
from holotype.pack import TEXT, Pack, load_pack
from holotype.pack.card import model_card
from holotype.pack.reading import DIFFERENCE
from holotype.packing.trial import asked, try_out

_BATCH = 4
# How far a picture's coordinates may move with the number of pictures beside it.
MAX_BATCH_DIFFERENCE = 1e-4


@dataclass(frozen=True, slots=True)
class Verified:
    """A pack that passed every check."""

    pack: Pack
    digest: str  # of the pack, see `pack_digest`
    done: list[str]  # the checks, in words


def verify_pack(name_or_path: str | os.PathLike[str]) -> Verified:
    """Check a pack: its files, its model's parts, and how the model behaves.

    Args:
        name_or_path: as for `load_pack`.

    Raises:
        PackError: what is wrong; nothing of a pack is executed before it is checked, and the
            model first runs in a process of its own.
    """
    pack = load_pack(name_or_path)
    named = {file.partition("/")[0] for file in pack.files} | (
        {DIFFERENCE} if pack.trusted else set()
    )
    others = sorted(path.name for path in pack.path.iterdir() if path.name not in named)
    if others:
        raise PackError(
            f"the folder of pack {str(pack.path)!r} holds {len(others)} other files, such as "
            f"{others[0]!r}",
            f"Remove them; this pack is {', '.join(pack.files)}, and no other file is ever read",
        )
    page = pack.path / "README.md"
    try:
        told = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        told = ""
    if told != model_card(pack.card):
        raise PackError(
            f"README.md of pack {str(pack.path)!r} does not say what card.json says",
            "Believe card.json (`holotype pack show`), or fetch the pack again",
        )
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        model.write_bytes(pack.model())
        called = str(pack.path / model.name)
        shape = try_out(model, asked(pack.card.preprocessing), called=called)
    embedder = Embedder(pack)
    check_batches(embedder, pack.path)
    tested = _tested(embedder, pack)
    cohort, _ = pack.cohort()
    text = [] if pack.text is None else [f"its text side: {one}" for one in _of_text(pack)]
    return Verified(
        pack,
        pack_digest(pack.path),
        [
            f"card.json, with the digests of {' and '.join(sorted(pack.card.files, reverse=True))}"
            f"; {len(pack.files)} files",
            "README.md says what card.json says",
            "model.onnx: standard operators, no loops, all weights inside",
            f"it answers with {list(shape)} in a process with limits on memory and time",
            "a picture's embedding does not depend on the pictures beside it",
            tested,
            f"cohort.npz: {len(cohort):,} embeddings of {len(pack.card.cohort['class_names']):,} "
            "classes, numbers only",
            *text,
        ],
    )


def _of_text(pack: Pack) -> list[str]:
    """The checks of a text side, which is a pack."""
    return verify_pack(pack.path / TEXT).done


def pack_digest(path: Path) -> str:
    """What a pack is known by: SHA-256 of its card, which holds those of model and cohort."""
    return hashlib.sha256((path / "card.json").read_bytes()).hexdigest()


def _tested(embedder: Embedder, pack: Pack) -> str:
    """What its self-test says here; an embedder that fails it is not made."""
    expected = pack.self_test()
    if expected is None:
        return "it has no self-test"
    off = self_test.difference(embedder.embed_made_up(len(expected)), expected)
    return f"its self-test is passed on {','.join(embedder.providers)}, to {off:.1g}"


def check_batches(embedder: Embedder, path: Path) -> float:
    """How far an embedding moves with what stands beside it.

    Args:
        embedder: of the pack.
        path: of the pack, for the error.

    Returns:
        The largest difference of a coordinate.

    Raises:
        PackError: more than 1e-4.
    """
    together, *alone = (
        embedder.embed_made_up(_BATCH),
        *(embedder.embed_made_up(_BATCH, only=row) for row in range(_BATCH)),
    )
    difference = float(np.abs(together - np.concatenate(alone)).max())
    if not difference <= MAX_BATCH_DIFFERENCE:
        raise PackError(
            f"the model of pack {os.fspath(path)!r} gives one picture other embeddings in another "
            f"batch (they differ by {difference:.2g}; at most {MAX_BATCH_DIFFERENCE:g} is allowed)",
            "Export it in evaluation mode",
        )
    return difference
