"""enroll, identify, verify, forget, list: what they print and how they end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]
RATE = ("--fpir", "10%")  # what a toy cohort of 40 classes can promise


def test_enroll_creates_the_gallery_and_adds_to_it(
    tmp_path: Path, pack: Path, drawings: Path, run: Run
) -> None:
    gallery = tmp_path / "new.gallery"
    first = run("enroll", gallery, "Ada", drawings / "0-0.png", "--model", pack, "--json")
    assert json.loads(first.stdout) == {
        "label": "Ada",
        "added": 1,
        "examples": 1,
        "warnings": [],
        "lookalikes": [],
    }
    # The gallery knows its model.
    second = run("enroll", gallery, "Ada", drawings / "0-1.png", drawings / "0-2.png")
    assert second.exit_code == 0
    assert second.stdout == "Ada: 2 examples added, 3 examples now\n"


def test_enroll_from_a_description_alone_says_which_packs_see_pictures(
    tmp_path: Path, pack: Path, run: Run
) -> None:
    gallery = tmp_path / "new.gallery"
    done = run("enroll", gallery, "Ada", "--text", "a countess", "--model", pack)
    assert done.exit_code == 7
    assert "text side" in done.stderr
    assert "objects" in done.stderr
    assert run("enroll", gallery, "Ada", "--model", pack).exit_code == 3  # no picture at all
    assert not gallery.exists()


def test_identify_prints_one_object_per_image_in_order(
    desk: Path, drawings: Path, run: Run
) -> None:
    images = [drawings / "2-0.png", drawings / "5-0.png"]
    done = run("identify", desk, *images, *RATE, "--json")
    assert done.exit_code == 0  # although one of them is a stranger
    known, stranger = json.loads(done.stdout)
    assert [known["image"], stranger["image"]] == [str(image) for image in images]
    assert (known["answer"], known["label"]) == ("match", "c2")
    assert known["similarity"] == pytest.approx(1, abs=1e-4)
    assert -1 < known["threshold"] < 1
    assert known["fpir"] == 0.1
    assert known["reasons"][0]["code"] == "above_threshold"
    assert 0 <= stranger["probability"] < known["probability"] <= 1
    assert known["margin"] == known["similarity"] - known["candidates"][1]["similarity"]
    assert known["candidates"][0] == {"label": "c2", "similarity": known["similarity"]}
    assert (stranger["answer"], stranger["label"]) == ("unknown", None)
    assert len(stranger["candidates"]) == 4


def test_identify_in_an_empty_gallery_answers_unknown(desk: Path, drawings: Path, run: Run) -> None:
    for character in range(4):
        assert run("forget", desk, f"c{character}").exit_code == 0
    done = run("identify", desk, drawings / "0-0.png", "--json")
    (answer,) = json.loads(done.stdout)
    assert (answer["answer"], answer["similarity"], answer["threshold"]) == ("unknown", None, None)
    assert answer["candidates"] == []
    assert run("identify", desk, drawings / "0-0.png").exit_code == 0
    assert run("list", desk).stdout == "Nobody is enrolled.\n"
    assert json.loads(run("list", desk, "--json").stdout) == []


def test_a_rate_reads_as_fraction_and_as_percent(desk: Path, drawings: Path, run: Run) -> None:
    fraction, percent = (
        json.loads(run("identify", desk, drawings / "2-1.png", "--fpir", rate, "--json").stdout)
        for rate in ("0.1", "10%")
    )
    assert fraction[0].pop("id") != percent[0].pop("id")
    assert fraction == percent


def test_verify_ends_with_0_on_a_match_and_1_on_none(desk: Path, drawings: Path, run: Run) -> None:
    match = run("verify", desk, "c1", drawings / "1-0.png", "--fmr", "0.1", "--json")
    assert match.exit_code == 0
    answer = json.loads(match.stdout)
    assert (answer["answer"], answer["label"], answer["claimed"]) == ("match", "c1", "c1")
    assert answer["fmr"] == 0.1
    none = run("verify", desk, "c1", drawings / "5-0.png", "--fmr", "0.1", "--json")
    assert none.exit_code == 1
    assert none.stderr == ""
    answer = json.loads(none.stdout)
    assert (answer["answer"], answer["label"], answer["claimed"]) == ("unknown", None, "c1")
    table = run("verify", desk, "c1", drawings / "5-0.png", "--fmr", "0.1")
    assert table.exit_code == 1
    assert "no match" in table.stdout


def test_forget_and_list(desk: Path, drawings: Path, run: Run) -> None:
    run("enroll", desk, "c3", drawings / "3-1.png")
    forgotten = run("forget", desk, "c3", "--json")
    assert json.loads(forgotten.stdout) == {"label": "c3", "removed": 2}
    listed = json.loads(run("list", desk, "--json").stdout)
    assert listed == [{"label": f"c{c}", "examples": 1} for c in range(3)]
    assert run("forget", desk, "c2").stdout == "c2: forgotten, 1 example erased\n"
    assert re.findall(r"(c\d) +(\d)", run("list", desk).stdout) == [("c0", "1"), ("c1", "1")]


@pytest.mark.parametrize(
    "label", ["x.png", "'; DROP", "<b>", "[bold]red[/]", ":smile:", "-x", "é😀"]
)
def test_labels_are_shown_as_they_are(
    tmp_path: Path, pack: Path, drawings: Path, run: Run, label: str
) -> None:
    gallery, image = tmp_path / "g", drawings / "0-0.png"
    enrolled = run("enroll", gallery, "--model", pack, "--", label, image)
    assert enrolled.stdout == f"{label}: 1 example added, 1 example now\n"
    assert json.loads(run("list", gallery, "--json").stdout)[0]["label"] == label
    assert label in run("list", gallery).stdout
    assert label in run("identify", gallery, image, *RATE).stdout
    assert label in run("verify", gallery, "--fmr", "10%", "--", label, image).stdout
    assert run("forget", gallery, "--", label).exit_code == 0


def test_file_names_cannot_move_the_cursor(
    desk: Path, tmp_path: Path, drawings: Path, run: Run
) -> None:
    image = tmp_path / "a\x1b[2J\nb\u202e.png"
    image.write_bytes((drawings / "0-0.png").read_bytes())
    table = run("identify", desk, image, *RATE)
    assert r"a\x1b[2J\nb\u202e.png" in table.stdout
    assert "\x1b" not in table.stdout
    (answer,) = json.loads(run("identify", desk, image, *RATE, "--json").stdout)
    assert answer["image"] == str(image)


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_a_narrow_terminal_hides_neither_file_nor_label(
    desk: Path, tmp_path: Path, drawings: Path, run: Run, columns: int
) -> None:
    image = tmp_path / "a-picture-with-a-rather-long-name.png"
    image.write_bytes((drawings / "0-0.png").read_bytes())
    table = run("identify", desk, image, *RATE, columns=columns)
    assert max(map(len, table.stdout.splitlines())) <= columns
    assert "…" not in table.stdout
    assert "c0" in table.stdout
    # Folded, but whole: every character of the name comes in its order.
    assert re.search(".*".join(map(re.escape, image.name)), table.stdout, re.DOTALL)


def test_a_pipe_gets_one_line_per_row(desk: Path, drawings: Path, run: Run) -> None:
    table = run("identify", desk, drawings / "0-0.png", drawings / "1-0.png", *RATE)
    assert str(drawings / "0-0.png") in table.stdout
    assert "At most 10 % of strangers are accepted." in table.stdout
    assert "\x1b" not in table.stdout
