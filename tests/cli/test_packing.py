"""The commands that make, check, send and fetch packs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from hostile_models import endless_loop
from packing.hub_server import running
from toy_packs import make_toy_pack
from toy_photos import photo_model, write_photos

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("brought")
    write_photos(folder / "pictures")
    (folder / "model.onnx").write_bytes(photo_model().SerializeToString())
    return folder


def test_build(run: Run, brought: Path, tmp_path: Path) -> None:
    arguments = ("--onnx", brought / "model.onnx", "--background", brought / "pictures")
    pack = tmp_path / "mine"
    built = run("pack", "build", *arguments, "--name", "mine", "--out", pack, "--mean", "0.5")
    assert built.exit_code == 0, built.output
    for part in ("4-way 1-shot", "Strangers: stated and measured", "mean [0.5, 0.5, 0.5]"):
        assert part in built.stdout
    assert "not supported by the 2 enrolled and 8 classes" in " ".join(built.stdout.split())
    assert (tmp_path / "mine-report.html").is_file()

    shown = run("pack", "show", pack)
    assert "refused" in shown.stdout
    checked = json.loads(run("pack", "verify", pack, "--json").stdout)
    assert len(checked["sha256"]) == 64

    again = run("pack", "build", *arguments, "--name", "mine", "--out", pack)
    assert (again.exit_code, again.stdout) == (7, "")
    wrong = run("pack", "build", *arguments, "--name", "mine", "--std", "a,b")
    assert wrong.exit_code == 2


@pytest.mark.slow
def test_build_as_json(run: Run, brought: Path, tmp_path: Path) -> None:
    arguments = ("--onnx", brought / "model.onnx", "--background", brought / "pictures")
    built = run("pack", "build", *arguments, "--name", "m", "--out", tmp_path / "m", "--json")
    document = json.loads(built.stdout)
    assert document["classes"] == {"background": 4, "cohort": 8, "held out": 4}
    assert 0 < document["smallest_fpir"] < 1
    assert document["batch_difference"] < 1e-4


def test_a_hostile_model_is_one_line(run: Run, brought: Path, tmp_path: Path) -> None:
    (tmp_path / "evil.onnx").write_bytes(endless_loop().SerializeToString())
    refused = run(
        *("pack", "build", "--onnx", tmp_path / "evil.onnx", "--name", "evil"),
        *("--background", brought / "pictures", "--out", tmp_path / "evil"),
    )
    assert (refused.exit_code, refused.stdout) == (7, "")
    assert "'Loop' runs a graph of its own" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_verify_finds_what_does_not_belong(run: Run, tmp_path: Path) -> None:
    pack = make_toy_pack(tmp_path / "toy")
    assert run("pack", "verify", pack).stdout.count("ok: ") == 7
    (pack / "weights.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    found = run("pack", "verify", pack)
    assert found.exit_code == 7
    assert "holds 1 other files, such as 'weights.pkl'" in found.stderr
    (pack / "weights.pkl").unlink()
    (pack / "README.md").write_text("# Right in 100 % of cases\n")
    assert "does not say what card.json says" in run("pack", "verify", pack).stderr


def test_push_and_pull(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = make_toy_pack(tmp_path / "toy")
    with running() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", "a-token-of-the-test")
        sent = run("pack", "push", pack, "hf:somebody/toy")
        assert sent.exit_code == 0, sent.output
        command = sent.stdout.splitlines()[-1].split()
        assert command[:3] == ["holotype", "pack", "pull"]
        command[command.index("--out") + 1] = str(tmp_path / "fetched")
        fetched = run(*command[1:], "--json")
        assert fetched.exit_code == 0, fetched.output
        assert json.loads(fetched.stdout)["sha256"] == command[-1]
        other = run(
            "pack", "pull", "hf:somebody/toy", "--out", tmp_path / "b", "--sha256", "0" * 64
        )
        assert other.exit_code == 7
        assert "demanded" in other.stderr
    offline = run("pack", "pull", "hf:somebody/toy", "--out", tmp_path / "c")
    assert (offline.exit_code, offline.stdout) == (7, "")
    assert "cannot be reached" in offline.stderr
