"""Manifests done by the workers of a real Ray cluster, which die of it."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import holotype
from hanging import HANGS_S, wait_for
from holotype.errors import MissingExtraError, ProviderError
from holotype.gallery import existing
from holotype.recognizer.cluster import Workers, workers_at
from ray_cluster import RayCluster, require_ray
from toy_packs import toy_drawing
from toy_texts import make_toy_texts

LABELS, PARTS = 900, 4  # of 256 rows


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    require_ray()
    found = RayCluster()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of some hundred people, four of whom cannot be enrolled."""
    folder = tmp_path_factory.mktemp("people")
    lines = ["label,path"]
    for number in range(LABELS):
        Image.fromarray(toy_drawing(number)).save(folder / f"{number}.png")
        lines.append(f"l{number},{number}.png")
    (folder / "junk.png").write_bytes(b"junk")
    lines[5:5] = ["Ada,junk.png", "Ada,none.png", "Ada,", f"Ada,{folder}"]
    table = folder / "people.csv"
    table.write_text("\n".join(lines))
    return table


def started(*arguments: object, cluster: RayCluster | None = None) -> subprocess.Popen[str]:
    """A command in a process of its own, on a cluster or without one."""
    more = ["--ray", cluster.address] if cluster else []
    return subprocess.Popen(
        [sys.executable, "-m", "holotype", *map(str, arguments), "--json", *more],
        env=cluster.environment if cluster else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    said, complained = process.communicate(timeout=HANGS_S)
    return process.returncode, said, complained


def done(*arguments: object, cluster: RayCluster | None = None) -> tuple[int, str, str]:
    return ended(started(*arguments, cluster=cluster))


def rows_of(path: Path) -> list[list[str]]:
    """Without the ids of the decisions, which are never the same."""
    with path.open(newline="") as file:
        found = list(csv.reader(file))
    return [row[:-1] if found[0][-1] == "id" else row for row in found]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, people: Path, pack: Path) -> Path:
    """A folder with what comes out of one process."""
    folder = tmp_path_factory.mktemp("alone")
    asked = ("--manifest", people, "--rejected", folder / "rejected.csv")
    code, _, said = done("enroll", folder / "a.gallery", *asked, "--model", pack)
    assert code == 3, said
    answers = ("--fpir", "0.1", "--answers", folder / "answers.csv")
    code, _, said = done("identify", folder / "a.gallery", *asked, *answers)
    assert code == 3, said
    return folder


def test_a_worker_dies_and_nothing_is_lost_or_doubled(
    cluster: RayCluster, people: Path, pack: Path, alone: Path, tmp_path: Path
) -> None:
    asked = ("--manifest", people, "--rejected", tmp_path / "rejected.csv")
    made = ("enroll", tmp_path / "a.gallery", *asked, "--model", pack)
    enrolling = started(*made, cluster=cluster)
    cluster.kill_worker(enrolling)
    code, said, complained = ended(enrolling)
    assert code == 3, complained
    assert "A worker died or was killed" in complained
    assert complained.splitlines()[-1].startswith("error: 4 of 904 rows were left out")
    assert json.loads(said)["added"] == LABELS
    with existing(alone / "a.gallery") as one, existing(tmp_path / "a.gallery") as other:
        was, now = one.snapshot(), other.snapshot()
        enrolled = [entry for entry in other.audit() if entry.action == "enroll"]
    assert len(enrolled) == LABELS
    assert now.labels == was.labels
    np.testing.assert_array_equal(now.vectors, was.vectors)
    np.testing.assert_array_equal(now.owner, was.owner)

    answers = ("--fpir", "0.1", "--answers", tmp_path / "answers.csv")
    identifying = started("identify", alone / "a.gallery", *asked, *answers, cluster=cluster)
    cluster.kill_worker(identifying)
    code, said, complained = ended(identifying)
    assert code == 3, complained
    assert json.loads(said)["rows"] == LABELS + 4
    assert rows_of(tmp_path / "answers.csv") == rows_of(alone / "answers.csv")
    assert rows_of(tmp_path / "rejected.csv") == rows_of(alone / "rejected.csv")


