from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holotype.pack
from holotype.errors import PackError
from holotype.pack import add_scores, load_pack, model_id, shipped_packs, write_pack
from holotype.records import Preprocessing, Report
from toy_packs import (
    BACKGROUND_CLASSES,
    COHORT_CLASSES,
    COHORT_EXAMPLES,
    make_toy_pack,
    toy_parts,
)

SCORE = {
    **Report("lake", 20, 1, 1, 20, 97.5, 1.2, np.zeros(20), 0.5).to_json(),
    "data": "omniglot",
    "date": "2025-01-31",
}


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return make_toy_pack(tmp_path / "toy")


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


def test_a_pack_comes_back_as_it_was_written(tmp_path: Path) -> None:
    parts = toy_parts()
    written = write_pack(tmp_path / "toy", **parts, scores=[SCORE])
    pack = load_pack(tmp_path / "toy")
    assert pack == written
    assert pack.path == tmp_path / "toy"
    assert pack.model() == parts["model"]
    for field in ("name", "preprocessing", "background", "cohort", "training", "license"):
        assert getattr(pack.card, field) == parts[field]
    assert pack.card.embedding_dim == 8
    assert pack.card.scores == [SCORE]
    assert sorted(os.listdir(tmp_path / "toy")) == [
        "README.md",
        "card.json",
        "cohort.npz",
        "model.onnx",
    ]
    assert os.listdir(tmp_path) == ["toy"]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_cohort_comes_back_as_unit_vectors(tmp_path: Path, dtype: Any) -> None:
    parts = toy_parts()
    given = parts["embeddings"]
    pack = write_pack(tmp_path / "toy", **{**parts, "embeddings": given.astype(dtype)})
    vectors, class_index = pack.cohort()
    assert vectors.dtype == np.float32
    assert class_index.dtype == np.int64
    np.testing.assert_allclose(vectors, given, atol=1e-3 if dtype == np.float16 else 1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(np.bincount(class_index), [COHORT_EXAMPLES] * COHORT_CLASSES)
    assert not vectors.flags.writeable
    assert not class_index.flags.writeable


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_the_background_comes_back_as_unit_vectors(tmp_path: Path, dtype: Any) -> None:
    parts = toy_parts()
    given = parts["prototypes"]
    pack = write_pack(tmp_path / "toy", **{**parts, "prototypes": given.astype(dtype)})
    background = pack.background()
    assert background.dtype == np.float32
    assert len(background) == len(pack.card.background["class_names"])
    np.testing.assert_allclose(background, given, atol=1e-3 if dtype == np.float16 else 1e-6)
    np.testing.assert_allclose(np.linalg.norm(background, axis=1), 1, atol=1e-6)
    assert not background.flags.writeable


def test_a_text_path_and_a_relative_path_are_taken(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.parent)
    assert load_pack(str(toy)).card == load_pack("toy").card == load_pack("./toy").card


def test_the_model_id_is_its_definition() -> None:
    constants = b'{"channels":1,"kind":"ink","margin_px":2,"size_px":28}'
    expected = hashlib.sha256(b"model" + constants).hexdigest()[:16]
    assert model_id(b"model", Preprocessing("ink", 28, 2)) == expected
    assert model_id(b"model", Preprocessing("ink", 28, 3)) != expected
    assert model_id(b"Model", Preprocessing("ink", 28, 2)) != expected


def test_the_same_parts_make_the_same_bytes(tmp_path: Path) -> None:
    one, two = make_toy_pack(tmp_path / "one"), make_toy_pack(tmp_path / "two")
    for file in os.listdir(one):
        assert (one / file).read_bytes() == (two / file).read_bytes()


def test_shipped_packs_load_by_name(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holotype.pack.reading, "_SHIPPED", toy.parent)
    (toy.parent / "notes").mkdir()
    assert shipped_packs() == ["toy"]
    assert load_pack("toy").path == toy


@pytest.mark.parametrize("name", shipped_packs())
def test_each_shipped_pack_is_valid(name: str) -> None:
    pack = load_pack(name)
    assert pack.card.name == name
    assert pack.card.scores
    assert pack.card.license


@pytest.mark.parametrize("name", ["nobody", "", "a\0b", "no/such/folder"])
def test_an_unknown_name_lists_what_is_shipped(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(holotype.pack.reading, "_SHIPPED", toy.parent)
    monkeypatch.chdir(tmp_path)
    said = r"neither a shipped pack \(toy\) nor a folder" if name else "card.json of pack '.'"
    with pytest.raises(PackError, match=said):
        load_pack(name)


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
        (set_constant(size_px=2), "size_px of preprocessing"),
        (set_constant(size_px=16.0), "size_px of preprocessing"),
        (set_constant(margin_px=8), "margin_px=8 leaves nothing of size_px=16"),
        (set_constant(margin_px=2), "model_id does not follow"),
        (set_constant(channels=True), "channels of preprocessing"),
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


def test_an_existing_path_is_never_written(toy: Path) -> None:
    before = (toy / "card.json").read_bytes()
    with pytest.raises(PackError, match="exists already"):
        make_toy_pack(toy, seed=1)
    assert (toy / "card.json").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Über Pack"}, "name of the card is not valid"),
        ({"embeddings": VECTORS * 2}, "unit length"),
        ({"class_index": OUTSIDE}, "names 40 classes"),
        ({"prototypes": LEARNED[1:]}, "names 60 classes"),
        ({"cohort": {}}, "cohort of the card"),
        ({"training": {"seconds": float("nan")}}, "make no valid card"),
        ({"training": {"seconds": np.float32(1)}}, "make no valid card"),
        ({"training": {"log": "x" * 2**20}}, "bytes exceed"),
    ],
)
def test_what_would_not_load_is_not_written(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(PackError, match=said) as caught:
        write_pack(tmp_path / "toy", **{**toy_parts(), **changes})
    assert ".toy." not in str(caught.value)  # the folder that was asked for, not the draft
    assert os.listdir(tmp_path) == []


def test_a_pack_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PackError, match="cannot be written"):
        make_toy_pack(tmp_path / "file" / "toy")
    assert os.listdir(tmp_path) == ["file"]


