"""rename, merge, move, undo, forget --example and show: what they say first, ask, and change."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import Result

import holotype
from holotype.cli import watch
from holotype.gallery import SqliteGallery
from holotype.watching.events import Seen
from terminals import answer

Run = Callable[..., Result]


def labels(desk: Path) -> list[str]:
    with SqliteGallery.existing(desk) as gallery:
        return list(gallery.labels())


def test_rename_says_what_it_does_and_undo_takes_it_back(desk: Path, run: Run) -> None:
    dry = run("rename", desk, "c0", "Ada", "--dry-run")
    assert dry.stdout == "c0, with 1 example, is called Ada then.\nNothing was changed.\n"
    done = run("rename", desk, "c0", "Ada")
    assert done.stdout.endswith("Done; `holotype undo` takes it back.\n")
    assert labels(desk) == ["Ada", "c1", "c2", "c3"]
    dry = run("undo", desk, "--dry-run")
    assert "Takes back: rename by " in dry.stdout
    assert "Ada is called c0 again.\nNothing was changed.\n" in dry.stdout
    assert run("undo", desk, "--yes").stdout.endswith("Undone.\n")
    assert labels(desk) == ["c0", "c1", "c2", "c3"]


def test_merge_and_move(desk: Path, run: Run) -> None:
    merged = json.loads(run("merge", desk, "c1", "c0", "--json").stdout)
    assert (merged["examples"], merged["total"], merged["done"]) == (1, 2, True)
    said = run("move", desk, 2, "Dee")
    assert said.stdout.splitlines() == [
        "1 example of c0 goes to Dee.",
        "Dee, who is new, has 1 example then.",
        "c0 keeps 1 example.",
        "Done; `holotype undo` takes it back.",
    ]
    said = run("merge", desk, "Dee", "c2", "--dry-run").stdout
    assert "Dee is c2: 1 example of Dee goes to c2." in said
    assert "Dee is no longer enrolled." in said
    undone = json.loads(run("undo", desk, "--yes", "--json").stdout)
    assert (undone["action"], undone["gone"], undone["done"]) == ("move", ["Dee"], True)
    assert datetime.fromisoformat(undone["at"]).tzinfo is not None
    assert run("undo", desk, "--yes").exit_code == 0
    assert labels(desk) == ["c0", "c1", "c2", "c3"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("rename", "c0", "c1"), 4, "use merge"),
        (("rename", "c0", ""), 4, "visible"),
        (("rename", "nobody", "x"), 4, "not enrolled"),
        (("merge", "c0", "c0"), 4, "merged with itself"),
        (("merge", "c0", "nobody"), 4, "not enrolled"),
        (("move", "99", "c0"), 6, "no example 99"),
        (("move", "1", "c0"), 4, "already"),
        (("move", "one", "c0"), 2, "integer"),
        (("undo",), 2, "Not a terminal"),
        (("undo", "--json"), 2, "Not a terminal"),
        (("forget",), 2, "one of LABEL and --example"),
        (("forget", "c0", "--example", "1"), 2, "one of LABEL and --example"),
        (("forget", "--example", "99"), 6, "no example 99"),
        (("forget", "--example", "99", "--dry-run"), 6, "no example 99"),
        (("forget", "nobody", "--dry-run"), 4, "not enrolled"),
    ],
)
def test_what_is_refused(desk: Path, run: Run, arguments, code: int, words: str) -> None:
    before = desk.read_bytes()
    name, *rest = arguments
    ended = run(name, desk, *rest)
    assert (ended.exit_code, ended.stdout) == (code, "")
    assert words in " ".join(ended.stderr.split())
    assert desk.read_bytes() == before


@pytest.mark.parametrize(("reply", "label"), [(b"y\n", "Ada"), (b"n\n", "c0")])
def test_at_a_terminal_it_asks(desk: Path, reply: bytes, label: str) -> None:
    code, screen = answer(["rename", desk, "c0", "Ada"], reply)
    assert code == 0
    assert "Do it?" in screen
    assert labels(desk)[0] == label
    code, screen = answer(["undo", desk], reply)
    assert code == 0
    assert "Undo it?" in screen


def test_an_erasure_is_final_and_undo_says_so(desk: Path, run: Run) -> None:
    run("rename", desk, "c1", "Bea")
    dry = run("forget", desk, "c0", "--dry-run")
    assert "c0: 1 example would be erased, 0 with a picture." in dry.stdout
    assert run("forget", desk, "c0").stdout == "c0: forgotten, 1 example erased\n"
    said = run("undo", desk, "--dry-run").stdout
    assert "Bea is called c1 again." in said
    assert "Done since, and cannot be undone: forget (line 7)." in said
    for _ in range(4):
        assert run("undo", desk, "--yes").exit_code == 0
    ended = run("undo", desk, "--yes")
    assert ended.exit_code == 6
    assert "nothing can be undone: forget (line 7 of the audit trail) was an erasure" in (
        " ".join(ended.stderr.split())
    )
    assert labels(desk) == []


def test_one_example_is_forgotten(desk: Path, drawings: Path, run: Run) -> None:
    run("enroll", desk, "c0", drawings / "0-1.png")
    assert run("forget", desk, "--example", 1).stdout == "example 1 of c0 erased\n"
    (shown,) = json.loads(run("show", desk, "c0", "--json").stdout)
    assert [one["id"] for one in shown["examples"]] == [5]


def test_show_lists_examples(desk: Path, drawings: Path, run: Run, tmp_path: Path) -> None:
    run("enroll", desk, "c0", drawings / "0-1.png", "--keep-pictures", "--consent", "form <7>")
    rows = run("show", desk).stdout
    assert "example" in rows
    assert "kept" in rows
    shown = json.loads(run("show", desk, "--json").stdout)
    assert [one["label"] for one in shown] == ["c0", "c1", "c2", "c3"]
    assert [one["picture"] for one in shown[0]["examples"]] == [False, True]
    assert run("show", "gallery", desk, "c0", "--json").exit_code == 0  # in full
    page = tmp_path / "out.html"
    said = run("show", desk, "c0", "--report", page)
    assert said.stdout.endswith(f"Written: {page}\n")
    text = page.read_text()
    assert "consent: form &lt;7&gt;" in text
    assert text.count("data:image/png;base64,") == 1
    assert text.count("no picture") == 1
    assert "c1" not in text
    assert run("show", desk, "nobody").exit_code == 4
    assert run("show", desk, "--report", tmp_path / "out.txt").exit_code == 8
    assert run("show", tmp_path / "none").exit_code == 6


def test_show_without_anything_shows_what_it_can(run: Run) -> None:
    said = run("show")
    assert said.exit_code == 0
    assert "memory" in said.stdout


def test_tags_metadata_and_quiet(desk: Path, drawings: Path, run: Run) -> None:
    said = run("tag", desk, "c0", "staff", "night", "--metadata", '{"room": 4}', "--quiet")
    assert said.stdout.splitlines() == [
        "c0: tagged staff, night.",
        'c0: {"room": 4}',
        "c0: known, and not announced.",
    ]
    run("enroll", desk, "c4", drawings / "4-0.png", "--tag", "staff")
    shown = json.loads(run("show", desk, "c4", "--json").stdout)
    assert shown[0]["tags"] == ["staff"]
    probe = drawings / "0-0.png"
    (found,) = json.loads(run("identify", desk, probe, "--tag", "staff", "--json").stdout)
    assert (found["tag"], found["basis"]["enrolled"]) == ("staff", 2)
    assert found["candidates"][0]["example"] == 1
    said = run("identify", desk, probe, "--tag", "staff", "--fpir", "90%")
    assert said.exit_code == 0
    assert "match, quiet" in said.stdout
    assert "Compared with the 2 alone who are tagged staff; the threshold is that of" in said.stdout
    assert "match, quiet" in run("verify", desk, "c0", probe, "--fmr", "90%").stdout
    assert run("tag", desk, "c0", "--remove", "night", "--announce").exit_code == 0
    listed = json.loads(run("list", desk, "--json").stdout)["identities"]
    assert (listed[0]["tags"], listed[0]["quiet"]) == (["staff"], False)
    assert run("tag", desk, "c0", "--metadata", "{}", "--remove", "staff").stdout == (
        "c0: nothing noted.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("c0",), 2, "Give tags"),
        (("nobody", "staff"), 4, "not enrolled"),
        (("c0", "--remove", "staff"), 4, "has no tag 'staff'"),
        (("c0", "x" * 51), 4, "at most 50 characters"),
        (("c0", "--metadata", "[1]"), 6, "JSON object"),
        (("c0", "--metadata", "null"), 6, "JSON object"),
        (("c0", "--metadata", "0"), 6, "JSON object"),
        (("c0", "--metadata", "{room: 4}"), 6, "JSON object"),
        (("c0", "--metadata", "[" * 10_000), 6, "JSON object"),
        (("c0", "--metadata", json.dumps({"a": "x" * 17_000})), 6, "at most 16384 bytes"),
    ],
)
def test_what_cannot_be_noted(desk: Path, run: Run, arguments, code: int, words: str) -> None:
    before = desk.read_bytes()
    ended = run("tag", desk, *arguments)
    assert (ended.exit_code, ended.stdout) == (code, "")
    assert words in ended.stderr
    assert desk.read_bytes() == before


def test_a_tag_that_nobody_has(desk: Path, drawings: Path, run: Run) -> None:
    ended = run("identify", desk, drawings / "0-0.png", "--tag", "staff")
    assert (ended.exit_code, ended.stdout) == (4, "")
    assert "nobody who is enrolled has the tag 'staff'" in ended.stderr


def test_a_watch_says_nothing_of_the_quiet(desk: Path, drawings: Path, capsys) -> None:
    with holotype.open(desk) as recognizer:
        recognizer.gallery.describe("c0", quiet=True)
        for probe, said in (("0-0.png", False), ("1-0.png", True)):
            decision = recognizer.identify(drawings / probe, "90%")
            assert decision.answer == "match"
            watch._tell(Seen("door.png", 0.0, 1, decision))
            assert bool(capsys.readouterr().out) is said
