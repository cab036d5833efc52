"""Writing a model pack, whole or not at all, and adding measured scores to its card."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.errors import PackError
from holotype.files import write_whole
from holotype.pack.card import Card, card_from_json, card_to_json, model_card
from holotype.pack.reading import (
    MAX_CARD_BYTES,
    TEXT,
    TEXT_CARD,
    TOKENIZER,
    Pack,
    check_references,
    model_id,
    read_pack,
)
from holotype.preprocessing import Preprocessing


def require_new(folder: str | Path) -> None:
    """Refuse what is there, before any work is done for it.

    Raises:
        PackError: a file or folder of that name exists.
    """
    if os.path.lexists(folder):
        raise PackError(
            f"{os.fspath(folder)!r} exists already", "Name a new folder, or remove that one"
        )


def write_pack(
    path: str | os.PathLike[str],
    *,
    name: str,
    model: bytes,
    preprocessing: Preprocessing,
    embeddings: NDArray[np.floating[Any]],
    class_index: NDArray[np.integer[Any]],
    prototypes: NDArray[np.floating[Any]],
    cohort: Mapping[str, Any],
    background: Mapping[str, Any],
    training: Mapping[str, Any],
    license: str,
    scores: Sequence[Mapping[str, Any]] = (),
    encoder: Mapping[str, Any] | None = None,
    self_test: NDArray[np.floating[Any]] | None = None,
    tokenizer: bytes | None = None,
    text: Pack | None = None,
) -> Pack:
    """Write a model pack: all of it, or nothing.

    Args:
        path: the folder to make; it must not exist.
        name: lower-case letters, digits, `.`, `_`, `-`.
        model: the ONNX file.
        preprocessing: what `images.prepare` does before the model.
        embeddings: float16 or float32 [M, D] of unit length: the cohort.
        class_index: int [M] into `cohort["class_names"]`.
        prototypes: float16 or float32 [B, D] of unit length: one for each of
            `background["class_names"]`.
        cohort: facts about the cohort; `class_names` is required.
        background: facts about the classes that trained the model; `class_names` is required.
        training: how the model was made: command, seed, commit, seconds, machine.
        license: SPDX expression, with the credit that the data ask for.
        scores: `Report.to_json()` with `data` and `date`.
        encoder: of a model that others made, where it comes from and what was assumed of it.
        self_test: float32 [N, D] of unit length, what the model gives for `model.feed`; None: the
            pack gets no self-test.
        tokenizer: of a model that reads texts, its `tokenizer.json`.
        text: the text side of a model of pictures, a pack of kind `text`; it is copied.

    Raises:
        PackError: the folder exists or cannot be written, or what was given makes no valid pack.
    """
    target = Path(path)
    require_new(target)
    references = {
        "embeddings": embeddings,
        "class_index": class_index,
        "background": prototypes,
        **({} if self_test is None else {"self_test": self_test}),
    }
    files = {"model.onnx": model, "cohort.npz": _archive(references)}
    if tokenizer is not None:
        files[TOKENIZER] = tokenizer
    words = {}
    if text is not None:
        words = {f"{TEXT}/{file}": (text.path / file).read_bytes() for file in text.files}
        files[TEXT_CARD] = words[TEXT_CARD]
    card = Card(
        name=name,
        model_id=model_id(model, preprocessing, None if text is None else text.card.model_id),
        embedding_dim=int(embeddings.shape[-1]),
        preprocessing=preprocessing,
        background=dict(background),
        cohort=dict(cohort),
        training=dict(training),
        scores=[dict(score) for score in scores],
        license=license,
        encoder=dict(encoder or {}),
        files={file: hashlib.sha256(content).hexdigest() for file, content in files.items()},
    )
    files |= words | _card_files(card)
    draft = target.parent / f".{target.name}.{secrets.token_hex(4)}"
    try:
        (draft / TEXT if words else draft).mkdir(parents=True)
        for file, content in files.items():
            write_whole(draft / file, content)
        read_pack(draft)  # what cannot be loaded is not written
        draft.rename(target)
    except PackError as error:
        raise PackError(
            error.problem.replace(str(draft), str(target)), "Pass a model, cohort and card that fit"
        ) from None
    except OSError as error:
        raise PackError(
            f"{str(target)!r} cannot be written ({error.strerror})",
            "Check the rights and the free space of the folder",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Pack(target, card)


def add_self_test(path: str | os.PathLike[str], vectors: NDArray[np.floating[Any]]) -> Pack:
    """Give a pack that has none its self-test; model, cohort and id stay what they are.

    Args:
        path: the folder of the pack.
        vectors: float32 [N, D] of unit length, what its model gives for `model.feed`.

    Raises:
        PackError: the pack is not valid, or cannot be written.
    """
    folder = Path(path)
    pack = read_pack(folder.resolve())
    with np.load(pack.path / "cohort.npz", allow_pickle=False) as archive:
        references = {name: archive[name] for name in archive.files}
    content = _archive({**references, "self_test": vectors})
    check_references(pack.path, content, pack.card)  # what cannot be loaded is not written
    digest = hashlib.sha256(content).hexdigest()
    card = replace(pack.card, files={**pack.card.files, "cohort.npz": digest})
    for file, written in {"cohort.npz": content, **_card_files(card)}.items():
        _replace(folder, file, written)
    return read_pack(folder.resolve())


def add_scores(
    path: str | os.PathLike[str],
    scores: Sequence[Mapping[str, Any]],
    promise: Sequence[Mapping[str, Any]] = (),
) -> Pack:
    """Append measured scores to the card of a pack, and render its README.md anew.

    Nothing is replaced: the list shows how often a test set was opened. The scores are no part of
    the model's id, so galleries stay bound to their model.

    Args:
        path: the folder of the pack.
        scores: `Report.to_json()` with `data` and `date`.
        promise: `Identification.to_json()` with `enrolled` and `examples`, `data` and `date`.

    Raises:
        PackError: the pack is not valid, or cannot be written.
    """
    folder = Path(path)
    pack = read_pack(folder.resolve())
    card = replace(
        pack.card,
        scores=[*pack.card.scores, *map(dict, scores)],
        promise=[*pack.card.promise, *map(dict, promise)],
    )
    for file, content in _card_files(card).items():
        _replace(folder, file, content)
    return Pack(folder, card)


def _archive(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    buffer = BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _replace(folder: Path, file: str, content: bytes) -> None:
    try:
        write_whole(folder / file, content)
    except OSError as error:
        raise PackError(
            f"{file} of pack {str(folder)!r} cannot be written ({error.strerror})",
            "Check the rights and the free space of the folder",
        ) from error


def _card_files(card: Card) -> dict[str, bytes]:
    """The two files that tell of the card, checked as if they were read."""
    try:
        content = card_to_json(card)
        card_from_json(content)
        if len(content) > MAX_CARD_BYTES:
            raise ValueError(f"{len(content):,} bytes exceed {MAX_CARD_BYTES:,}")
    except (TypeError, ValueError) as error:
        raise PackError(
            f"the facts about pack {card.name!r} make no valid card: {error}", "Mend that field"
        ) from error
    return {"card.json": content, "README.md": model_card(card).encode()}