def test_a_killed_writer_leaves_no_half_pack(tmp_path: Path) -> None:
    """SIGKILL when all files but one are written: the folder that was asked for is not there."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "import holotype.pack\n"
        "from toy_packs import make_toy_pack\n"
        "write = holotype.pack.writing._write_durably\n"
        "def die_at_the_last(path, content):\n"
        "    if path.name == 'README.md':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    write(path, content)\n"
        "holotype.pack.writing._write_durably = die_at_the_last\n"
        "make_toy_pack(Path(sys.argv[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "toy")],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "toy").exists()
    make_toy_pack(tmp_path / "toy")  # and what it left behind is in nobody's way
    load_pack(tmp_path / "toy")


def test_scores_are_added_and_leave_the_model_as_it_is(toy: Path) -> None:
    before = load_pack(toy).card
    pack = add_scores(toy, [SCORE])
    assert pack.card.scores == [SCORE]
    assert pack.card.model_id == before.model_id
    assert pack.card.files == before.files
    add_scores(str(toy), [{**SCORE, "accuracy": 98.25}])
    assert [score["accuracy"] for score in load_pack(toy).card.scores] == [97.5, 98.25]
    assert len(os.listdir(toy)) == 4


def test_a_score_without_its_figures_is_refused(toy: Path) -> None:
    before = (toy / "card.json").read_bytes()
    with pytest.raises(PackError, match="scores of the card"):
        add_scores(toy, [{"protocol": "lake"}])
    assert (toy / "card.json").read_bytes() == before


def test_the_page_tells_what_the_card_holds(toy: Path) -> None:
    assert "None measured yet" in (toy / "README.md").read_text()
    add_scores(toy, [SCORE])
    page = (toy / "README.md").read_text()
    assert page.startswith("# toy\n")
    assert load_pack(toy).card.model_id in page
    assert "40 classes (data: toy)" in page
    assert "| omniglot | lake | 20-way 1-shot | 20 | 97.50 ± 1.20 | 2.50 | 2025-01-31 |" in page
    assert "toy/1000" not in page  # the names of all classes stay in the card


def test_the_page_cannot_be_broken_by_what_it_tells(tmp_path: Path) -> None:
    training = {"command": "a | b\n\n# <script>"}
    write_pack(tmp_path / "toy", **{**toy_parts(), "training": training})
    assert (
        "| training: command | a \\| b # &lt;script> |"
        in (tmp_path / "toy" / "README.md").read_text()
    )
