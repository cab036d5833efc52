"""Shared by the tests of texts: what reads them is an extra."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("tokenizers", reason="needs the extra `text`")
pytest.importorskip("safetensors", reason="needs the extra `text`")


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy pack of texts, made once for all tests."""
    from toy_texts import make_toy_texts

    return make_toy_texts(tmp_path_factory.mktemp("packs") / "toy-texts")


@pytest.fixture(scope="session")
def texts_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack `texts`, made once for all tests."""
    from holotype.domains.texts.recipe import parts
    from holotype.domains.texts.weights import weights_folder
    from holotype.pack import write_pack

    if weights_folder() is None:
        pytest.skip("needs the weights of all-MiniLM-L6-v2 (`make extra-text`)")
    return write_pack(tmp_path_factory.mktemp("packs") / "texts", **parts()).path
