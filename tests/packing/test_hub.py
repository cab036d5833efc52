"""Packs are sent and fetched as they are; what was altered on the way is not kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from holotype.errors import MissingExtraError, PackError
from holotype.pack import load_pack
from holotype.packing import hub
from holotype.packing.hub import pull_pack, push_pack
from packing.hub_server import Hub, running
from toy_packs import make_toy_pack

PLACE = "hf:somebody/toy"
FILES = ["README.md", "card.json", "cohort.npz", "model.onnx"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with running() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("HF_TOKEN", "a-token-of-the-test")
        yield server


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_toy_pack(tmp_path_factory.mktemp("packs") / "toy")


def test_a_pack_that_shares_its_network_here_is_sent_whole(server: Hub, tmp_path: Path) -> None:
    sent = push_pack("shelf", PLACE)
    pull_pack(f"{PLACE}@{sent.revision}", tmp_path / "shelf", sent.digest)
    assert sorted(os.listdir(tmp_path / "shelf")) == FILES
    assert (tmp_path / "shelf" / "model.onnx").read_bytes() == load_pack("shelf").model()


def test_a_pack_comes_back_as_it_was_sent(server: Hub, toy: Path, tmp_path: Path) -> None:
    sent = push_pack(toy, PLACE)
    assert sent.digest == hashlib.sha256((toy / "card.json").read_bytes()).hexdigest()
    assert sent.command.startswith(f"holotype pack pull hf:somebody/toy@{sent.revision} --out toy")
    fetched = pull_pack(f"{PLACE}@{sent.revision}", tmp_path / "new" / "toy", sent.digest)
    assert fetched == sent
    assert sorted(os.listdir(tmp_path / "new")) == ["toy"]
    assert sorted(os.listdir(tmp_path / "new" / "toy")) == FILES
    for file in FILES:
        assert (tmp_path / "new" / "toy" / file).read_bytes() == (toy / file).read_bytes()
    # Nothing was asked but what sending and fetching takes.
    others = {line for line in server.asked if "somebody/toy" not in line}
    assert others == {"POST /api/repos/create", "POST /api/validate-yaml"}


def test_the_newest_is_fetched_from_one_commit(server: Hub, toy: Path, tmp_path: Path) -> None:
    push_pack(toy, PLACE)
    newer = push_pack(make_toy_pack(tmp_path / "newer", seed=1), PLACE)
    fetched = pull_pack(PLACE, tmp_path / "out")
    assert (fetched.revision, fetched.digest) == (newer.revision, newer.digest)
    asked = [line for line in server.asked if "/resolve/" in line]
    assert all(f"/resolve/{newer.revision}/" in line for line in asked)


def test_another_pack_than_demanded_is_not_kept(server: Hub, toy: Path, tmp_path: Path) -> None:
    sent = push_pack(toy, PLACE)
    push_pack(make_toy_pack(tmp_path / "newer", seed=1), PLACE)
    with pytest.raises(PackError, match=f"not the {sent.digest} that was demanded"):
        pull_pack(PLACE, tmp_path / "out", sent.digest)
    assert os.listdir(tmp_path) == ["newer"]


@pytest.mark.parametrize("file", ["card.json", "model.onnx", "cohort.npz", "README.md"])
def test_what_was_altered_is_not_kept(server: Hub, toy: Path, tmp_path: Path, file: str) -> None:
    push_pack(toy, PLACE)
    server.commit("somebody/toy", {file: (toy / file).read_bytes()[:-3]})
    with pytest.raises(PackError, match=file.replace(".", r"\.")):
        pull_pack(PLACE, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_repository_without_a_pack(server: Hub, tmp_path: Path) -> None:
    server.commits["somebody/toy"] = {}
    server.commit("somebody/toy", {"weights.pkl": b"."})
    with pytest.raises(PackError, match=r"has no card\.json"):
        pull_pack(PLACE, tmp_path / "out")
    assert not [line for line in server.asked if "pkl" in line]


def test_too_large_a_file_is_not_fetched(
    server: Hub, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_pack(toy, PLACE)
    monkeypatch.setitem(hub.LIMIT_BYTES, "model.onnx", 100)
    with pytest.raises(PackError, match=r"model\.onnx of .*at most 100 are fetched"):
        pull_pack(PLACE, tmp_path / "out")
    assert not [line for line in server.asked if "/resolve/" in line]


def test_no_such_repository_or_revision(server: Hub, toy: Path, tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"there is no hf:somebody/else.*hf auth login"):
        pull_pack("hf:somebody/else", tmp_path / "out")
    push_pack(toy, PLACE)
    with pytest.raises(PackError, match="no such revision"):
        pull_pack(f"{PLACE}@{'0' * 40}", tmp_path / "out")


def test_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with running() as server:
        url = server.url
    monkeypatch.setenv("HF_ENDPOINT", url)  # nobody listens there any more
    with pytest.raises(PackError, match=f"cannot be reached at {url}.*Check the connection"):
        pull_pack(PLACE, tmp_path / "out")


@pytest.mark.parametrize("place", ["somebody/toy", "hf:toy", "hf:a/b/c", "hf:../x", "hf:a/b@"])
def test_a_place_that_is_none(place: str, tmp_path: Path) -> None:
    with pytest.raises(PackError, match="is not hf:owner/name"):
        pull_pack(place, tmp_path / "out")


def test_what_cannot_be_asked_for(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(PackError, match="names a revision"):
        push_pack(toy, f"{PLACE}@main")
    with pytest.raises(PackError, match="is no SHA-256 digest"):
        pull_pack(PLACE, tmp_path / "out", "abc")
    with pytest.raises(PackError, match="exists already"):
        pull_pack(PLACE, tmp_path)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[hub\]"):
        pull_pack(PLACE, tmp_path / "out")
