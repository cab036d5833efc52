"""Packs are written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holotype.errors import PackError
from holotype.pack import add_scores, load_pack, model_id, write_pack
from holotype.preprocessing import Preprocessing
from holotype.records import Report
from toy_packs import COHORT_CLASSES, make_toy_pack, toy_parts

SCORE = {
    **Report("lake", 20, 1, 1, 20, 97.5, 1.2, np.zeros(20), 0.5).to_json(),
    "data": "omniglot",
    "date": "2025-01-31",
}
PARTS = toy_parts()


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


def test_an_existing_path_is_never_written(toy: Path) -> None:
    before = (toy / "card.json").read_bytes()
    with pytest.raises(PackError, match="exists already"):
        make_toy_pack(toy, seed=1)
    assert (toy / "card.json").read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Über Pack"}, "name of the card is not valid"),
        ({"embeddings": PARTS["embeddings"] * 2}, "unit length"),
        ({"class_index": np.full(len(PARTS["embeddings"]), COHORT_CLASSES)}, "names 40 classes"),
        ({"prototypes": PARTS["prototypes"][1:]}, "names 60 classes"),
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
        "write = holotype.pack.writing.write_whole\n"
        "def die_at_the_last(path, content):\n"
        "    if path.name == 'README.md':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    write(path, content)\n"
        "holotype.pack.writing.write_whole = die_at_the_last\n"
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
