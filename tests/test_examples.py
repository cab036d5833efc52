"""Examples that cannot drift: every block of README and docs runs as written."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pages import PAGES, blocks, extras, walk
from stand_ins import prepare

_BRINGS = {
    "audio": "soundfile",
    "faces": "face_recognition_models",
    "heic": "pillow_heif",
    "hub": "huggingface_hub",
    "sklearn": "sklearn",
    "tensorboard": "tensorboardX",
    "text": "tokenizers",
    "train": "torch",
    "video": "cv2",
}
_WITH_DATA = {"door.md"}
_QUICK = {"README.md", "defect.md", "shelf.md", "signature.md", "voice.md"}


def _marks(page: Path) -> list[pytest.MarkDecorator]:
    marks = [pytest.mark.data] if page.name in _WITH_DATA else []
    return marks if page.name in _QUICK else [*marks, pytest.mark.slow]


_RUN = [
    pytest.param(page, marks=_marks(page), id=page.name)
    for page in PAGES
    if any(not block.not_run for block in blocks(page))
]


@pytest.fixture
def here(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A reader's empty folder, and a home where nothing of an earlier day lies."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    return tmp_path


@pytest.mark.parametrize("page", _RUN)
def test_the_blocks_of_a_page_run_one_after_the_other(page: Path, here: Path) -> None:
    for extra in sorted(extras(page)):
        pytest.importorskip(_BRINGS[extra], reason=f"needs the extra `{extra}`")
    prepare(page, here)
    walk(page, here, Path(sys.executable).parent)
