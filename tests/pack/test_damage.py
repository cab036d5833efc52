"""Packs that break a rule are refused."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holotype.errors import PackError
from holotype.pack import load_pack
from toy_packs import BACKGROUND_CLASSES, COHORT_CLASSES, toy_parts


def change_card(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    card = json.loads((path / "card.json").read_text())
    change(card)
    (path / "card.json").write_text(json.dumps(card))


def change_cohort(path: Path, **arrays: Any) -> None:
    """Swap arrays of the cohort and make the card agree with the file's digest."""
    with np.load(path / "cohort.npz") as archive:
        arrays = {**archive, **arrays}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    replace_file(path, "cohort.npz", buffer.getvalue())


def replace_file(path: Path, file: str, content: bytes) -> None:
    (path / file).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    change_card(path, lambda card: card["files"].update({file: digest}))


@pytest.mark.parametrize("file", ["card.json", "model.onnx", "cohort.npz"])
class TestEachFile:
    def test_missing(self, toy: Path, file: str) -> None:
        (toy / file).unlink()
        with pytest.raises(PackError, match=f"{file} of pack .*missing"):
            load_pack(toy)

    def test_truncated(self, toy: Path, file: str) -> None:
        content = (toy / file).read_bytes()
        (toy / file).write_bytes(content[: len(content) // 2])
        with pytest.raises(PackError, match=f"{file} of pack .*(digest|JSON)"):
            load_pack(toy)

    def test_empty(self, toy: Path, file: str) -> None:
        (toy / file).write_bytes(b"")
        with pytest.raises(PackError, match=f"{file} of pack"):
            load_pack(toy)

    def test_one_bit_flipped(self, toy: Path, file: str) -> None:
        content = bytearray((toy / file).read_bytes())
        content[len(content) // 2] ^= 0x80
        (toy / file).write_bytes(content)
        with pytest.raises(PackError, match=f"{file} of pack"):
            load_pack(toy)

    def test_a_folder(self, toy: Path, file: str) -> None:
        (toy / file).unlink()
        (toy / file).mkdir()
        with pytest.raises(PackError, match=f"{file} of pack .*not a regular file"):
            load_pack(toy)

    def test_a_named_pipe(self, toy: Path, file: str) -> None:
        (toy / file).unlink()
        os.mkfifo(toy / file)
        with pytest.raises(PackError, match=f"{file} of pack .*not a regular file"):
            load_pack(toy)

    def test_too_large(self, toy: Path, file: str) -> None:
        with (toy / file).open("r+b") as opened:
            opened.truncate(10**10)  # sparse: takes no space
        with pytest.raises(PackError, match=f"{file} of pack .*10,000,000,000 bytes exceed"):
            load_pack(toy)


def set_field(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda card: card.update(values)


def set_constant(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda card: card["preprocessing"].update(values)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_field(format=2), "format 2 is newer than the 1 .*upgrade holotype"),
        (set_field(format="1"), "format '1' is not the 1"),
        (lambda card: card.pop("format"), "format None"),
        (lambda card: card.pop("license"), "lacks field 'license'"),
        (set_field(motto="x"), "unknown field 'motto'"),
        (set_field(name="../evil"), "name of the card is not valid"),
        (set_field(model_id="0" * 16), "model_id does not follow"),
        (set_field(model_id=7), "model_id of the card"),
        (set_field(embedding_dim=0), "embedding_dim of the card"),
        (set_field(embedding_dim=9), r"cohort\.npz .*the card needs \[M, 9\]"),
        (set_field(preprocessing=[]), "preprocessing is not a JSON object"),
        (set_constant(kind="cat"), "kind of preprocessing"),
        (set_constant(size_px=2), "size_px of kind 'ink'"),
        (set_constant(size_px=16.0), "size_px of kind 'ink'"),
        (set_constant(margin_px=8), "margin_px=8 leaves nothing of size_px=16"),
        (set_constant(margin_px=2), "model_id does not follow"),
        (set_constant(channels=True), "channels of kind 'ink'"),
        (set_field(cohort={"class_names": ["a"]}), "the card names 1 classes"),
        (set_field(cohort={}), "cohort of the card"),
        (set_field(background={"class_names": [1]}), "background of the card"),
        (set_field(background={"class_names": ["a"]}), "60 prototypes; the card names 1 classes"),
        (set_field(scores=[{}]), "scores of the card"),
        (set_field(files={}), "files of the card"),
        (set_field(files={"model.onnx": "0" * 64, "../x": "0" * 64}), "files of the card"),
    ],
)
def test_a_card_that_breaks_a_rule_is_refused(
    toy: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    change_card(toy, change)
    with pytest.raises(PackError, match=said):
        load_pack(toy)


@pytest.mark.parametrize("content", [b"[]", b"\xff\xfe", b"[" * 100_000, b'{"format": 1'])
def test_a_card_that_is_no_card_is_refused(toy: Path, content: bytes) -> None:
    (toy / "card.json").write_bytes(content)
    with pytest.raises(PackError, match=r"card\.json of pack .*JSON"):
        load_pack(toy)


VECTORS, LEARNED = toy_parts()["embeddings"], toy_parts()["prototypes"]
NOT_FINITE = np.where(np.arange(len(VECTORS))[:, None] == 3, np.nan, VECTORS)
OUTSIDE = np.full(len(VECTORS), COHORT_CLASSES)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"embeddings": VECTORS.astype(np.float64)}, "float64"),
        ({"embeddings": VECTORS[:, :7]}, r"the card needs \[M, 8\]"),
        ({"embeddings": VECTORS[:0], "class_index": OUTSIDE[:0]}, "M at least 1"),
        ({"embeddings": VECTORS.ravel()}, r"not float16 or float32 \[M, D\]"),
        ({"embeddings": VECTORS * np.float32(1.01)}, "unit length"),
        ({"embeddings": VECTORS * np.float32(0)}, "unit length"),
        ({"embeddings": NOT_FINITE.astype(np.float32)}, "unit length"),
        ({"class_index": OUTSIDE[:-1]}, "not integers"),
        ({"class_index": OUTSIDE.astype(float)}, "not integers"),
        ({"class_index": OUTSIDE}, "from 40 to 40; the card names 40 classes"),
        ({"class_index": -OUTSIDE}, "from -40"),
        ({"class_index": OUTSIDE.astype(object)}, "not a readable NumPy archive"),
        ({"background": LEARNED.astype(np.float64)}, "background: float64"),
        ({"background": LEARNED[:, :7]}, r"background: .*the card needs \[M, 8\]"),
        ({"background": LEARNED[:0]}, "background: .*M at least 1"),
        ({"background": LEARNED * np.float32(1.01)}, "background: .*unit length"),
        ({"background": LEARNED * np.float32(np.nan)}, "background: .*unit length"),
        ({"background": LEARNED[:-1]}, f"{BACKGROUND_CLASSES - 1} prototypes; the card names 60"),
    ],
)
def test_a_cohort_that_breaks_a_rule_is_refused(
    toy: Path, arrays: dict[str, Any], said: str
) -> None:
    change_cohort(toy, **arrays)
    with pytest.raises(PackError, match=rf"cohort\.npz of pack .*{said}"):
        load_pack(toy)


def test_a_pack_without_a_background_is_refused(toy: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, embeddings=VECTORS, class_index=OUTSIDE - 1)
    replace_file(toy, "cohort.npz", buffer.getvalue())
    with pytest.raises(PackError, match=r"cohort\.npz of pack .*not a readable NumPy archive"):
        load_pack(toy)


def test_a_cohort_that_would_unpack_to_too_much_is_refused(toy: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("embeddings.npy", "w", force_zip64=True) as member:
            for _ in range(300):
                member.write(bytes(2**20))
        archive.writestr("class_index.npy", b"")
    replace_file(toy, "cohort.npz", buffer.getvalue())
    with pytest.raises(PackError, match="unpacks to 314,572,800 bytes"):
        load_pack(toy)


def test_a_cohort_that_claims_more_than_it_holds_is_refused(toy: Path) -> None:
    npy = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        npy, {"descr": "<f4", "fortran_order": False, "shape": (10**13, 8)}
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("embeddings.npy", npy.getvalue())
        archive.writestr("class_index.npy", npy.getvalue())
    replace_file(toy, "cohort.npz", buffer.getvalue())
    with pytest.raises(PackError, match="not a readable NumPy archive"):
        load_pack(toy)
