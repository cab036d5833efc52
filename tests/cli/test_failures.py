"""Bad input through the command line: the documented exit code, one sentence, nothing changed."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sqlite3
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import Result

from hanging import HANGS_S
from holotype import cli, errors
from holotype.cli import failures
from holotype.extras import install
from toy_packs import make_toy_pack, toy_drawing

Run = Callable[..., Result]


def refused(result: Result, code: int) -> str:
    """The one sentence of a refusal."""
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    # Value and rule, then the remedy.
    assert re.fullmatch(r"error: .+\. .+\.", lines[0])
    assert "Traceback" not in lines[0]
    return lines[0]


def content(gallery: Path) -> tuple[bytes, list[tuple[object, ...]]]:
    with sqlite3.connect(f"file:{gallery}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT id, identity, vector FROM examples").fetchall()
    connection.close()
    return gallery.read_bytes(), rows


def _empty(path: Path) -> None:
    path.touch()


def _text(path: Path) -> None:
    path.write_text("not a picture")


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("picture.png", b"no")


def _truncated(path: Path) -> None:
    Image.fromarray(toy_drawing(0)).save(path)
    path.write_bytes(path.read_bytes()[:-60])


def _huge_header(path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )


def _animation(path: Path) -> None:
    frames = [Image.fromarray(toy_drawing(c)) for c in range(2)]
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:])


def _array(*shape: int, value: int | None = None) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        pixels = np.full(shape, 255 if value is None else value, np.uint8)
        if value is None:
            pixels[shape[0] // 2 :, shape[1] // 2 :] = 0
        Image.fromarray(pixels).save(path)

    return write


BAD_IMAGES: dict[str, Callable[[Path], object]] = {
    "empty": _empty,
    "text": _text,
    "archive": _archive,
    "truncated": _truncated,
    "too-many-megapixels": _huge_header,
    "animation": _animation,
    "side-under-8-px": _array(7, 40),
    "aspect-above-50": _array(10, 501),
    "all-white": _array(40, 40, value=255),
    "all-black": _array(40, 40, value=0),
    "missing": lambda path: None,
    "folder": Path.mkdir,
    "named-pipe": os.mkfifo,
}


@pytest.mark.parametrize("kind", BAD_IMAGES)
def test_bad_images_are_refused_and_the_gallery_stays_as_it_was(
    desk: Path, tmp_path: Path, drawings: Path, run: Run, kind: str
) -> None:
    image = tmp_path / f"{kind}.png"
    BAD_IMAGES[kind](image)
    before = content(desk)
    for arguments in (
        ("enroll", desk, "new", drawings / "5-0.png", image),
        ("identify", desk, image, "--fpir", "0.1", "--json"),
        ("verify", desk, "c0", image, "--fmr", "0.1"),
    ):
        assert image.name in refused(run(*arguments), 3)
    assert content(desk) == before


@pytest.mark.parametrize("label", ["", "  ", "x" * 201, "a\nb", "a\x00b", "a\x1b[2J", "\udc80"])
def test_bad_labels_are_refused(desk: Path, drawings: Path, run: Run, label: str) -> None:
    before = content(desk)
    refused(run("enroll", desk, label, drawings / "0-0.png"), 4)
    assert content(desk) == before


def test_labels_that_are_not_enrolled(desk: Path, drawings: Path, run: Run) -> None:
    assert "'Bob'" in refused(run("forget", desk, "Bob", "--json"), 4)
    assert "'Bob'" in refused(
        run("verify", desk, "Bob", drawings / "0-0.png", "--fmr", "0.1", "--json"), 4
    )


@pytest.mark.parametrize("rate", ["0", "1", "-0.1", "nan", "two", "150%", "0.0000001"])
def test_bad_rates(desk: Path, drawings: Path, run: Run, rate: str) -> None:
    refused(run("identify", desk, drawings / "0-0.png", f"--fpir={rate}", "--json"), 5)
    refused(run("verify", desk, "c0", drawings / "0-0.png", f"--fmr={rate}"), 5)


def test_a_rate_beyond_the_cohort_names_the_smallest(desk: Path, drawings: Path, run: Run) -> None:
    said = refused(run("identify", desk, drawings / "0-0.png", "--fpir", "0.0001"), 5)
    assert re.search(r"smallest: 0\.\d+", said)


@pytest.mark.parametrize("kind", ["missing", "text", "empty", "folder", "other-sqlite", "newer"])
def test_bad_galleries(desk: Path, tmp_path: Path, drawings: Path, run: Run, kind: str) -> None:
    gallery = tmp_path / "bad.gallery"
    if kind == "text":
        gallery.write_text("not a gallery" * 100)
    elif kind == "empty":
        gallery.touch()
    elif kind == "folder":
        gallery.mkdir()
    elif kind == "other-sqlite":
        connection = sqlite3.connect(gallery)
        connection.execute("CREATE TABLE t (x)")
        connection.close()
    elif kind == "newer":
        shutil.copy(desk, gallery)
        connection = sqlite3.connect(gallery)
        connection.execute("PRAGMA user_version = 999")
        connection.close()
    image = drawings / "0-0.png"
    for arguments in (
        ("identify", gallery, image, "--json"),
        ("verify", gallery, "c0", image),
        ("forget", gallery, "c0"),
        ("list", gallery, "--json"),
    ):
        refused(run(*arguments), 6)
    if kind == "missing":
        assert not gallery.exists()
    else:
        refused(run("enroll", gallery, "c0", image), 6)


def test_a_gallery_of_another_model_names_both(
    desk: Path, tmp_path: Path, drawings: Path, run: Run
) -> None:
    other = make_toy_pack(tmp_path / "other", seed=1)
    said = refused(run("enroll", desk, "new", drawings / "0-0.png", "--model", other), 6)
    assert len(set(re.findall(r"\b[0-9a-f]{16}\b", said))) == 2


def _no_model(pack: Path) -> None:
    (pack / "model.onnx").unlink()


def _no_card(pack: Path) -> None:
    (pack / "card.json").unlink()


def _cut_model(pack: Path) -> None:
    model = pack / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1])


def _altered_cohort(pack: Path) -> None:
    (pack / "cohort.npz").write_bytes(b"other strangers")


def _other_shapes(pack: Path) -> None:
    card = json.loads((pack / "card.json").read_text())
    card["embedding_dim"] = 9
    (pack / "card.json").write_text(json.dumps(card))


@pytest.mark.parametrize(
    "damage", [_no_model, _no_card, _cut_model, _altered_cohort, _other_shapes]
)
def test_bad_packs(
    tmp_path: Path, pack: Path, drawings: Path, run: Run, damage: Callable[[Path], None]
) -> None:
    broken = Path(shutil.copytree(pack, tmp_path / "broken"))
    damage(broken)
    gallery = tmp_path / "g"
    refused(run("enroll", gallery, "c0", drawings / "0-0.png", "--model", broken), 7)
    refused(run("pack", "show", broken, "--json"), 7)
    refused(run("evaluate", broken, "--data", "digits"), 7)
    assert not gallery.exists()


def test_bad_data_and_protocols(tmp_path: Path, pack: Path, run: Run) -> None:
    refused(run("evaluate", pack, "--data", tmp_path / "none", "--json"), 8)
    refused(run("evaluate", pack, "--data", "digits", "--n-way", 11, "--json"), 8)
    refused(run("evaluate", pack, "--data", "digits", "--protocol", "nonsense"), 8)
    refused(run("evaluate", pack, "--data", "digits", "--protocol", "lake"), 8)


def test_a_name_with_a_line_break_stays_on_one_line(desk: Path, tmp_path: Path, run: Run) -> None:
    said = refused(run("identify", desk, tmp_path / "two\nlines\x1b[2J.png", "--fpir", "0.1"), 3)
    assert "\x1b" not in said


def test_a_wrong_command_line_ends_with_2(desk: Path, run: Run) -> None:
    assert run("identify", desk).exit_code == 2
    assert run("nonsense").exit_code == 2
    assert run("evaluate", "toy", "--n-way", "many").exit_code == 2


def test_what_only_training_needs_names_the_extra(
    tmp_path: Path, holotype_process: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    for arguments in (
        ("train", "prototypical", "--data", "digits", "--out", tmp_path / "run"),
        ("export", tmp_path, "--out", tmp_path / "pack"),
    ):
        done = holotype_process(*arguments, before="sys.modules['torch'] = None")
        assert (done.returncode, done.stdout) == (10, "")
        assert done.stderr == (
            f"error: `holotype {arguments[0]}` needs torch, which is not installed. "
            f"{install('train')}.\n"
        )


def test_the_methods_are_listed_without_torch(
    holotype_process: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = holotype_process("methods", "--json", before="sys.modules['torch'] = None")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[0]["method"] == "prototypical"


def test_an_import_that_fails_for_another_reason_is_no_missing_extra() -> None:
    with pytest.raises(ModuleNotFoundError), failures.training_extra("train"):
        raise ModuleNotFoundError("no", name="holotype.train.nothing")


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (KeyboardInterrupt("saved; go on"), 130, "interrupted: saved; go on\n"),
        (errors.Terminated("saved; go on"), 143, "interrupted: saved; go on\n"),
        (
            PermissionError(13, "Permission denied", "/x/y"),
            11,
            "error: '/x/y' cannot be read or written (Permission denied). "
            "Check the path, its rights and the free space.\n",
        ),
    ],
)
def test_other_ends(
    raised: BaseException, code: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, failures.reported():
        raise raised
    assert ended.value.exit_code == code
    assert capfd.readouterr().err == said


@pytest.mark.parametrize("error", [ValueError("what\nnow"), KeyError(), MemoryError()])
def test_a_mistake_of_ours_is_no_answer(
    error: Exception, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(failures.TRACEBACK, raising=False)
    with pytest.raises(typer.Exit) as ended, failures.reported():
        raise error
    assert ended.value.exit_code == failures.BUG != failures.NO_MATCH
    said = capfd.readouterr().err
    assert re.fullmatch(rf"error: {type(error).__name__}.* is a mistake in holotype, .*\.\n", said)
    monkeypatch.setenv(failures.TRACEBACK, "1")
    with pytest.raises(typer.Exit), failures.reported():
        raise error
    assert "Traceback (most recent call last)" in capfd.readouterr().err


@pytest.mark.parametrize("end", [typer.Exit(5), typer.Abort(), typer.BadParameter("x")])
def test_how_typer_ends_a_command_is_left_to_it(end: Exception) -> None:
    with pytest.raises(type(end)), failures.reported():
        raise end


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_no_answer(desk: Path, drawings: Path, closed: str) -> None:
    for probe, code in (("1-0.png", 0), ("5-0.png", failures.NO_MATCH)):
        command = [sys.executable, "-m", "holotype", "verify", desk, "c1", drawings / probe]
        line = f"{shlex.join(map(str, command))} --fmr 0.1 {closed}"
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=HANGS_S)
        assert (done.returncode, done.stderr) == (code, "")
        assert (done.stdout == "") == (">&-" in closed.replace("2>&-", ""))


def test_a_reader_that_goes_away_is_no_error(pack: Path) -> None:
    program = "from holotype.cli import main; main()"
    child = subprocess.Popen(
        [sys.executable, "-c", program, "pack", "show", str(pack), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait() == failures.BROKEN_PIPE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device /dev/full")
def test_an_output_that_cannot_be_written_is_told_once(pack: Path) -> None:
    program = "from holotype.cli import main; main()"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program, "pack", "show", str(pack), "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=HANGS_S,
        )
    assert done.returncode == failures.FILE_SYSTEM
    assert re.fullmatch(r"error: .*No space left on device.*\n", done.stderr)


def test_every_exit_code_is_documented() -> None:
    page = Path(cli.__file__).parents[3] / "docs" / "exit-codes.md"
    documented = {
        int(code): line
        for code, line in re.findall(r"^\| (\d+) \| (.*) \|$", page.read_text(), re.M)
    }
    for kind, code in errors.EXIT_CODES.items():
        assert f"`{kind.__name__}`" in documented[code]
    assert set(documented) - set(errors.EXIT_CODES.values()) == {
        0, failures.NO_MATCH, 2, failures.FILE_SYSTEM, failures.BUG, failures.INTERRUPTED,
        failures.TERMINATED, failures.BROKEN_PIPE,
    }  # fmt: skip
