"""Several processes at once, and the end of one of them."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

from hanging import HANGS_S
from holotype.gallery import SqliteGallery

BENCH = Path(__file__).parents[2] / "benchmarks"


def test_no_kill_loses_what_was_acknowledged(tmp_path: Path) -> None:
    ended = subprocess.run(
        [
            *(sys.executable, str(BENCH / "gallery_kill.py"), "--rounds", "12", "--seconds", "0.6"),
            *("--out", str(tmp_path / "kill.json")),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=HANGS_S,
    )
    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout.splitlines()[0])
    assert result["kills"] == 12
    assert result["lost"] == 0
    assert not result["reader_failed"]
    assert result["acknowledged"] >= 12
    assert result["audit_lines"] > result["acknowledged"]
    assert result["states_seen"] > 0


def test_no_accident_to_the_file_loses_or_damages_what_lies_there(tmp_path: Path) -> None:
    ended = subprocess.run(
        [
            *(sys.executable, str(BENCH / "gallery_moves.py"), "--rounds", "8"),
            *("--out", str(tmp_path / "moves.json")),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=HANGS_S,
    )
    # The script ends itself where something was lost, or damaged, or seen by no reader.
    assert "Traceback" not in ended.stderr
    result = json.loads(ended.stdout)
    assert set(result["happened"].values()) == {1}
    assert result["acknowledged"] >= 8
    assert result["readers_failed"] == 0
    assert result["reads"] > 0


RACER = """
    import sys
    import numpy as np
    from holotype.gallery import SqliteGallery

    folder, name = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(10):
        with SqliteGallery.open(f"{folder}/{number}", "m", 4, model_name="m") as gallery:
            gallery.add(name, np.eye(4)[:1])
            gallery.add("shared", np.eye(4)["abc".index(name)][None])
"""


def test_processes_that_create_one_gallery_share_it(tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(RACER), str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    for racer in racers:
        racer.communicate(timeout=HANGS_S)
        assert racer.returncode == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == [str(n) for n in range(10)]
    for number in range(10):
        with SqliteGallery.open(tmp_path / str(number), "m", 4, model_name="m") as gallery:
            assert gallery.labels().items() == {**dict.fromkeys(names, 1), "shared": 3}.items()
