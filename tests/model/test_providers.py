"""The processor that was asked for runs, or an error says why; and it computes what it should."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from typer.testing import CliRunner

import holotype
from holotype.cli.app import app
from holotype.embedder import Embedder
from holotype.errors import EXIT_CODES, PackError, ProviderError
from holotype.model import providers, self_test
from holotype.model.providers import chosen
from holotype.pack import add_self_test, load_pack, shipped_packs
from toy_packs import make_toy_pack, toy_drawing

BUILT = ["CUDAExecutionProvider", "OpenVINOExecutionProvider", "CPUExecutionProvider"]


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A pack with a self-test."""
    path = make_toy_pack(tmp_path / "toy")
    add_self_test(path, Embedder(load_pack(path)).embed_made_up(self_test.COUNT))
    return path


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ONNX Runtime that says it has more than the CPU, and has not."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: BUILT)


def test_the_cpu_is_what_nobody_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(providers.VARIABLE, raising=False)
    assert chosen() == ("cpu",)
    monkeypatch.setenv(providers.VARIABLE, "")
    assert chosen() == ("cpu",)


@pytest.mark.usefixtures("built")
def test_how_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen("cuda, CPU") == ("cuda", "cpu")
    assert chosen(["openvino", "openvino"]) == ("openvino",)
    monkeypatch.setenv(providers.VARIABLE, "openvino,cpu")
    assert chosen() == ("openvino", "cpu")
    assert chosen("cpu") == ("cpu",)  # the argument counts more


