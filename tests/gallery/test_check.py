"""Whatever is damaged or was slipped in is found and named."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.errors import GalleryError
from holotype.gallery import SqliteGallery

NAN = "0000c07f" * 8


@pytest.fixture
def full(open_gallery, rows) -> SqliteGallery:
    gallery = open_gallery(keep_pictures=True)
    for number in range(40):
        gallery.add(f"person {number}", rows(number, 2), pictures=[b"1" * 50, b"2" * 50])
    gallery.remove("person 3")
    gallery.add_strangers(rows(99, 5), [0, 0, 1, 1, 1])
    gallery.stage("m2", 8, {1: rows(98)[0]})
    return gallery


def test_sound(full: SqliteGallery) -> None:
    found = full.check()
    assert found.sound
    assert (found.identities, found.examples, found.problems) == (39, 78, ())
    assert found.audit.intact


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        ("UPDATE examples SET vector = zeroblob(32) WHERE id = 1", "example 1 is not as it was"),
        ("UPDATE examples SET vector = x'00' WHERE id = 1", "example 1 is no vector"),
        ("UPDATE examples SET vector = 'text' WHERE id = 1", "example 1 is no vector"),
        ("UPDATE examples SET checksum = NULL WHERE id = 1", "example 1 is not as it was"),
        (
            "UPDATE examples SET vector = zeroblob(32), checksum = crc32(zeroblob(32))",
            "example 1 has length 0, not 1",
        ),
        (
            f"UPDATE examples SET vector = x'{NAN}', checksum = crc32(x'{NAN}') WHERE id = 1",
            "example 1 holds NaN",
        ),
        (
            "UPDATE examples SET vector = zeroblob(16), checksum = crc32(zeroblob(16))",
            "has 4 dimensions, not 8",
        ),
        (
            "PRAGMA foreign_keys = OFF; UPDATE examples SET identity = 999",
            "points to nothing in identities",
        ),
        ("UPDATE examples SET identity = 2 WHERE id = 1", "'person 0' has 1 examples; .* it has 2"),
        ("DELETE FROM examples WHERE identity = 1", "'person 0' has no example"),
        ("UPDATE pictures SET picture = x'00' WHERE example = 2", "the picture of example 2"),
        ("UPDATE strangers SET vector = zeroblob(32) WHERE id = 1", "stranger 1 is not as it was"),
        ("UPDATE staged SET vector = zeroblob(32)", "staged vector of example 1 is not as it was"),
        (
            "INSERT INTO identities (uuid, label, created) VALUES ('x', 'eve', '2020');"
            "INSERT INTO examples (identity, vector, checksum, created) SELECT"
            " (SELECT id FROM identities WHERE uuid = 'x'), vector, checksum, created"
            " FROM examples LIMIT 1",
            "1 examples more than by the trail",
        ),
        (
            "PRAGMA foreign_keys = OFF; DELETE FROM pictures;"
            "DELETE FROM examples WHERE identity = 5; DELETE FROM identities WHERE id = 5",
            "is gone; by the audit trail it has 2 examples",
        ),
        ("DELETE FROM audit WHERE sequence = 7", "line 7 was removed"),
    ],
)
def test_found(full: SqliteGallery, tamper: str, words: str) -> None:
    full._connection.executescript(tamper)
    found = full.check()
    assert not found.sound
    messages = "\n".join([*found.problems, *(problem.text for problem in found.audit.problems)])
    assert_matches(messages, words)


def assert_matches(text: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(text)


@pytest.mark.usefixtures("path")
def test_many_problems_are_counted(full: SqliteGallery) -> None:
    full._connection.execute("UPDATE examples SET checksum = 0")
    found = full.check()
    assert len(found.problems) == 21
    assert found.problems[-1] == "and 58 more of this kind"


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_one_flipped_bit_in_a_vector_or_picture(tmp_path_factory, data) -> None:
    path = tmp_path_factory.mktemp("flip") / "g"
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((20, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    picture = generator.bytes(300)
    with SqliteGallery.open(path, "m", 16, model_name="m", keep_pictures=True) as gallery:
        gallery.add("a", vectors, pictures=[picture] * 20)
        gallery.add_strangers(vectors[::-1], np.arange(20))
    content = bytearray(path.read_bytes())
    secrets = [picture, *(row.tobytes() for row in vectors.astype("<f4"))]
    secret = data.draw(st.sampled_from(secrets))
    at = content.index(secret) + data.draw(st.integers(0, len(secret) - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with SqliteGallery.open(path, "m", 16, model_name="m") as gallery:
        assert not gallery.check().sound


def test_a_page_that_is_none_is_found_and_named(path: Path, full: SqliteGallery) -> None:
    """SQLite itself cannot go on there; what it says of it is a finding all the same."""
    full.close()
    content = bytearray(path.read_bytes())
    page = content.index(b"person 20") // 4096 * 4096
    content[page : page + 8] = b"\xff" * 8  # what says how the page is laid out
    path.write_bytes(content)
    with SqliteGallery.existing(path) as gallery:
        found = gallery.check()
        assert not found.sound
        assert any("malformed" in problem for problem in found.problems)


def test_a_gallery_too_broken_to_read(path: Path, open_gallery, rows) -> None:
    with open_gallery() as gallery:
        gallery.add("a", rows(0, 300))
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(GalleryError, match="damaged"):
        open_gallery()
    connection = sqlite3.connect(path)
    connection.close()
