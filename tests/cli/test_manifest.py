"""enroll --manifest: a gallery from a table."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

import holotype
from hanging import HANGS_S
from holotype.gallery import existing

Run = Callable[..., Result]


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def rejected(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))[1:]


@pytest.fixture
def table(tmp_path: Path, drawings: Path) -> Path:
    return write(
        tmp_path / "people.csv",
        "label,path,tags,consent,retain_until,shoe size",
        f"Ada,{drawings}/0-0.png,staff; night,form 7,2999-12-31,38",
        f"Ada,{os.path.relpath(drawings, tmp_path)}/0-1.png,,,,38",
        f'"Bob, B.",{drawings}/1-0.png,,,,',
    )


def test_each_row_on_its_own_terms(table: Path, tmp_path: Path, pack: Path, run: Run) -> None:
    gallery = tmp_path / "new.gallery"
    done = run("enroll", gallery, "--manifest", table, "--model", pack)
    assert done.exit_code == 0, done.output
    assert "columns that mean nothing here: shoe size\n" in done.stdout
    assert done.stdout.endswith("3 rows done: 3 examples added, of 2 labels\n")
    listed = json.loads(run("list", gallery, "--json").stdout)["identities"]
    facts = [
        [one[key] for key in ("label", "examples", "tags", "consent", "retain_until")]
        for one in listed
    ]
    assert facts == [
        ["Ada", 2, ["staff", "night"], "form 7", "2999-12-31"],
        ["Bob, B.", 1, [], None, None],
    ]
    assert sorted(path.name for path in tmp_path.glob("people*")) == ["people.csv"]
    again = json.loads(run("enroll", gallery, "--manifest", table, "--json").stdout)
    assert (again["rows"], again["added"], again["already"], again["rejected"]) == (3, 0, 3, 0)


def test_rows_that_cannot_be_enrolled_are_written_down(
    tmp_path: Path, drawings: Path, pack: Path, run: Run
) -> None:
    (tmp_path / "junk.png").write_bytes(b"junk")
    lines = [
        "label,path,vector,tags,consent,retain_until",
        f"Ada,{drawings}/0-0.png,,,,",
        f",{drawings}/1-0.png,,,,",
        "Bob,,,,,",
        f'Bob,{drawings}/1-0.png,"[1, 2]",,,',
        'Bob,,"[1, 2]",,,',
        "Bob,,one,,,",
        "Bob,junk.png,,,,",
        f"Bob,{drawings}/1-0.png,,,,tomorrow",
        f"Bob,{drawings}/1-0.png,,,,2001-01-01",
        f"Bob,{drawings}/1-0.png,,{'x' * 51},,",
        f"Bob,{drawings}/1-0.png",
        f"\u200b,{drawings}/1-0.png,,,,",
        f"Cid,{drawings}/2-0.png,,,,",
    ]
    table = write(tmp_path / "people.csv", *lines)
    with table.open("ab") as file:
        file.write(f"J\xf6rg,{drawings}/3-0.png,,,,\n".encode("latin-1"))
    gallery = tmp_path / "new.gallery"
    done = run("enroll", gallery, "--manifest", table, "--model", pack)
    assert done.exit_code == 3
    assert "12 of 14 rows were left out" in done.output
    out = tmp_path / "people.csv.rejected.csv"
    assert f"named in {out}" in done.output
    assert out.stat().st_mode & 0o777 == 0o600
    found = rejected(out)
    assert [row[0] for row in found] == [f"row {n}" for n in (*range(2, 13), 14)]
    reasons = [row[2] for row in found]
    for at, part in enumerate(
        [
            *("no label", "none of them", "path and vector", "do not fit", "no list of numbers"),
            *("not a picture", "'tomorrow'", "has passed", "at most 50", "2 fields", "", "UTF-8"),
        ]
    ):
        assert part in reasons[at], reasons[at]
    assert all(row[3] for row in found)
    assert list(existing(gallery).labels()) == ["Ada", "Cid"]


def test_json_lines_and_parquet_say_the_same(
    tmp_path: Path, drawings: Path, pack: Path, run: Run
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [
        {"label": "Ada", "path": f"{drawings}/0-0.png", "tags": ["staff"], "consent": None},
        {"label": "Bob", "path": f"{drawings}/1-0.png", "tags": None, "consent": "form 7"},
    ]
    write(tmp_path / "people.jsonl", *(json.dumps(row) for row in rows), "", "{", '{"lable": "x"}')
    held = [
        {"label": row["label"], "bytes": Path(str(row["path"])).read_bytes(), "tags": row["tags"]}
        | {"consent": row["consent"]}
        for row in rows
    ]
    parquet.write_table(pyarrow.Table.from_pylist(held), tmp_path / "people.parquet")
    kept = []
    for name, left_out in (("people.jsonl", 2), ("people.parquet", 0)):
        gallery = tmp_path / f"{name}.gallery"
        done = run("enroll", gallery, "--manifest", tmp_path / name, "--model", pack)
        assert done.exit_code == (3 if left_out else 0), done.output
        with existing(gallery) as one:
            state = one.snapshot()
            kept.append((state.labels, state.vectors.tolist(), [r.tags for r in one.records()]))
    assert kept[0] == kept[1]
    reasons = [row[2] for row in rejected(tmp_path / "people.jsonl.rejected.csv")]
    assert reasons[0].startswith("it is no JSON")
    assert reasons[1] == "it has 'lable', which means nothing here"


def test_vectors_make_a_gallery_of_vectors(tmp_path: Path, run: Run) -> None:
    rows = np.eye(4)[[0, 1, 0]] + 0.01
    table = write(
        tmp_path / "people.jsonl",
        *(
            json.dumps({"label": label, "vector": row.tolist()})
            for label, row in zip("aba", rows, strict=True)
        ),
        json.dumps({"label": "c", "vector": [0, 0, 0, 0]}),
    )
    gallery = tmp_path / "new.gallery"
    done = run("enroll", gallery, "--manifest", table)
    assert done.exit_code == 3
    assert "a new gallery, of bare vectors of 4 numbers" in done.stdout
    assert "zero" in rejected(tmp_path / "people.jsonl.rejected.csv")[0][2]
    with holotype.open(gallery) as desk:
        assert desk.list() == {"a": 1, "b": 1}  # the same vector twice is one example


def test_what_is_no_manifest_says_so(tmp_path: Path, run: Run) -> None:
    gallery = tmp_path / "new.gallery"
    pytest.importorskip("pyarrow")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    for name, lines, problem in (
        ("people.txt", ["label,path"], "is not called .csv, .jsonl or .parquet"),
        ("none.csv", None, "cannot be read: No such file"),
        ("empty.csv", [], "(none)"),
        ("head.csv", ["label,path"], "has no rows"),
        ("lacks.csv", ["name,path", "Ada,a.png"], "has the columns name, path"),
        ("twice.csv", ["label,path,path", "Ada,a,b"], "two columns 'path'"),
        ("open.csv", ["label,path", 'Ada,"a.png', "Bob,b.png"], "is no CSV from line 3 on"),
        ("broken.parquet", None, "is no Parquet"),
    ):
        if lines is not None:
            write(tmp_path / name, *lines)
        done = run("enroll", gallery, "--manifest", tmp_path / name)
        assert done.exit_code == 8, done.output
        assert problem in " ".join(done.output.split()), name
        assert not gallery.exists(), name
    for wrong in (["Ada"], ["--folder", tmp_path], ["--consent", "x"], ["--strict"]):
        assert run("enroll", gallery, "--manifest", tmp_path / "head.csv", *wrong).exit_code == 2
    assert run("enroll", gallery, "Ada", "--rejected", tmp_path / "x").exit_code == 2


def test_killed_it_goes_on_where_it_was(tmp_path: Path) -> None:
    rows, dim = 3000, 8
    vectors = np.random.default_rng(0).standard_normal((rows, dim))
    lines = [json.dumps({"label": f"{n}", "vector": row.tolist()}) for n, row in enumerate(vectors)]
    lines[::100] = ["{"] * (rows // 100)
    table = write(tmp_path / "many.jsonl", *lines)
    gallery, note = tmp_path / "new.gallery", tmp_path / "many.jsonl.rejected.csv.progress"
    command = [
        *(sys.executable, "-m", "holotype", "enroll", str(gallery)),
        *("--manifest", str(table), "--json"),
    ]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + HANGS_S
    while not note.exists():
        assert killed.poll() is None
        assert time.monotonic() < until
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    done = json.loads(note.read_bytes())["rows"]
    assert 0 < done < rows
    again = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_S)
    assert again.returncode == 3, again.stderr
    said = json.loads(again.stdout)
    assert (said["skipped"], said["rows"], said["rejected"]) == (done, rows, rows // 100)
    assert [row[0] for row in rejected(tmp_path / "many.jsonl.rejected.csv")] == [
        f"row {n + 1}" for n in range(0, rows, 100)
    ]
    with existing(gallery) as one:
        state = one.snapshot()
    assert state.labels == tuple(f"{n}" for n in range(rows) if n % 100)
    assert not note.exists()


def test_another_gallery_begins_anew(tmp_path: Path, run: Run) -> None:
    table = write(
        tmp_path / "people.jsonl", *(json.dumps({"label": w, "vector": [1, ord(w)]}) for w in "abc")
    )
    note = tmp_path / "people.jsonl.rejected.csv.progress"
    facts = table.stat()
    left = {"manifest": [facts.st_size, facts.st_mtime_ns], "rows": 2, "rejected": 0, "length": 0}
    note.write_text(json.dumps({**left, "end": [2, "of another"]}))
    done = run("enroll", tmp_path / "new.gallery", "--manifest", table, "--json")
    assert json.loads(done.stdout)["skipped"] == 0
    assert list(existing(tmp_path / "new.gallery").labels()) == ["a", "b", "c"]
