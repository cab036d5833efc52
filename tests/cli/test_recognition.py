"""enroll, identify, verify, forget, list: what they print and how they end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from holotype.errors import EXIT_CODES, DataError, VectorError

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


def test_enroll_of_nothing_leaves_no_gallery(tmp_path: Path, pack: Path, run: Run) -> None:
    gallery = tmp_path / "new.gallery"
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
    best = {"label": "c2", "similarity": known["similarity"], "example": 3}
    assert known["candidates"][0] == best
    assert (stranger["answer"], stranger["label"]) == ("unknown", None)
    assert len(stranger["candidates"]) == 4


def test_identify_with_confidence_is_stricter_and_said(
    desk: Path, drawings: Path, run: Run
) -> None:
    asked = ("identify", desk, drawings / "2-0.png", "--fpir", "50%")
    (plain,) = json.loads(run(*asked, "--json").stdout)
    (sure,) = json.loads(run(*asked, "--confidence", "0.8", "--json").stdout)
    assert (plain["confidence"], sure["confidence"]) == (None, 0.8)
    assert sure["threshold"] > plain["threshold"]
    said = " ".join(run(*asked, "--confidence", "0.8").stdout.split())
    assert "In 80 % of galleries like this at most 50 % of strangers accepted: estimated" in said
    claim = ("verify", desk, "c2", drawings / "2-0.png", "--fmr", "50%", "--confidence", "0.8")
    said = " ".join(run(*claim).stdout.split())
    assert "In 80 % of galleries like this at most 50 % of impostors accepted: estimated" in said


def test_identify_in_an_empty_gallery_answers_unknown(desk: Path, drawings: Path, run: Run) -> None:
    for character in range(4):
        assert run("forget", desk, f"c{character}").exit_code == 0
    done = run("identify", desk, drawings / "0-0.png", "--json")
    (answer,) = json.loads(done.stdout)
    assert (answer["answer"], answer["similarity"], answer["threshold"]) == ("unknown", None, None)
    assert answer["candidates"] == []
    assert run("identify", desk, drawings / "0-0.png").exit_code == 0
    assert run("list", desk).stdout.startswith("Nobody is enrolled.\n")
    assert json.loads(run("list", desk, "--json").stdout)["identities"] == []


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
    listed = json.loads(run("list", desk, "--json").stdout)["identities"]
    assert [(one["label"], one["examples"]) for one in listed] == [(f"c{c}", 1) for c in range(3)]
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
    new, added = enrolled.stdout.splitlines()
    assert new == f"{gallery}: a new gallery, bound to the model {pack}."
    assert added == f"{label}: 1 example added, 1 example now"
    assert json.loads(run("list", gallery, "--json").stdout)["identities"][0]["label"] == label
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
    printed = iter(table.stdout)
    assert all(character in printed for character in image.name)


def test_a_pipe_gets_one_line_per_row(desk: Path, drawings: Path, run: Run) -> None:
    table = run("identify", desk, drawings / "0-0.png", drawings / "1-0.png", *RATE)
    assert str(drawings / "0-0.png") in table.stdout
    assert "10 % of strangers accepted: estimated, by 40 classes of toy" in table.stdout
    assert "not for forgers" in table.stdout
    assert "At most" not in table.stdout
    assert "\x1b" not in table.stdout


def test_list_shows_model_consent_and_retention(
    desk: Path, pack: Path, drawings: Path, run: Run
) -> None:
    terms = ("--consent", "form 7", "--retain-until", "2999-12-31")
    run("enroll", desk, "Ada", drawings / "4-0.png", *terms)
    found = json.loads(run("list", desk, "--json").stdout)
    assert found["model"] == str(pack)
    assert re.fullmatch("[0-9a-f]{16}", found["model_id"])
    assert found["identities"][-1] == {
        "label": "Ada",
        "examples": 1,
        "pictures": 0,
        "tags": [],
        "quiet": False,
        "consent": "form 7",
        "retain_until": "2999-12-31",
    }
    assert found["identities"][0]["consent"] is None
    table = run("list", desk).stdout
    assert re.search(r"Ada +1 +form 7 +2999-12-31", table)
    assert re.search(r"c0 +1 +none noted +no end", table)
    assert found["model_id"] in table


def test_a_stranger_is_shown_with_the_nearest_and_with_another_one(
    desk: Path, drawings: Path, run: Run
) -> None:
    image = drawings / "5-0.png"
    (found,) = json.loads(run("identify", desk, image, *RATE, "--json").stdout)
    nearest, other = found["candidates"][:2]
    table = run("identify", desk, image, *RATE, "--stranger-prior", "0.25").stdout
    row = next(line for line in table.splitlines() if str(image) in line)
    assert re.search(
        rf"unknown +{nearest['label']} {nearest['similarity']:.3f} +"
        rf"{other['label']} {other['similarity']:.3f} +[\d.e-]+ %",
        row,
    )
    assert nearest["label"] != other["label"]
    assert "that the nearest is right, if 25 % of the pictures show strangers" in table
    assert f"Accepted from a similarity of {found['threshold']:.3f}." in table


def test_one_bad_picture_among_many_takes_no_answer_from_the_others(
    desk: Path, tmp_path: Path, drawings: Path, run: Run
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("junk")
    images = [drawings / "0-0.png", bad, drawings / "1-0.png"]
    for options in (("--json",), ("--json", "--all-faces")):
        done = run("identify", desk, *images, *RATE, *options)
        assert done.exit_code == 3
        rows = json.loads(done.stdout)
        assert [row["answer"] for row in rows] == ["match", "cannot_tell", "match"]
        assert [reason["code"] for reason in rows[1]["reasons"]] == ["unreadable"]
        assert "not a picture" in rows[1]["reasons"][0]["text"]
        assert rows[1]["candidates"] == []
        assert done.stderr == (
            "error: 1 of 3 pictures cannot be read or hold nothing. "
            "The reasons are given with the answers.\n"
        )
    table = run("identify", desk, *images, *RATE)
    assert table.exit_code == 3
    assert f"{bad}: this is not a picture" in table.stdout
    assert re.search("c1 1.000", table.stdout)


def test_identify_writes_a_page_of_its_answers(
    desk: Path, tmp_path: Path, drawings: Path, run: Run
) -> None:
    bad, page = tmp_path / "bad.png", tmp_path / "out.html"
    bad.write_text("junk")
    images = [drawings / "2-0.png", drawings / "5-0.png"]
    done = run("identify", desk, *images, *RATE, "--report", page)
    assert done.exit_code == 0
    assert f"Written: {page}" in done.stdout.replace("\n", "")
    html = page.read_text(encoding="utf-8")
    assert "<h1>1 match, 1 unknown.</h1>" in html
    assert "desk.gallery" in html
    # One that cannot be read has its card too, and the exit code that it has without a page.
    for options in (("--json",), ("--json", "--all-faces")):
        done = run("identify", desk, *images, bad, *RATE, "--report", page, *options)
        assert done.exit_code == 3
        assert len(json.loads(done.stdout)) == 3
        html = page.read_text(encoding="utf-8")
        assert "<h1>1 match, 1 unknown, 1 cannot tell.</h1>" in html


def test_a_page_of_answers_needs_pictures_and_a_name_that_opens(
    desk: Path, tmp_path: Path, drawings: Path, run: Run
) -> None:
    np.save(tmp_path / "probe.npy", np.ones(4, np.float32))
    page = tmp_path / "out.html"
    done = run("identify", desk, tmp_path / "probe.npy", "--report", page)
    assert done.exit_code == EXIT_CODES[VectorError]
    assert "a report shows pictures, and these are embeddings" in done.stderr
    done = run("identify", desk, drawings / "0-0.png", "--report", tmp_path / "out.txt")
    assert done.exit_code == EXIT_CODES[DataError]
    assert "does not end in .html" in done.stderr
    missing = run("identify", desk, drawings / "0-0.png", "--report", tmp_path / "no" / "out.html")
    assert missing.exit_code != 0
    assert not page.exists()


def test_a_folder_is_its_pictures_by_name_and_says_what_it_passed_over(
    desk: Path, tmp_path: Path, drawings: Path, run: Run
) -> None:
    folder = tmp_path / "probes"
    (folder / "older.png").mkdir(parents=True)
    for name in ("b.PNG", "a.png", ".hidden.png"):
        (folder / name).write_bytes((drawings / "0-0.png").read_bytes())
    (folder / "notes.txt").touch()
    (folder / "older.png" / "c.png").touch()
    done = run("identify", desk, folder, drawings / "1-0.png", *RATE, "--json")
    assert done.exit_code == 0
    images = [Path(row["image"]).name for row in json.loads(done.stdout)]
    assert images == ["a.png", "b.PNG", "1-0.png"]
    said = "2 files passed over: 1 not pictures (.txt), 1 in subfolders.\n"
    assert done.stderr == said
    assert said in run("identify", desk, folder, *RATE).stdout
    # A folder is a list, also of one picture that cannot be read.
    for path in folder.glob("*.*"):
        if path.is_file():
            path.unlink()
    (folder / "bad.jpg").touch()
    done = run("identify", desk, folder, *RATE, "--json")
    assert done.exit_code == 3
    assert [row["answer"] for row in json.loads(done.stdout)] == ["cannot_tell"]


def test_two_pictures_are_compared_without_a_gallery(
    tmp_path: Path, pack: Path, drawings: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = ("--model", pack, "--fmr", "10%")
    first, again, other = (drawings / name for name in ("0-0.png", "0-0.png", "5-0.png"))
    done = run("same", first, again, *asked, "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert (found["first"], found["second"]) == (str(first), str(again))
    assert (found["answer"], found["fmr"]) == ("match", 0.1)
    assert found["similarity"] == pytest.approx(1, abs=1e-4)
    assert not {"id", "label", "candidates"} & found.keys()
    assert run("same", first, other, *asked, "--json").exit_code == 1
    assert "not the same" in run("same", first, other, *asked).stdout
    assert "10 % of different pairs accepted: estimated" in run("same", first, other, *asked).stdout
    for pair in ((first, tmp_path / "none.png"), (tmp_path / "none.png", first)):
        refused = run("same", *pair, *asked)
        assert (refused.exit_code, refused.stdout) == (3, "")
        assert "none.png" in refused.stderr
    assert run("same", first, again, "--model", pack, "--fmr", "0").exit_code == 5
    assert run("same", first, again, "--model", tmp_path / "none").exit_code == 7
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


def test_a_usual_row_is_a_table_at_80_columns_and_stays_readable_below(
    desk: Path, tmp_path: Path, drawings: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image = Path("drawings/Angelic-character01/02.png")
    image.parent.mkdir(parents=True)
    image.write_bytes((drawings / "0-0.png").read_bytes())
    wide = run("identify", desk, image, *RATE, columns=80).stdout
    assert re.search("image +answer +nearest +closest other +probability", wide)
    assert re.search(r"match +c0 1\.000 +c\d -?0\.\d+ +[\d.]+ %", wide)
    narrow = run("identify", desk, image, *RATE, columns=60).stdout
    assert re.search(rf"^image +{image} *$", narrow, re.M)
    assert re.search(r"^nearest +c0 1\.000 *$", narrow, re.M)
    for text, columns in ((wide, 80), (narrow, 60)):
        assert max(map(len, text.splitlines())) <= columns
