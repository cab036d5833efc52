"""calibrate, feedback, review, reembed: what they print, ask, and how they end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import Result

from holotype.cli import calibrate
from holotype.records import RateChange
from terminals import answer
from toy_packs import make_toy_pack, toy_drawing, write_drawings

Run = Callable[..., Result]
RATE = ("--fpir", "10%")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Class folders s0 to s6, three pictures each."""
    kinds = [f"s{number}" for number in range(7)]
    return write_drawings(tmp_path / "strangers", kinds, first_character=300)


def test_unlabeled_pictures_are_shown_stored_and_taken_back(
    desk: Path, folder: Path, run: Run
) -> None:
    flat = folder.parent / "aisle"
    flat.mkdir()
    for kind in range(12):
        Image.fromarray(toy_drawing(kind, 7)).save(flat / f"{kind}.png")
    dry = run("calibrate", desk, "--unlabeled", flat, "--dry-run")
    assert "12 unlabeled pictures of about" in dry.stdout
    assert dry.stdout.endswith("Nothing was stored.\n")
    done = json.loads(run("calibrate", desk, "--unlabeled", flat, "--yes", "--json").stdout)
    assert (done["pictures"], done["pictures_in_all"]) == (12, 12)
    assert run("calibrate", desk, "--remove", done["batch"]).exit_code == 0
    assert run("calibrate", desk, folder, "--unlabeled", flat, "--yes").exit_code == 2
    nothing = folder.parent / "empty"
    nothing.mkdir()
    assert run("calibrate", desk, "--unlabeled", nothing, "--yes").exit_code != 0


def test_calibrate_shows_what_changes_and_stores_it_with_yes(
    desk: Path, folder: Path, run: Run
) -> None:
    dry = run("calibrate", desk, folder, "--dry-run", "--suspects", "keep")
    assert dry.exit_code == 0
    assert "21 pictures of 7 strangers" in dry.stdout
    assert "Nothing was stored." in dry.stdout
    assert run("calibrate", desk, "--list").stdout == "No own strangers.\n"
    done = run("calibrate", desk, folder, "--yes", "--suspects", "keep", "--json")
    change = json.loads(done.stdout)
    assert (change["pictures"], change["classes"], change["counts"]) == (21, 7, True)
    assert [row["rate"] for row in change["rates"]] == [0.1, 0.01]
    (batch,) = json.loads(run("calibrate", desk, "--list", "--json").stdout)
    assert (batch["id"], batch["classes"], batch["vectors"]) == (change["batch"], 7, 21)
    (found,) = json.loads(run("identify", desk, folder / "s0" / "0.png", *RATE, "--json").stdout)
    assert found["threshold"] == pytest.approx(change["rates"][0]["after"])
    assert run("calibrate", desk, "--remove", batch["id"]).stdout == (
        "21 vectors of strangers erased.\n"
    )
    assert run("calibrate", desk, "--remove", batch["id"]).exit_code == 6


def test_nobody_is_asked_without_a_terminal(desk: Path, folder: Path, run: Run) -> None:
    for arguments in ((folder,), (folder, "--json"), (), (folder, "--list")):
        assert run("calibrate", desk, *arguments).exit_code == 2
    assert "Not a terminal" in run("calibrate", desk, folder).stderr
    assert run("calibrate", desk, "--list").stdout == "No own strangers.\n"


@pytest.mark.parametrize(("reply", "stored"), [(b"y\n", 1), (b"n\n", 0)])
def test_at_a_terminal_somebody_accepts(
    desk: Path, folder: Path, run: Run, reply: bytes, stored: int
) -> None:
    code, screen = answer(["calibrate", desk, folder, "--suspects", "keep"], reply)
    assert code == 0
    assert "Accept?" in screen
    assert len(json.loads(run("calibrate", desk, "--list", "--json").stdout)) == stored


def test_enrolled_strangers_are_refused_with_their_own_exit_code(
    desk: Path, folder: Path, drawings: Path, run: Run
) -> None:
    shutil.copytree(folder / "s0", folder / "Bob")
    for picture in (folder / "Bob").iterdir():
        shutil.copy(drawings / "2-0.png", picture)
    refused = run("calibrate", desk, folder, "--yes")
    assert refused.exit_code == 13
    assert "'Bob' (like 'c2', 1.00)" in refused.stderr
    assert "Bob may be enrolled as c2" in refused.stdout
    done = run("calibrate", desk, folder, "--yes", "--suspects", "leave-out", "--json")
    assert json.loads(done.stdout)["batch"]


def test_a_flat_folder_is_one_class_for_each_picture(
    desk: Path, folder: Path, tmp_path: Path, run: Run
) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    assert run("calibrate", desk, flat, "--yes").exit_code == 8
    for kind in range(6):
        shutil.copy(folder / f"s{kind}" / "0.png", flat / f"{kind}.png")
    done = run("calibrate", desk, flat, "--dry-run", "--suspects", "keep")
    assert "6 pictures of 6 strangers, each taken for a different one" in done.stdout
    assert run("calibrate", desk, tmp_path / "none", "--yes").exit_code == 8


