"""Embeddings in `.npy` files, in place of pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from cli.conftest import Run


def test_files_of_embeddings_stand_for_pictures(run: Run, tmp_path: Path) -> None:
    things = np.random.default_rng(0).normal(size=(3, 16)).astype(np.float32)
    gallery, one, three = (tmp_path / name for name in ("a.gallery", "one.npy", "three.npy"))
    np.save(one, things[0])
    np.save(three, things)
    assert run("enroll", gallery, "first", one).exit_code == 0
    found = json.loads(run("identify", gallery, three, "--json").stdout)
    assert len(found) == 3
    assert found[0]["similarity"] > 0.999
    assert run("verify", gallery, "first", one).exit_code == 0


def test_embeddings_beside_pictures_are_refused(run: Run, tmp_path: Path) -> None:
    one = tmp_path / "one.npy"
    np.save(one, np.ones(16))
    refused = run("enroll", tmp_path / "a.gallery", "first", one, tmp_path / "b.png")
    assert refused.exit_code != 0
    assert "Give either pictures or embeddings" in refused.stderr
    assert not (tmp_path / "a.gallery").exists()
