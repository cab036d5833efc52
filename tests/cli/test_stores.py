"""The command line and the server over stores that are no file: the URL is all that changes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import holotype
import warm
from hanging import HANGS_S
from holotype.client import Client
from holotype.gallery import existing
from milvus import MilvusServer
from milvus import require_server as require_milvus
from postgres import PASSWORD, PostgresServer, require_server


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A new database, of a user with a password."""
    require_server()
    server = PostgresServer()
    try:
        server.execute(f"CREATE ROLE locked LOGIN PASSWORD '{PASSWORD}'")
        server.execute("CREATE DATABASE desk OWNER locked")
        password = PASSWORD.replace("@", "%40")
        yield server.url("desk", user=f"locked:{password}")
    finally:
        server.stop()


def started(folder: Path, *arguments: str) -> warm.Process:
    program, pipe = "from holotype.__main__ import main; main()", subprocess.PIPE
    return warm.Process(program, *arguments, stdout=pipe, stderr=pipe, cwd=folder)


def run(folder: Path, *arguments: str, code: int = 0) -> str:
    done = started(folder, *arguments)
    said = "".join(done.communicate(timeout=HANGS_S))
    assert done.returncode == code, said
    assert PASSWORD not in said
    assert "s3cret" not in said
    return " ".join(said.split())


@contextmanager
def served(place: str, folder: Path) -> Iterator[tuple[str, str]]:
    """A server, by its address and the key that it has shown."""
    server = started(folder, "serve", place, "--port", "0")
    try:
        assert server.stdout is not None
        address, _, key = server.stdout.readline().strip().partition("#key=")
        yield address, key
    finally:
        server.terminate()
        out, err = server.communicate(timeout=HANGS_S)
    assert PASSWORD not in out + err


def test_from_the_first_enrollment_to_a_copy(url: str, tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).standard_normal((3, 16)).astype(np.float32)
    for name, vector in zip("abc", drawn, strict=True):
        np.save(tmp_path / f"{name}.npy", vector)
    assert "a new gallery, of bare vectors of 16" in run(tmp_path, "enroll", url, "Ada", "a.npy")
    run(tmp_path, "enroll", url, "Bob", "b.npy")
    run(tmp_path, "enroll", url, "Cid", "c.npy")
    found = json.loads(run(tmp_path, "verify", url, "Ada", "a.npy", "--fmr", "0.5", "--json"))
    assert found["answer"] == "match"
    assert "Ada" in run(tmp_path, "identify", url, "b.npy", "a.npy", "--fpir", "0.6")
    assert "3 enrolled" in run(tmp_path, "status", url)
    run(tmp_path, "rename", url, "Cid", "Cyd")
    run(tmp_path, "undo", url, "--yes")
    run(tmp_path, "tag", url, "Bob", "staff")
    run(tmp_path, "forget", url, "Cid")
    assert "Intact" in run(tmp_path, "audit", url)
    assert "Sound" in run(tmp_path, "check", url)
    run(tmp_path, "backup", url, "monday.gallery")
    run(tmp_path, "export", url, "out")
    run(tmp_path, "import", "out", f"{url}?gallery=second")
    assert "compared: 2 identities" in run(tmp_path, "copy", url, "there.gallery")
    assert "compared: 2 identities" in run(
        tmp_path, "copy", "monday.gallery", f"{url}?gallery=third"
    )
    for place in ("there.gallery", f"{url}?gallery=second", f"{url}?gallery=third"):
        found = json.loads(run(tmp_path, "list", place, "--json"))["identities"]
        assert [one["label"] for one in found] == ["Ada", "Bob"]
    assert "never written over" in run(tmp_path, "copy", "there.gallery", url, code=6)
    assert "holotype copy" in run(tmp_path, "restore", "monday.gallery", url, code=6)
    wrong = url.replace(":s3cret", ":s3cret-not")
    assert "password authentication failed" in run(tmp_path, "list", wrong, code=6)


def test_a_server_serves_it(url: str, tmp_path: Path) -> None:
    place = f"{url}?gallery=served"
    with holotype.open(place, dim=16) as desk:
        desk.enroll("Ada", vectors=np.eye(16)[0])
    with served(place, tmp_path) as (address, key):
        with Client(address, key) as client:
            assert client.list() == {"Ada": 1}
        with existing(place) as other:  # another process changes it
            other.rename("Ada", "Eve")
        with Client(address, key) as client:
            assert client.list() == {"Eve": 1}
    assert sorted(os.listdir(tmp_path)) == [
        "desk-served.delivery",
        "desk-served.events",
        "desk-served.jobs",
        "desk-served.keys",
        "desk-served.webhooks",
    ]


@pytest.mark.slow
def test_a_file_with_an_index(tmp_path: Path) -> None:
    require_milvus()
    milvus = MilvusServer()
    try:
        url = milvus.url("desk", "desk.gallery").replace("//", "//ada:s3cret@")
        drawn = np.random.default_rng(0).standard_normal((3, 16)).astype(np.float32)
        for name, vector in zip("abc", drawn, strict=True):
            np.save(tmp_path / f"{name}.npy", vector)
            run(tmp_path, "enroll", url, name.upper(), f"{name}.npy")
        assert "match A" in run(tmp_path, "identify", url, "a.npy", "--fpir", "0.6")
        said = run(tmp_path, "status", url)
        assert (
            "FLAT/IP: of 3 enrolled who were looked for by what is only just accepted it missed 0"
            in said
        )
        assert "at most 0 % more are unknown" in said  # it is exact
        run(tmp_path, "forget", url, "C")
        assert "2 enrolled are in the index" in run(tmp_path, "reindex", url)
        assert "Sound" in run(tmp_path, "check", url)
        assert "has no index" in run(tmp_path, "reindex", "desk.gallery", code=6)
        assert "compared: 2 identities" in run(tmp_path, "copy", url, "there.gallery")
        with served(url, tmp_path) as (address, key):
            with Client(address, key) as client:
                assert client.list() == {"A": 1, "B": 1}
            second = run(tmp_path, "serve", url, "--port", "0", code=15)
            assert "a file has one server" in second
            assert "A" in run(tmp_path, "list", url)  # beside the server
        assert sorted(one.name for one in tmp_path.glob("desk*")) == [
            "desk.gallery",
            *(f"desk.gallery.{one}" for one in ("delivery", "events", "jobs", "keys", "serving")),
            "desk.gallery.webhooks",
        ]
    finally:
        milvus.stop()
