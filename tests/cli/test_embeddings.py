"""Embeddings as `.npy` files in place of pictures, and what `status` says of such a gallery."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import Result

import holotype

Run = Callable[..., Result]
DIM = 8


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def drawn(count: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, DIM)).astype(np.float32)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """25 identities of one vector each."""
    path = tmp_path / "bare.gallery"
    with holotype.open(path, dim=DIM) as recognizer:
        for number, vector in enumerate(drawn(25)):
            recognizer.enroll(f"v{number}", vectors=vector)
    return path


def test_a_gallery_is_made_of_embeddings_and_says_so(tmp_path: Path, run: Run) -> None:
    gallery = tmp_path / "new.gallery"
    first = run("enroll", gallery, "a", saved(tmp_path / "a.npy", drawn(1)[0]))
    assert first.exit_code == 0, first.output
    assert first.stdout.splitlines() == [
        f"{gallery}: a new gallery, of bare vectors of 8 numbers.",
        "a: 1 example added, 1 example now",
    ]
    second = run("enroll", gallery, "a", saved(tmp_path / "two.npy", drawn(3)[1:]))
    assert second.stdout.splitlines()[0] == "a: 2 examples added, 3 examples now"


def test_rows_are_probes(bare: Path, tmp_path: Path, run: Run) -> None:
    several = saved(tmp_path / "several.npy", drawn(25)[2:5])
    one = saved(tmp_path / "one.npy", drawn(25)[7])
    done = run("identify", bare, several, one, "--fpir", "10%", "--json")
    answers = json.loads(done.stdout)
    assert [answer["image"] for answer in answers] == [
        *(f"{several}[{row}]" for row in range(3)),
        str(one),
    ]
    assert [answer["label"] for answer in answers] == ["v2", "v3", "v4", "v7"]
    assert {answer["basis"]["known"] for answer in answers} == {"guaranteed"}
    assert run("verify", bare, "v7", one).exit_code == 0
    assert run("verify", bare, "v8", one).exit_code == 1
    refused = run("verify", bare, "v2", several)
    assert refused.exit_code == 3
    assert "holds 3 embeddings" in refused.stderr


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (np.ones(DIM + 1, np.float32), "do not fit a gallery of 8"),
        (np.full(DIM, np.nan, np.float32), "not finite"),
        (np.zeros(DIM, np.float32), "zero"),
        (np.ones(DIM, np.int64), "int64"),
        (np.ones((2, 2, DIM), np.float32), "holds no embeddings"),
        (np.array([None]), "cannot be read as an array"),
    ],
)
@pytest.mark.parametrize("command", [["enroll", "new"], ["identify"], ["verify", "v0"]])
def test_what_is_no_embedding_ends_with_3(
    bare: Path, tmp_path: Path, run: Run, command: list[str], bad: np.ndarray, why: str
) -> None:
    name, *label = command
    done = run(name, bare, *label, saved(tmp_path / "bad.npy", bad))
    assert (done.exit_code, done.stdout) == (3, "")
    assert why in done.stderr


def test_pictures_and_embeddings_do_not_mix(
    bare: Path, desk: Path, drawings: Path, tmp_path: Path, run: Run
) -> None:
    vector, picture = saved(tmp_path / "a.npy", drawn(1)[0]), drawings / "0-0.png"
    mixed = run("identify", bare, vector, picture)
    assert mixed.exit_code == 3
    assert "1 of 2 files are embeddings" in mixed.stderr
    refused = run("identify", bare, picture)
    assert refused.exit_code == 6
    assert "no model that could look at a picture" in refused.stderr
    unequal = saved(tmp_path / "b.npy", np.ones(DIM + 1, np.float32))
    assert "differ in length" in run("enroll", bare, "new", vector, unequal).stderr
    assert "do not fit" in run("identify", desk, unequal).stderr


def test_status_says_what_is_guaranteed_and_what_would_be(bare: Path, run: Run) -> None:
    document = json.loads(run("status", bare, "--json").stdout)
    assert (document["model"], document["enrolled"]) == ("vectors", 25)
    assert document["guaranteed"] == pytest.approx(2 / 26)
    said = run("status", bare).stdout
    assert "25 enrolled with 25 examples; model vectors." in said
    assert "Guaranteed from 7.69 %" in said
    assert (
        "1 % would be guaranteed by 174 more enrolled, or by 99 strangers of yours "
        "(`holotype calibrate`)." in said
    )


def test_status_draws_what_strangers_reach(bare: Path, tmp_path: Path, run: Run) -> None:
    page = tmp_path / "status.html"
    assert f"Written: {page}" in " ".join(run("status", bare, "--report", page).stdout.split("\n"))
    written = page.read_text("utf-8")
    drawing = ElementTree.fromstring(written[written.index("<svg") : written.index("</svg>") + 6])
    assert len(drawing.findall("rect[@class='own']")) > 3
    kinds = [one.get("class", "").split()[-1] for one in drawing.findall("line")]
    assert (kinds.count("guaranteed"), kinds.count("estimated")) == (2, 2)
    assert "25 enrolled, to the nearest other one" in written
    assert "v3" not in written  # no names
    document = json.loads(run("status", bare, "--report", page, "--json").stdout)
    assert document["enrolled"] == 25
    refused = run("status", bare, "--report", tmp_path / "status.txt")
    assert "does not end in .html" in refused.stderr


def test_status_names_a_pair_that_turns_the_others_away(
    bare: Path, tmp_path: Path, run: Run
) -> None:
    almost = drawn(25)[3] + 0.05 * drawn(25)[9]
    run("enroll", bare, "twin", saved(tmp_path / "twin.npy", almost))
    assert "v3 and twin are so alike" in run("status", bare).stdout


def test_status_of_nobody(desk: Path, run: Run, tmp_path: Path) -> None:
    for number in range(4):
        run("forget", desk, f"c{number}")
    said = run("status", desk).stdout
    assert "0 enrolled" in said
    assert "Nobody is enrolled, so nobody is accepted." in said
    page = tmp_path / "status.html"
    run("status", desk, "--report", page)
    assert "at least three" in page.read_text("utf-8")
