"""Consent, the last day, and what happens after it; the pictures that the owner keeps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from holotype.errors import ErasurePendingError, GalleryError
from holotype.gallery import SqliteGallery
from slow_readers import read_before_erasing

PICTURES = [b"\x89PNG first", b"\xff\xd8 second"]


def all_bytes(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_records(gallery: SqliteGallery, rows) -> None:
    gallery.add("b", rows(0, 2), consent="form 7 — signé", retain_until=date(2999, 1, 2))
    gallery.add("a", rows(1))
    gallery.add("b", rows(2))  # leaves consent and date as they are
    first, second = gallery.records()
    assert (first.label, first.examples, first.pictures) == ("b", 3, 0)
    assert (first.consent, first.retain_until) == ("form 7 — signé", date(2999, 1, 2))
    assert (second.label, second.consent, second.retain_until) == ("a", None, None)
    assert (first.id, second.id) == gallery.snapshot().identities
    assert abs(first.created - datetime.now(UTC)) < timedelta(minutes=5)
    gallery.add("b", rows(3), consent="form 8", retain_until=date(2998, 1, 1))
    assert gallery.records()[0].consent == "form 8"
    assert gallery.records()[0].retain_until == date(2998, 1, 1)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"consent": ""}, "the consent is text of 1 to 500"),
        ({"consent": "x" * 501}, "the consent is text of 1 to 500"),
        ({"consent": "a\x00"}, "no control characters"),
        ({"consent": 3}, "of type int"),
        ({"retain_until": "2999-01-01"}, "it is a date"),
        ({"retain_until": datetime(2999, 1, 1)}, "it is a date"),
        ({"retain_until": date(2020, 1, 1)}, "has passed"),
        ({"pictures": [b"1", b"2"]}, "2 pictures do not go with 1 examples"),
        ({"pictures": [b""]}, "empty"),
        ({"pictures": ["x.png"]}, "a picture is bytes"),
    ],
)
def test_refused(gallery: SqliteGallery, rows, terms, words: str) -> None:
    with pytest.raises(GalleryError, match=words):
        gallery.add("a", rows(0), **terms)
    assert gallery.labels() == {}


def test_expire(path: Path, gallery: SqliteGallery, rows) -> None:
    last = date(2999, 6, 15)
    gallery.add("short", rows(0, 2), retain_until=last, consent="paper one")
    gallery.add("also short", rows(1), retain_until=last)
    gallery.add("long", rows(2), retain_until=last + timedelta(days=1))
    gallery.add("without end", rows(3))
    before = gallery.snapshot()
    assert gallery.expire(last) == ()  # it is the last day on which they may be kept
    assert gallery.snapshot() is before
    assert len(gallery.audit()) == 5
    receipts = gallery.expire(last + timedelta(days=1), actor="cron")
    assert [(r.identity, r.examples, r.pending) for r in receipts] == [
        (before.identities[0], 2, False),
        (before.identities[1], 1, False),
    ]
    assert gallery.labels() == {"long": 1, "without end": 1}
    assert [(e.action, e.actor, e.hash) for e in gallery.audit()[-2:]] == [
        ("expire", "cron", receipt.audit_hash) for receipt in receipts
    ]
    for secret in (b"short", b"paper one", rows(0, 2)[1].tobytes(), rows(1).tobytes()):
        assert secret not in all_bytes(path)
    for today in ("2999-01-01", datetime(2999, 1, 1)):
        with pytest.raises(GalleryError, match="it is a date"):
            gallery.expire(today)


@pytest.mark.usefixtures("path")
def test_expire_while_somebody_reads(open_gallery, rows) -> None:
    gallery = open_gallery(busy_timeout_s=0.05)
    gallery.add("a", rows(0), retain_until=date(2999, 1, 1))
    gallery.add("b", rows(1), retain_until=date(2999, 1, 1))
    reader = read_before_erasing(gallery, gallery.path)
    with pytest.raises(ErasurePendingError, match="2 identities whose time is over are gone") as at:
        gallery.expire(date(3000, 1, 1))
    assert [receipt.pending for receipt in at.value.receipts] == [True, True]
    assert gallery.labels() == {}
    reader.close()


def test_pictures_are_kept_only_where_the_owner_chose_so(path, gallery, rows) -> None:
    assert not gallery.keep_pictures
    gallery.add("a", rows(0, 2), pictures=PICTURES)
    assert gallery.picture_ids() == ()
    assert PICTURES[0] not in all_bytes(path)
    gallery.set_keep_pictures(True)
    assert gallery.keep_pictures
    gallery.add("a", rows(1, 2), pictures=PICTURES)
    gallery.add("b", rows(2))
    assert gallery.picture_ids() == (3, 4)
    assert [gallery.picture(example) for example in (3, 4)] == PICTURES
    assert [record.pictures for record in gallery.records()] == [2, 0]
    assert gallery.without_pictures() == {"a": 2, "b": 1}
    with pytest.raises(GalleryError, match="example 1 has no picture"):
        gallery.picture(1)
    gallery.remove("a")
    assert gallery.picture_ids() == ()
    assert not any(picture in all_bytes(path) for picture in PICTURES)


def test_no_longer_keeping_pictures_erases_them(path, open_gallery, rows) -> None:
    gallery = open_gallery(keep_pictures=True)
    assert gallery.keep_pictures
    gallery.add("a", rows(0, 2), pictures=PICTURES)
    assert PICTURES[1] in all_bytes(path)
    gallery.set_keep_pictures(False)
    assert gallery.picture_ids() == ()
    assert gallery.labels() == {"a": 2}
    assert not any(picture in all_bytes(path) for picture in PICTURES)
    assert gallery.audit()[-1].facts == {"keep": False, "deleted": 2}
    assert gallery.check().sound


def test_a_large_picture(open_gallery, path, rows) -> None:
    gallery = open_gallery(keep_pictures=True)
    picture = bytes(range(256)) * 8000
    gallery.add("a", rows(0), pictures=[picture])
    assert gallery.picture(1) == picture
    gallery.remove("a")
    assert path.stat().st_size < len(picture) / 4
