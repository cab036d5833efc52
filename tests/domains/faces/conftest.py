"""Shared by the tests of faces: all of them need the extra `faces`."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("dlib", reason="needs the extra `faces`")
pytest.importorskip("face_recognition_models", reason="needs the extra `faces`")


@pytest.fixture(scope="session")
def faces_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack `faces`, made once for all tests."""
    from holotype.domains.faces.recipe import parts
    from holotype.pack import write_pack

    folder = tmp_path_factory.mktemp("packs") / "faces"
    write_pack(folder, **parts())
    return folder
