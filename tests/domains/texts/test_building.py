"""An encoder of texts that others exported becomes a pack, from a repository or from its folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import holotype
from holotype.cli import app
from holotype.domains.texts.network import sentence_network
from holotype.domains.texts.reading import embed_read
from holotype.embedder import Embedder
from holotype.pack import load_pack
from holotype.packing.verify import verify_pack
from packing.hub_server import Hub, running
from toy_texts import HEADS, PLACES, WORDS, reference, toy_tokenizer, toy_weights

PLACE = "hf:somebody/words"
FILES = {
    "README.md": b"---\nlicense: apache-2.0\nlanguage: en\n---\n# Words\n",
    "config.json": json.dumps({"model_type": "bert", "max_position_embeddings": PLACES}).encode(),
    "onnx/model.onnx": sentence_network(toy_weights(), HEADS),
    "tokenizer.json": toy_tokenizer(),
    "tokenizer_config.json": json.dumps({"model_max_length": 10**30}).encode(),
}
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`holotype pack build` in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "dumb")
    named = ("pack", "build", "--name", "mine")
    return lambda *more: CliRunner().invoke(app, [*named, *(os.fspath(one) for one in more)])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with running() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        server.commits["somebody/words"] = {}
        yield server


def holding(hub: Hub, **changes: bytes) -> Hub:
    hub.commit("somebody/words", {**FILES, **changes})
    return hub


def test_a_repository_with_a_tokenizer_becomes_a_pack_that_reads_texts(
    hub: Hub, run: Run, tmp_path: Path
) -> None:
    holding(hub)
    built = run("--from", PLACE)
    assert built.exit_code == 0, built.output
    said = " ".join(built.output.split())
    assert f"tokenizer.json: texts up to {PLACES} pieces of words, in English" in said
    assert "license apache-2.0" in said
    pack = verify_pack(tmp_path / "mine").pack
    assert not pack.trusted
    assert pack.card.preprocessing.kind == "text"
    embedder = Embedder(pack)
    read = embedder.reader.read("where is my new card ?")
    expected = reference(toy_weights(), HEADS, read.ids.tolist())
    np.testing.assert_allclose(embed_read(embedder, [read])[0], expected, atol=1e-5)
    with holotype.open(tmp_path / "g.gallery", tmp_path / "mine") as intents:
        intents.enroll("card", "where is my new card ?")
        assert intents.identify("where is my new card ?").candidates[0].label == "card"


def test_what_says_how_long_texts_may_be_is_asked_in_turn(
    hub: Hub, run: Run, tmp_path: Path
) -> None:
    holding(hub, **{"sentence_bert_config.json": b'{"max_seq_length": 7}'})
    assert run("--from", PLACE).exit_code == 0
    reading = load_pack(tmp_path / "mine").card.preprocessing.own
    assert reading is not None
    assert (reading.pieces, reading.language) == (7, "English")


def test_languages_that_are_several_or_another_are_not_doubted(
    hub: Hub, run: Run, tmp_path: Path
) -> None:
    holding(hub, **{"README.md": b"---\nlanguage:\n- en\n- de\n---\n"})
    assert run("--from", PLACE).exit_code == 0
    reading = load_pack(tmp_path / "mine").card.preprocessing.own
    assert reading is not None
    assert reading.language is None


def test_a_tokenizer_that_does_not_fit_the_model_is_refused(hub: Hub, run: Run) -> None:
    tokenizer = json.loads(toy_tokenizer())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary["extra"] = len(vocabulary)
    holding(hub, **{"tokenizer.json": json.dumps(tokenizer).encode()})
    refused = run("--from", PLACE)
    assert refused.exit_code == 7
    pieces = len(vocabulary)
    assert f"numbers {pieces} pieces of words, and the model knows fewer" in " ".join(
        refused.output.split()
    )
    holding(hub, **{"tokenizer.json": b"{"})
    assert "tokenizer.json of the pack cannot be read" in run("--from", PLACE).output
    assert not Path("mine").exists()


def test_a_file_beside_its_tokenizer_reads_texts(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(FILES["onnx/model.onnx"])
    alone = run("--onnx", folder / "model.onnx", "--out", "alone")
    assert alone.exit_code == 0, alone.output
    assert load_pack(tmp_path / "alone").card.preprocessing.kind == "tensors"
    asked = run("--onnx", folder / "model.onnx", "--kind", "text")
    assert "a model that reads texts needs its tokenizer" in asked.output
    (folder / "tokenizer.json").write_bytes(toy_tokenizer())
    (folder / "config.json").write_bytes(FILES["config.json"])
    built = run("--onnx", folder / "model.onnx")
    assert built.exit_code == 0, built.output
    embedder = Embedder(load_pack(tmp_path / "mine"))
    assert embedder.embed(list(WORDS[:3])).shape[0] == 3
    assert run("--onnx", folder / "model.onnx", "--kind", "tensors", "--out", "t").exit_code == 0
    assert load_pack(tmp_path / "t").card.preprocessing.kind == "tensors"
