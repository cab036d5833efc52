from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.lake import LAKE_RUNS_FILE, lake_runs
from holotype.datasets.splits import split
from holotype.errors import DataError


@pytest.mark.data
def test_the_runs_are_twenty_tasks_of_twenty_classes() -> None:
    images, index = lake_runs()
    assert images.shape == (800, 105, 105)
    assert set(np.unique(images)) == {0, 255}
    assert index.support.shape == (20, 20, 1)
    assert index.query.shape == (20, 20)
    used = np.concatenate([index.support.ravel(), index.query.ravel()])
    assert sorted(used) == list(range(800))
    assert all(sorted(row) == list(range(20)) for row in index.query_class)
    # "run01/test/item01.png run01/training/class08.png"
    assert index.query_class[0, :3].tolist() == [7, 8, 1]


@pytest.mark.data
def test_the_pairs_are_right_and_the_pictures_are_evaluation_drawings() -> None:
    """Every picture of the runs lies in the evaluation split, and pairs are of one character."""
    images, index = lake_runs()
    evaluation = split(load_dataset("omniglot"), "evaluation")
    drawings = evaluation.images[:]
    class_of = {
        drawing.tobytes(): class_index
        for drawing, class_index in zip(drawings, evaluation.class_index, strict=True)
    }
    found = np.array([class_of[picture.tobytes()] for picture in images])
    expected = np.take_along_axis(found[index.support[:, :, 0]], index.query_class, axis=1)
    np.testing.assert_array_equal(found[index.query], expected)
    for row in index.support[:, :, 0]:  # 20 characters of one alphabet
        assert len(set(found[row])) == 20
        assert len({evaluation.group[class_index] for class_index in found[row]}) == 1


def test_a_missing_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLOTYPE_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"there is no omniglot_all_runs\.zip"):
        lake_runs()


def test_what_is_not_an_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / LAKE_RUNS_FILE
    path.write_bytes(b"not an archive")
    with pytest.raises(DataError, match="does not hold the 20 runs"):
        lake_runs(path)


@pytest.mark.data
@pytest.mark.parametrize(
    ("member", "content", "reason"),
    [
        ("run07/class_labels.txt", None, "run07/class_labels.txt"),
        ("run07/class_labels.txt", b"run07/test/item01.png run07/training/class01.png\n", "pair"),
        ("run07/class_labels.txt", b"run07/test/item01.png\n", "not a pair"),
        ("run07/test/item03.png", b"\x89PNG", "cannot identify"),
        ("run07/test/item03.png", b"\0" * 100_001, "more than any of this data set"),
    ],
)
def test_inconsistent_archives_are_refused(
    data_dir: Path, tmp_path: Path, member: str, content: bytes | None, reason: str
) -> None:
    path = tmp_path / LAKE_RUNS_FILE
    with (
        zipfile.ZipFile(data_dir / LAKE_RUNS_FILE) as original,
        zipfile.ZipFile(path, "w") as changed,
    ):
        for name in original.namelist():
            if name != member:
                changed.writestr(name, original.read(name))
            elif content is not None:
                changed.writestr(name, content)
    with pytest.raises(DataError, match=reason):
        lake_runs(path)


@pytest.mark.data
def test_a_truncated_archive_is_refused(data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / LAKE_RUNS_FILE
    shutil.copyfile(data_dir / LAKE_RUNS_FILE, path)
    with path.open("r+b") as stream:
        stream.truncate(200_000)
    with pytest.raises(DataError, match="does not hold the 20 runs"):
        lake_runs(path)
