"""Many pictures of many labels at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import holotype
from hanging import HANGS_S
from holotype.errors import ImageError
from holotype.gallery import SqliteGallery, audit
from holotype.recognizer import enroll_many
from toy_packs import toy_drawing


def test_all_are_stored_as_one_by_one(
    desk: holotype.Recognizer, pack: Path, tmp_path: Path
) -> None:
    pairs = [(f"l{c % 40}", toy_drawing(100 + c % 40, c // 40)) for c in range(120)]
    seen: list[int] = []
    found = enroll_many(desk, pairs, consent="form 7", progress=seen.append)
    assert (found.pictures, found.labels, found.added, found.already) == (120, 40, 120, 0)
    assert found.left_out == ()
    assert seen == [120]
    with holotype.open(tmp_path / "other.gallery", pack) as other:
        for label, drawing in pairs:
            other.enroll(label, drawing)
        one_by_one = other.gallery.snapshot()
    many = desk.gallery.snapshot()
    assert many.labels[5:] == one_by_one.labels
    for label in one_by_one.labels:
        np.testing.assert_allclose(
            many.vectors[many.owner == many.labels.index(label)],
            one_by_one.vectors[one_by_one.owner == one_by_one.labels.index(label)],
            atol=1e-5,
        )
    assert {one.consent for one in desk.gallery.records()[5:]} == {"form 7"}
    assert desk.gallery.verify_audit().intact


def test_what_cannot_be_stored_is_left_out_with_the_reason(
    desk: holotype.Recognizer, tmp_path: Path
) -> None:
    bad, blank = tmp_path / "bad.jpg", np.full((40, 40), 255, np.uint8)
    bad.write_bytes(b"junk")
    found = enroll_many(
        desk,
        [
            ("a", toy_drawing(100)),
            ("a", bad),
            ("\u200b", toy_drawing(101)),
            ("b", blank),
            ("c", tmp_path / "none.png"),
            ("c0", toy_drawing(0)),
            ("twin", toy_drawing(3)),
        ],
    )
    assert (found.pictures, found.labels, found.added, found.already) == (7, 3, 2, 1)
    assert [(one.name, one.label) for one in found.left_out] == [
        (str(bad), "a"),
        ("picture 3", "\u200b"),
        ("picture 4", "b"),
        (str(tmp_path / "none.png"), "c"),
    ]
    reasons = ("not a picture", "visible", "contrast", "no such file")
    for one, said in zip(found.left_out, reasons, strict=True):
        assert said in one.problem
    assert [(pair.label, pair.other) for pair in found.alike] == [("twin", "c3")]
    assert [noted.reason.code for noted in found.warnings][:1] == ["stored_for_another"]
    assert set(desk.list()) == {"c0", "c1", "c2", "c3", "c4", "a", "twin"}


def test_a_label_past_its_last_day_takes_none_of_the_others_along(
    desk: holotype.Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = audit.now().astimezone().date()
    desk.enroll("old", toy_drawing(100), retain_until=today)
    tomorrow = audit.now() + timedelta(days=1)
    monkeypatch.setattr(audit, "now", lambda: tomorrow)
    found = enroll_many(desk, [("old", toy_drawing(101)), ("new", toy_drawing(102))])
    (left_out,) = found.left_out
    assert f"could be kept until {today}" in left_out.problem
    assert "new" in desk.list()


def test_nothing_to_store_leaves_no_gallery(tmp_path: Path, pack: Path) -> None:
    with holotype.open(tmp_path / "new.gallery", pack) as recognizer:
        with pytest.raises(ImageError, match="got no picture"):
            enroll_many(recognizer, [])
        assert len(enroll_many(recognizer, [("a", tmp_path / "none.png")]).left_out) == 1
    assert not (tmp_path / "new.gallery").exists()


def test_pictures_are_kept_where_the_owner_keeps_them(tmp_path: Path, pack: Path) -> None:
    file = tmp_path / "a.png"
    Image.fromarray(toy_drawing(1)).save(file)
    with holotype.open(tmp_path / "new.gallery", pack, keep_pictures=True) as recognizer:
        enroll_many(recognizer, [("a", file), ("b", toy_drawing(2)), ("a", file)])
        assert recognizer.gallery.without_pictures() == {}
        (example,) = recognizer.gallery.picture_ids("a")
        assert recognizer.gallery.picture(example) == file.read_bytes()


KILLED = """
import sys
from holotype import open
from holotype.recognizer import bulk

bulk._BATCH = 8
folder, gallery, pack = sys.argv[1:]
pairs = [(f"l{c}", f"{folder}/{c}.png") for c in range(60)]
with open(gallery, pack) as recognizer:
    bulk.enroll_many(recognizer, pairs, progress=lambda done: print(done, flush=True))
"""


def test_after_a_kill_the_same_call_goes_on(tmp_path: Path, pack: Path) -> None:
    for c in range(60):
        Image.fromarray(toy_drawing(100 + c)).save(tmp_path / f"{c}.png")
    gallery = tmp_path / "new.gallery"
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(gallery), str(pack)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "8\n"
        first.send_signal(signal.SIGKILL)
    with SqliteGallery.existing(gallery) as kept:
        stored = len(kept.labels())
        assert stored >= 8
        assert stored % 8 == 0 or stored == 60
    again = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_S)
    assert again.returncode == 0, again.stderr
    with SqliteGallery.existing(gallery) as kept:
        assert kept.labels() == {f"l{c}": 1 for c in range(60)}
        assert kept.check().sound
        enrolled = [entry for entry in kept.audit() if entry.action == "enroll"]
        assert len(enrolled) == 60