@pytest.mark.slow
def test_killed_itself_it_goes_on_where_it_was(
    cluster: RayCluster, people: Path, alone: Path, tmp_path: Path
) -> None:
    out, note = tmp_path / "answers.csv", tmp_path / "answers.csv.progress"
    command = (
        *("identify", alone / "a.gallery", "--manifest", people, "--fpir", "0.1"),
        *("--rejected", tmp_path / "rejected.csv", "--answers", out),
    )
    killed = started(*command, cluster=cluster)
    wait_for(note, killed)
    killed.send_signal(signal.SIGKILL)
    ended(killed)
    before = json.loads(note.read_bytes())["rows"]
    code, said, complained = done(*command, cluster=cluster)
    assert code == 3, complained
    assert json.loads(said)["skipped"] == before > 0
    assert rows_of(out) == rows_of(alone / "answers.csv")


@pytest.mark.slow
def test_what_a_worker_lacks_is_said(
    cluster: RayCluster, people: Path, alone: Path, tmp_path: Path
) -> None:
    texts = tmp_path / "texts.csv"
    (tmp_path / "a.txt").write_text("please cancel my order")
    texts.write_text("label,path\ncancel,a.txt\n")
    words = ("--manifest", texts, "--model", make_toy_texts(tmp_path / "texts"))
    drawn = ("--manifest", people, "--rejected", tmp_path / "rejected.csv")
    for lacking, gallery, asked, code, problem in (
        ("tokenizers", tmp_path / "t.gallery", words, 10, "on the worker at 127.0.0.1"),
        ("holotype", tmp_path / "t.gallery", words, 14, "No module named 'holotype"),
        ("holotype", alone / "a.gallery", drawn, 14, "on each machine of the cluster"),
    ):
        cluster.lack(lacking)
        try:
            found, _, said = done("enroll", gallery, *asked, cluster=cluster)
        finally:
            cluster.lack()
        assert found == code, said
        assert problem in said, said
    assert done("enroll", tmp_path / "t.gallery", *words, cluster=cluster)[0] == 0


DEADLY = """
import os, sys
import holotype
from holotype.errors import ProviderError
from holotype.recognizer.cluster import workers_at

gallery, address = sys.argv[1:]
with holotype.open(gallery) as recognizer, workers_at(address) as workers:
    try:
        workers.ready(recognizer)(lambda recognizer, sources: os._exit(1), []).result()
    except ProviderError as error:
        print(error, file=sys.stderr)
"""


@pytest.mark.slow
def test_what_kills_every_worker_ends_it(cluster: RayCluster, alone: Path) -> None:
    command = [sys.executable, "-c", DEADLY, str(alone / "a.gallery"), cluster.address]
    ended = subprocess.run(
        command, env=cluster.environment, capture_output=True, text=True, timeout=HANGS_S
    )
    assert "4 workers died of the same rows" in ended.stderr


@pytest.mark.slow
def test_workers_of_its_own_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_ray()
    rng = np.random.default_rng(0)
    table = tmp_path / "vectors.jsonl"
    table.write_text(
        "".join(
            json.dumps({"label": f"{n}", "vector": row.tolist()}) + "\n"
            for n, row in enumerate(rng.standard_normal((300, 8)))
        )
    )
    gallery = tmp_path / "new.gallery"
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    code, said, complained = done("enroll", gallery, "--manifest", table, "--ray", "local")
    assert (code, complained) == (0, "")
    assert not list(home.iterdir())  # nor a token that opens other clusters
    assert json.loads(said)["added"] == 300
    with existing(gallery) as one:
        assert one.snapshot().labels == tuple(f"{n}" for n in range(300))


def test_where_no_cluster_is_it_says_so() -> None:
    require_ray()
    for address, problem in (
        ("127.0.0.1:1", "refused"),
        ("head", "is no address of a Ray cluster"),
        ("ray://127.0.0.1:1", "is no address of a Ray cluster"),
        ("127.0.0.1:port", "is no address of a Ray cluster"),
        ("127.0.0.1:70000", "no Ray cluster can be joined"),
    ):
        with pytest.raises(ProviderError, match=problem), workers_at(address):
            pass
    with workers_at(None) as nobody:
        assert nobody is None


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    said = r"need ray, which is not installed.*\[ray\]"
    with pytest.raises(MissingExtraError, match=said), workers_at("local"):
        pass


def test_a_model_on_another_processor_stays_here(
    desk: holotype.Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_ray()
    monkeypatch.setattr(desk.embedder, "providers", ("cuda", "cpu"))
    with pytest.raises(ProviderError, match="runs on cuda,cpu here"):
        Workers(2).ready(desk)