def test_feedback_is_reviewed_and_undone(desk: Path, drawings: Path, run: Run) -> None:
    assert run("review", desk).stdout == "No decision was reviewed.\n"
    image = drawings / "1-1.png"
    (found,) = json.loads(run("identify", desk, image, *RATE, "--json").stdout)
    learned = run("feedback", desk, found["id"], "--correct", "--image", image, "--json")
    assert json.loads(learned.stdout)["added"] == 1
    assert run("feedback", desk, found["id"], "--wrong").exit_code == 6  # twice
    assert run("feedback", desk, found["id"], "--undo").stdout == "Undone, 1 example erased.\n"
    wrong = run("feedback", desk, found["id"], "--wrong", "--image", drawings / "2-0.png")
    assert "The picture teaches nothing: it is the same picture as example 3 of c2" in wrong.stdout
    (row,) = json.loads(run("review", desk, "--json").stdout)
    assert (row["rate"], row["accepted"], row["strangers"]) == (0.1, 1, 1)
    assert "100 %" in run("review", desk).stdout
    assert run("feedback", desk, "none", "--wrong").exit_code == 6
    for options in ((), ("--wrong", "--undo"), ("--undo", "--image", image)):
        assert run("feedback", desk, found["id"], *options).exit_code == 2


def test_a_wrong_match_is_turned_away_from_then_on(desk: Path, drawings: Path, run: Run) -> None:
    image = drawings / "2-1.png"
    (found,) = json.loads(run("identify", desk, image, "--fpir", "40%", "--json").stdout)
    assert found["answer"] == "match"
    said = run("feedback", desk, found["id"], "--wrong", "--stranger", "--image", image)
    assert "It shows a stranger" in said.stdout
    (again,) = json.loads(run("identify", desk, image, "--fpir", "40%", "--json").stdout)
    assert again["answer"] == "unknown"
    assert again["reasons"][0]["code"] == "turned_away"
    assert "feedback" in run("calibrate", desk, "--list").stdout
    undone = run("feedback", desk, found["id"], "--undo")
    assert undone.stdout == "Undone, 0 examples erased, 1 of a stranger.\n"
    (again,) = json.loads(run("identify", desk, image, "--fpir", "40%", "--json").stdout)
    assert again["answer"] == "match"


def test_the_truth_makes_an_example(desk: Path, drawings: Path, run: Run) -> None:
    asked = json.loads(run("identify", desk, drawings, "--fpir", "10%", "--json").stdout)
    found = next(one for one in asked if one["answer"] == "unknown")
    image = found["image"]
    said = run("feedback", desk, found["id"], "--wrong", "--truth", "c2", "--image", image)
    assert "The picture is an example of c2 now." in said.stdout
    (shown,) = json.loads(run("show", desk, "c2", "--json").stdout)
    assert [one["decision"] is None for one in shown["examples"]] == [True, False]
    assert "The review counts no more." in run("undo", desk, "--yes").stdout


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--wrong", "--truth", "c1"), 3, "keeps no picture"),
        (("--wrong", "--stranger"), 3, "keeps no picture"),
        (("--wrong", "--truth", "nobody", "--image"), 4, "not among the 4 enrolled"),
        (("--correct", "--truth", "c1", "--image"), 6, "contradiction"),
        (("--wrong", "--truth", "c2", "--image"), 6, "Then it was right"),
        (("--undo", "--stranger"), 2, "Give one of"),
    ],
)
def test_a_review_that_makes_no_sense(
    desk: Path, drawings: Path, run: Run, options, code: int, words: str
) -> None:
    image = drawings / "2-0.png"
    (found,) = json.loads(run("identify", desk, image, *RATE, "--json").stdout)
    before = desk.read_bytes()
    more = (image,) if options[-1] == "--image" else ()
    ended = run("feedback", desk, found["id"], *options, *more)
    assert (ended.exit_code, ended.stdout) == (code, "")
    assert words in " ".join(ended.stderr.split())
    assert desk.read_bytes() == before


def test_a_look_alike_warns_asks_or_is_refused(desk: Path, drawings: Path, run: Run) -> None:
    image = drawings / "2-0.png"
    strict = run("enroll", desk, "twin", image, "--strict")
    assert (strict.exit_code, strict.stdout) == (13, "")
    code, screen = answer(["enroll", desk, "twin", image], b"n\n")
    assert code == 13
    assert "would be taken for 'c2'" in screen
    assert "twin" not in run("list", desk).stdout
    code, screen = answer(["enroll", desk, "twin", image], b"y\n")
    assert code == 0
    warned = run("enroll", desk, "triplet", image)
    assert warned.exit_code == 0
    assert "warning: triplet would be taken for" in warned.stdout
    code, screen = answer(["enroll", desk, "fourth", image, "--yes"], b"")
    assert code == 0
    assert "?" in screen  # warned, not asked
    assert "Enroll all the same" not in screen