def test_what_is_not_there(monkeypatch: pytest.MonkeyPatch, toy: Path, tmp_path: Path) -> None:
    version = onnxruntime.__version__
    with pytest.raises(ProviderError, match=rf"'cuda' is asked for; .* \({version}\) has cpu"):
        chosen("cuda")
    with pytest.raises(ProviderError, match="Install onnxruntime-openvino in place of onnxruntime"):
        holotype.open(tmp_path / "g.gallery", toy, providers="openvino")
    with pytest.raises(ProviderError, match="providers are cpu, cuda, openvino, coreml, directml"):
        chosen("tpu")
    monkeypatch.setenv(providers.VARIABLE, "directml")
    with pytest.raises(ProviderError, match="'directml' is asked for by HOLOTYPE_PROVIDERS"):
        holotype.open(tmp_path / "g.gallery", toy)
    assert not (tmp_path / "g.gallery").exists()


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("asked", ["cuda", "cuda,cpu"])
def test_what_does_not_start_is_no_cpu(
    asked: str, toy: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The library that is installed here has no such part, whatever it is made to say."""
    with pytest.raises(ProviderError, match="provider 'cuda' does not start"):
        Embedder(load_pack(toy), providers=asked)
    assert "Falling back" not in "".join(capfd.readouterr())


@pytest.mark.usefixtures("built")
def test_a_part_of_a_model_is_not_enough(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError(
            "This session contains graph nodes that are assigned to the default CPU EP, but"
        )

    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)
    with pytest.raises(ProviderError, match=r"computes only a part of .*`openvino,cpu`"):
        providers.started(b"", onnxruntime.SessionOptions(), ("openvino",))


def test_the_command_line(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(providers.VARIABLE, "cpu")  # so that it is as before afterwards
    picture = tmp_path / "a.npy"
    Image.fromarray(toy_drawing(1)).save(picture.with_suffix(".png"))
    enroll = ["enroll", str(tmp_path / "g"), "a", str(picture.with_suffix(".png")), "--model"]
    result = CliRunner().invoke(app, ["--providers", "cuda", *enroll, str(toy)])
    assert result.exit_code == EXIT_CODES[ProviderError] == 14
    assert "provider 'cuda' is asked for" in result.output
    result = CliRunner().invoke(app, ["--providers", "cpu", *enroll, str(toy)])
    assert result.exit_code == 0, result.output


def test_a_pack_keeps_its_id_and_gains_a_test(tmp_path: Path) -> None:
    path = make_toy_pack(tmp_path / "toy")
    before = load_pack(path)
    assert before.self_test() is None
    cohort = before.cohort()
    vectors = Embedder(before).embed_made_up(self_test.COUNT)
    after = add_self_test(path, vectors)
    np.testing.assert_allclose(after.self_test(), vectors, atol=1e-6)
    assert after.card.model_id == before.card.model_id
    for one, other in zip(cohort, after.cohort(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("vectors", [np.ones((3, 8)), np.ones(8), np.eye(3, 7), np.eye(0, 8)])
def test_a_self_test_that_is_none(vectors: Any, tmp_path: Path) -> None:
    path = make_toy_pack(tmp_path / "toy")
    before = (path / "card.json").read_bytes()
    with pytest.raises(PackError, match="self_test"):
        add_self_test(path, vectors.astype(np.float32))
    assert (path / "card.json").read_bytes() == before


def turned(vectors: np.ndarray, by: float) -> np.ndarray:
    """Unit vectors with a coordinate that differs by so much."""
    changed = vectors.astype(np.float64)
    changed[1, 2] += by
    changed /= np.linalg.norm(changed, axis=1, keepdims=True)
    return changed.astype(np.float32)


def test_a_graph_that_is_wrong_by_a_hundredth(tmp_path: Path) -> None:
    path = make_toy_pack(tmp_path / "toy")
    vectors = Embedder(load_pack(path)).embed_made_up(self_test.COUNT)
    add_self_test(path, turned(vectors, 1e-2))
    said = r"model.onnx of pack .* gives other vectors on cpu with ONNX Runtime .* differ by 0\.0"
    for _ in range(2):  # a failure is not remembered as passed
        with pytest.raises(ProviderError, match=said):
            holotype.open(tmp_path / "g.gallery", path)
    assert not (tmp_path / "g.gallery").exists()


def test_a_graph_that_is_wrong_by_rounding(tmp_path: Path) -> None:
    path = make_toy_pack(tmp_path / "toy")
    vectors = Embedder(load_pack(path)).embed_made_up(self_test.COUNT)
    add_self_test(path, turned(vectors, 5e-4))
    holotype.open(tmp_path / "g.gallery", path).close()


def computed(pack: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often the self-test is computed while the pack is opened."""
    times = []
    true = Embedder.embed_made_up

    def counted(self: Embedder, count: int, only: int | None = None) -> Any:
        times.append(count)
        return true(self, count, only)

    with monkeypatch.context() as patch:
        patch.setattr(Embedder, "embed_made_up", counted)
        Embedder(load_pack(pack))
    return len(times)


def test_it_is_computed_once(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "cache" / "self-tests"
    monkeypatch.setattr(self_test, "folder", lambda: place)
    assert [computed(toy, monkeypatch) for _ in range(3)] == [1, 0, 0]
    (kept,) = place.iterdir()
    facts = json.loads(kept.read_text())
    assert facts["onnxruntime"] == onnxruntime.__version__
    assert facts["providers"] == ["cpu"]
    monkeypatch.setattr(onnxruntime, "__version__", "1.99.0")  # another version is another matter
    assert [computed(toy, monkeypatch) for _ in range(2)] == [1, 0]
    add_self_test(toy, turned(load_pack(toy).self_test(), 1e-4))
    assert computed(toy, monkeypatch) == 1


def test_an_upgrade_that_computes_otherwise(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gallery whose vectors would not be found again is not asked, until the old one is back."""
    monkeypatch.setattr(self_test, "folder", lambda: tmp_path / "self-tests")
    gallery = tmp_path / "g.gallery"
    with holotype.open(gallery, toy) as recognizer:
        recognizer.enroll("one", toy_drawing(1))
    picture = tmp_path / "one.png"
    Image.fromarray(toy_drawing(1)).save(picture)
    arguments = ["identify", str(gallery), str(picture), "--json"]
    with monkeypatch.context() as upgraded:
        true = Embedder._run
        upgraded.setattr(onnxruntime, "__version__", "1.99.0")
        upgraded.setattr(Embedder, "_run", lambda *given: turned(true(*given), 1e-2))
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == EXIT_CODES[ProviderError]
        said = " ".join(result.output.split())
        assert "other vectors on cpu with ONNX Runtime 1.99.0 than when it was made" in said
        assert "another version of ONNX Runtime" in said
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)[0]["candidates"][0]["label"] == "one"


@pytest.mark.parametrize("kind", ["read-only", "a file", "no home"])
def test_where_nothing_can_be_remembered(
    kind: str, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "cache"
    if kind == "a file":
        place.write_text("")
    elif kind == "read-only":
        place.mkdir()
        place.chmod(stat.S_IRUSR | stat.S_IXUSR)
        if os.access(place, os.W_OK):  # as root, whom no right stops

            def refuse(path: Path, content: bytes) -> None:
                raise PermissionError(13, "Permission denied", str(path))

            monkeypatch.setattr(self_test, "write_whole", refuse)
    monkeypatch.setattr(self_test, "folder", lambda: None if kind == "no home" else place)
    assert [computed(toy, monkeypatch) for _ in range(2)] == [1, 1]
    place.chmod(0o700) if place.exists() else None


def test_a_pack_without_one_is_compared_with_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = load_pack(make_toy_pack(tmp_path / "toy"))
    true = Embedder.embed_made_up

    def wrong(self: Embedder, count: int, only: int | None = None) -> Any:
        vectors = true(self, count, only)
        return vectors if self.providers == ("cpu",) else turned(vectors, 1e-2)

    monkeypatch.setattr(Embedder, "embed_made_up", wrong)
    monkeypatch.setattr("holotype.embedder.chosen", lambda asked: (asked or "cpu",))
    real = providers.started
    monkeypatch.setattr(
        "holotype.model.session.started",
        lambda model, options, _, disabled=(): real(model, options, ("cpu",), disabled),
    )
    with pytest.raises(ProviderError, match="gives other vectors on openvino"):
        Embedder(pack, providers="openvino")


@pytest.mark.parametrize("name", shipped_packs())
def test_what_ships_has_a_self_test_and_passes_it(name: str) -> None:
    pack = load_pack(name)
    expected = pack.self_test()
    assert expected is not None
    assert len(expected) == self_test.COUNT
    assert self_test.difference(Embedder(pack).embed_made_up(self_test.COUNT), expected) <= 1e-3


def test_threads(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = onnxruntime.InferenceSession

    def noted(model: bytes, options: onnxruntime.SessionOptions, **more: Any) -> Any:
        seen.append(options.intra_op_num_threads)
        return real(model, options, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", noted)
    holotype.open(tmp_path / "g.gallery", toy, threads=3).close()
    assert seen[-1] == 3
    monkeypatch.setattr("holotype.model.session.usable_cores", lambda: 2)
    for machine, expected in ((8, 2), (2, 0)):  # a share of the machine, or all of it
        monkeypatch.setattr("holotype.model.session.os.cpu_count", lambda machine=machine: machine)
        Embedder(load_pack(toy))
        assert seen[-1] == expected
    with pytest.raises(ProviderError, match="threads=0 is below 1"):
        holotype.open(tmp_path / "g.gallery", toy, threads=0)
