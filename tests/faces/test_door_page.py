"""What docs/door.md says runs as written, on pictures of people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from holotype.tasks.datasets import load_dataset
from test_docs import ROOT, run_blocks


@pytest.mark.data
def test_the_examples_about_the_door_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2 = pytest.importorskip("cv2", reason="needs the extra `video`")
    monkeypatch.setenv("HOME", str(tmp_path))  # where the pack is made
    images = load_dataset("orl").images

    def person(number: int, shot: int) -> Image.Image:
        return Image.fromarray(np.asarray(images[10 * number + shot]))

    person(0, 0).save(tmp_path / "ada.png")
    person(0, 1).save(tmp_path / "visitor.png")
    hall = Image.new("L", (184, 112))
    hall.paste(person(0, 2), (0, 0))
    hall.paste(person(5, 0), (92, 0))
    hall.save(tmp_path / "hall.png")
    for number in range(10, 34):
        folder = tmp_path / "strangers" / f"person {number}"
        folder.mkdir(parents=True)
        person(number, 0).save(folder / "1.png")
    video = cv2.VideoWriter(
        str(tmp_path / "door.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 5, (184, 224)
    )
    for number in (0, 0, 7, 7):
        frame = np.asarray(person(number, 3).resize((184, 224)))
        video.write(np.stack([frame] * 3, axis=-1))
    video.release()

    before, after = run_blocks(ROOT / "docs" / "door.md", tmp_path)
    assert "Ada: 1 example added" in before
    assert before.count("1 % of strangers: not measured here") == 2
    assert "Stored as batch" in after
    assert "30 % of strangers accepted: estimated, from 24 strangers of yours." in after
    assert "#1  match  Ada" in after
    assert "#2  " in after
    assert "#3" not in after
    assert "The end, after 4 pictures; 0 were dropped." in after