def test_the_share_of_strangers_moves_the_probability(desk: Path, drawings: Path, run: Run) -> None:
    image = drawings / "2-0.png"
    for command in (("identify", desk, image), ("verify", desk, "c2", image)):
        shares = [
            json.loads(run(*command, "--stranger-prior", prior, "--json", *rate).stdout)
            for prior in ("0.1", "0.9")
            for rate in [RATE if command[0] == "identify" else ("--fmr", "10%")]
        ]
        low, high = (s[0] if isinstance(s, list) else s for s in reversed(shares))
        assert low["probability"] < high["probability"]
    assert run("identify", desk, image, *RATE, "--stranger-prior", "2").exit_code == 5


def test_reembed_says_what_it_would_do_and_does_it(
    tmp_path: Path, pack: Path, drawings: Path, run: Run
) -> None:
    gallery, other = tmp_path / "g", make_toy_pack(tmp_path / "other", seed=1)
    image = drawings / "0-0.png"
    run("enroll", gallery, "a", image, "--model", pack, "--keep-pictures")
    dry = run("reembed", gallery, "--model", other, "--dry-run")
    assert dry.exit_code == 0
    assert "1 example to embed anew." in dry.stdout
    assert "Nothing was changed." in dry.stdout
    done = json.loads(run("reembed", gallery, "--model", other, "--json").stdout)
    assert (done["examples"], done["done"]) == (1, True)
    assert run("identify", gallery, image, *RATE).exit_code == 0
    run("enroll", gallery, "b", drawings / "1-0.png", "--erase-pictures")
    refused = run("reembed", gallery, "--model", pack)
    assert refused.exit_code == 6
    assert "2 examples of 'a', 'b'" in refused.stderr
    assert "a: 1" in run("reembed", gallery, "--model", pack, "--dry-run").stdout


def spoil(folder: Path) -> None:
    """Two pictures that cannot be used, of s0 and s3, beside nineteen that can."""
    (folder / "s0" / "0.png").write_text("junk")
    Image.new("L", (40, 40), 255).save(folder / "s3" / "1.png")


def test_all_unusable_strangers_are_named_at_once_or_left_out(
    desk: Path, folder: Path, run: Run
) -> None:
    spoil(folder)
    keep = ("--suspects", "keep")
    refused = run("calibrate", desk, folder, "--yes", *keep)
    assert refused.exit_code == 3
    assert refused.stderr.startswith("error: 2 of 21 pictures cannot be used: ")
    for name in ("s0/0.png", "s3/1.png", "--skip-unusable"):
        assert name in refused.stderr
    assert refused.stderr.count("\n") == 1
    dry = run("calibrate", desk, folder, "--dry-run", *keep)
    assert dry.exit_code == 0
    assert dry.stdout.count("cannot be used: ") == 2
    assert "19 pictures of 7 strangers" in dry.stdout
    assert run("calibrate", desk, "--list").stdout == "No own strangers.\n"
    done = json.loads(
        run("calibrate", desk, folder, "--yes", "--skip-unusable", *keep, "--json").stdout
    )
    assert done["pictures"] == 19
    assert [Path(one["name"].strip("'")).parent.name for one in done["unusable"]] == ["s0", "s3"]
    assert done["batch"]


@pytest.mark.parametrize(("reply", "stored"), [(b"y\n", 1), (b"n\n", 0)])
def test_at_a_terminal_somebody_accepts_without_the_unusable(
    desk: Path, folder: Path, run: Run, reply: bytes, stored: int
) -> None:
    spoil(folder)
    code, screen = answer(["calibrate", desk, folder, "--suspects", "keep"], reply)
    assert code == 0
    assert "Accept without the 2 that cannot be used?" in screen
    assert len(json.loads(run("calibrate", desk, "--list", "--json").stdout)) == stored


def test_calibrate_says_how_many_are_missing(desk: Path, folder: Path, run: Run) -> None:
    shown = run("calibrate", desk, folder, "--dry-run", "--suspects", "keep", "--json")
    for row in json.loads(shown.stdout)["rates"]:
        assert (row["missing"] == 0) == (row["known"] == "guaranteed")
        assert row["missing"] == {0.1: 2, 0.01: 92}[row["rate"]]
    row = RateChange(0.1, None, None, None, None, None, missing=5)
    said = calibrate.missing_words(row)
    assert said == "5 more people or things, and 10 % is guaranteed."
    said = calibrate.missing_words(replace(row, missing=1))
    assert said == "1 more person or thing, and 10 % is guaranteed."


def test_pictures_beside_folders_are_not_passed_over_in_silence(
    desk: Path, folder: Path, run: Run
) -> None:
    shutil.copy(folder / "s0" / "0.png", folder / "loose.png")
    refused = run("calibrate", desk, folder, "--yes")
    assert refused.exit_code == 8
    assert "1 pictures beside 7 folders (such as 's0')" in refused.stderr


def test_lint_says_what_to_mend(desk: Path, run: Run) -> None:
    said = run("lint", desk)
    assert said.exit_code == 0
    assert "each left out in turn" in said.stdout
    found = json.loads(run("lint", desk, "--json").stdout)
    assert found["pictures"] >= 1
    assert run("lint", desk, "--fpir", "2").exit_code != 0
