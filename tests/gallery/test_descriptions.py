"""A text that stands for a picture: stored as one, and told apart from what was shown."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from holotype.errors import GalleryError
from holotype.gallery import Addition, copy, existing, take_in
from holotype.gallery.schema import SCHEMA_VERSION

TEXT = "a striped horse \u2603"
STEP3 = Path(__file__).with_name("step3.gallery")


def described(gallery) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    for one in gallery.examples():
        found.setdefault(one.label, []).append(one.description)
    return found


@pytest.fixture
def gallery(open_gallery, rows):
    gallery = open_gallery(keep_pictures=True)
    gallery.add("ada", rows(0), pictures=[b"one"])
    gallery.add_all(
        [
            Addition("zebra", rows(1), descriptions=[TEXT]),
            Addition("ada", rows(2), descriptions=["somebody"]),
        ]
    )
    return gallery


def test_it_is_kept_with_its_words(gallery, open_gallery) -> None:
    assert described(gallery) == {"ada": [None, "somebody"], "zebra": [TEXT]}
    for one in (gallery, open_gallery()):  # appended, and read anew
        snapshot = one.snapshot()
        ids = {each.id for each in gallery.examples() if each.description is not None}
        assert snapshot.described == ids
        assert len(ids) == 2
    assert gallery.without_pictures() == {}  # its words are enough to move to another model
    assert gallery.check().sound


def test_the_same_text_again_is_not_stored(gallery, rows) -> None:
    (added,) = gallery.add_all(
        [Addition("zebra", np.vstack([rows(1), rows(3)]), descriptions=[TEXT, "a horse"])]
    )
    assert added.stored == (False, True)
    assert described(gallery)["zebra"] == [TEXT, "a horse"]


def test_it_is_erased_with_its_identity(gallery, path) -> None:
    gallery.remove("zebra")
    assert described(gallery) == {"ada": [None, "somebody"]}
    gallery.close()
    assert b"striped horse" not in path.read_bytes()


@pytest.mark.parametrize(
    ("texts", "said"),
    [(["one", "two"], "2 descriptions"), ([""], "characters"), (["x" * 10_001], "10001")],
)
def test_what_is_no_description(gallery, rows, texts: list[str], said: str) -> None:
    with pytest.raises(GalleryError, match=said):
        gallery.add_all([Addition("cat", rows(4), descriptions=texts)])
    assert "cat" not in gallery.labels()


def test_export_and_import(gallery, tmp_path: Path) -> None:
    gallery.export(tmp_path / "out")
    target = tmp_path / "second.gallery"
    take_in(tmp_path / "out", target)
    with existing(target) as second:
        assert described(second) == described(gallery)
        assert len(second.snapshot().described) == 2


def test_an_altered_description_is_refused(gallery, tmp_path: Path) -> None:
    gallery.export(tmp_path / "out")
    file, manifest = (tmp_path / "out" / name for name in ("identities.jsonl", "manifest.json"))
    content = file.read_bytes().replace(b'"somebody"', b"7")
    file.write_bytes(content)
    told = json.loads(manifest.read_text())
    told["files"][file.name] = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    manifest.write_text(json.dumps(told))
    with pytest.raises(GalleryError, match="not as an export"):
        take_in(tmp_path / "out", tmp_path / "second.gallery")


def test_a_copy_into_another_store(gallery, tmp_path: Path, place) -> None:
    target = tmp_path / "copied.gallery"
    copy(place, target)
    with existing(target) as copied:
        assert described(copied) == described(gallery)
        np.testing.assert_array_equal(copied.snapshot().vectors, gallery.snapshot().vectors)


def test_a_gallery_without_such_goes_on(path, open_gallery, rows) -> None:
    shutil.copy(STEP3, path)
    with open_gallery() as old:
        assert described(old) == {"Ada": [None, None], "Bob": [None]}
        assert old.snapshot().described == frozenset()
        old.add_all([Addition("Ada", rows(5), descriptions=[TEXT])])
        assert described(old)["Ada"] == [None, None, TEXT]
        assert len(old.snapshot().described) == 1
        assert old.check().sound
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    connection.close()
