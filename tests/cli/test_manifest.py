"""enroll --manifest: a gallery from a table; identify --manifest: answers from one."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

import holotype
from hanging import HANGS_S, wait_for
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
    wait_for(note, killed)
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
    left = {"manifest": [facts.st_size, facts.st_mtime_ns], "rows": 2, "rejected": 0}
    note.write_text(json.dumps({**left, "end": [2, "of another"]}))
    done = run("enroll", tmp_path / "new.gallery", "--manifest", table, "--json")
    assert json.loads(done.stdout)["skipped"] == 0
    assert list(existing(tmp_path / "new.gallery").labels()) == ["a", "b", "c"]


def answers(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def desk(table: Path, tmp_path: Path, pack: Path, run: Run) -> Path:
    gallery = tmp_path / "desk.gallery"
    done = run("enroll", gallery, "--manifest", table, "--model", pack)
    assert done.exit_code == 0, done.output
    return gallery


def test_each_row_is_answered_as_by_identify(
    desk: Path, tmp_path: Path, drawings: Path, run: Run
) -> None:
    probes = [drawings / f"{character}-2.png" for character in range(4)]
    (tmp_path / "junk.png").write_bytes(b"junk")
    lines = ["path,note", *(f"{probe},x" for probe in probes), "junk.png,x", ",x"]
    table = write(tmp_path / "probes.csv", *lines)
    done = run("identify", desk, "--manifest", table, "--fpir", "0.5")
    assert done.exit_code == 3
    assert "columns that mean nothing here: note\n" in done.stdout
    assert "2 of 6 rows were left out" in done.output
    found = answers(tmp_path / "probes.csv.answers.csv")
    assert (tmp_path / "probes.csv.answers.csv").stat().st_mode & 0o777 == 0o600
    single = json.loads(run("identify", desk, *probes, "--fpir", "0.5", "--json").stdout)
    assert [row["row"] for row in found] == ["1", "2", "3", "4"]
    for row, one in zip(found, single, strict=True):
        assert row["path"] == one["image"]
        assert (row["answer"], row["label"]) == (one["answer"], one["label"] or "")
        assert row["nearest"] == one["candidates"][0]["label"]
        assert float(row["similarity"]) == pytest.approx(one["similarity"], abs=1e-5)
        assert float(row["threshold"]) == pytest.approx(one["threshold"])
        assert row["reasons"].split() == [reason["code"] for reason in one["reasons"]]
    assert run("feedback", desk, found[0]["id"], "--wrong").exit_code in (0, 2)
    bad = rejected(tmp_path / "probes.csv.rejected.csv")
    assert [row[0] for row in bad] == ["row 5", "row 6"]
    assert "not a picture" in bad[0][2]
    assert "none of them" in bad[1][2]
    assert sorted(path.name for path in tmp_path.glob("probes.csv*")) == [
        "probes.csv",
        "probes.csv.answers.csv",
        "probes.csv.rejected.csv",
    ]
    taken = run("identify", desk, "--manifest", table)
    assert taken.exit_code == 8
    assert "there are answers in" in taken.output


def test_answers_in_parquet_say_the_same(desk: Path, tmp_path: Path, run: Run) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    with holotype.open(desk) as opened:
        vectors = opened.gallery.snapshot().vectors.tolist()
    table = tmp_path / "probes.parquet"
    parquet.write_table(pyarrow.Table.from_pylist([{"vector": one} for one in vectors]), table)
    kept = []
    for ending in ("csv", "parquet"):
        out = tmp_path / f"out.{ending}"
        asked = ("--manifest", table, "--answers", out, "--json")
        said = json.loads(run("identify", desk, *asked).stdout)
        assert (said["rows"], said["rejected"], said["file"]) == (3, 0, None)
        assert out.stat().st_mode & 0o777 == 0o600
        if ending == "csv":
            kept.append(
                [[row[c] or None for c in ("row", "answer", "path")] for row in answers(out)]
            )
            numbers = [float(row["similarity"]) for row in answers(out)]
        else:
            read = parquet.read_table(out).to_pylist()
            kept.append([[str(row["row"]), row["answer"], row["path"]] for row in read])
            assert [row["similarity"] for row in read] == numbers
    assert kept[0] == kept[1]


def test_what_cannot_be_answered_says_so(desk: Path, tmp_path: Path, run: Run) -> None:
    table = write(tmp_path / "probes.csv", "path", "a.png")
    write(tmp_path / "lacks.csv", "label", "Ada")
    for name, more, code, problem in (
        ("probes.csv", ["--answers", tmp_path / "out.txt"], 8, "is not called .csv or .parquet"),
        ("lacks.csv", [], 8, "a manifest has path, vector or bytes"),
        ("probes.csv", [tmp_path / "a.png"], 2, "goes without IMAGE"),
    ):
        done = run("identify", desk, "--manifest", tmp_path / name, *more)
        assert (done.exit_code, problem in " ".join(done.output.split())) == (code, True), name
    assert run("identify", desk, table, "--answers", tmp_path / "out.csv").exit_code == 2
    assert not list(tmp_path.glob("out*"))


def test_answering_goes_on_where_it_was_killed(tmp_path: Path, run: Run) -> None:
    rows, dim = 3000, 8
    vectors = np.random.default_rng(0).standard_normal((rows, dim)).tolist()
    lines = [json.dumps({"label": f"{n}", "vector": vectors[n]}) for n in range(50)]
    gallery = tmp_path / "desk.gallery"
    assert run("enroll", gallery, "--manifest", write(tmp_path / "p.jsonl", *lines)).exit_code == 0
    lines = [json.dumps({"vector": row}) for row in vectors]
    lines[::100] = ["{"] * (rows // 100)
    table = write(tmp_path / "many.jsonl", *lines)
    out, note = tmp_path / "out.csv", tmp_path / "out.csv.progress"
    command = [
        *(sys.executable, "-m", "holotype", "identify", str(gallery), "--json"),
        *("--manifest", str(table), "--answers", str(out)),
    ]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(note, killed)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not out.exists()
    noted = note.read_bytes()
    done = json.loads(noted)["rows"]
    assert 0 < done < rows
    left = {path: path.read_bytes() for path in tmp_path.glob("*[.]part")}
    again = json.loads(run(*command[3:]).stdout)
    assert (again["skipped"], again["rows"], again["rejected"]) == (done, rows, rows // 100)
    numbers = [int(row["row"]) for row in answers(out)]
    assert numbers == [n + 1 for n in range(rows) if n % 100]
    assert [row[0] for row in rejected(tmp_path / "many.jsonl.rejected.csv")] == [
        f"row {n + 1}" for n in range(0, rows, 100)
    ]
    assert not note.exists()
    # It does not go on where something else is asked, nor where the gallery has changed.
    for more in (["--fpir", "0.2"], []):
        out.unlink()
        note.write_bytes(noted)
        for path, content in left.items():
            path.write_bytes(content)
        assert json.loads(run(*command[3:], *more).stdout)["skipped"] == 0
        assert [int(row["row"]) for row in answers(out)] == numbers
        with existing(gallery) as one:  # for the second
            one.remove(f"{len(more)}")
