"""A file or a URL: which engine, what it is called, and what belongs beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from holotype.errors import GalleryError
from holotype.gallery import SqliteGallery, called, events_of, file_beside, is_url, name_of
from holotype.gallery.place import engine_of


@pytest.mark.parametrize(
    "place", ["desk.gallery", "a/b.gallery", "C://desk", Path("x"), ":memory:"]
)
def test_files(place: str | Path) -> None:
    assert not is_url(place)
    assert engine_of(place) is SqliteGallery


def test_an_engine_that_nobody_knows() -> None:
    assert is_url("redis://host/desk")
    with pytest.raises(GalleryError, match="begins with redis://"):
        engine_of("redis://host/desk")
    assert engine_of("milvus://host/desk?truth=desk.gallery") is SqliteGallery


def test_what_belongs_to_a_gallery_lies_beside_it() -> None:
    assert file_beside("rooms/desk.gallery", "keys") == Path("rooms/desk.gallery.keys")
    pytest.importorskip("psycopg", reason="needs psycopg")
    url = "postgresql://ada:s3cret@db.example:5433/desk?gallery=shop&sslmode=require"
    assert file_beside(url, "keys") == Path("desk-shop.keys")
    assert events_of(url) == Path("desk-shop.events")
    assert name_of("postgres://db.example/desk") == "desk"
    assert called(url) == "postgresql://ada@db.example:5433/desk?gallery=shop"
    assert called("postgresql:///desk?password=s3cret") == "postgresql:///desk"


def test_without_the_extra() -> None:
    code = """
import sys
sys.modules["psycopg"] = None
from holotype.errors import MissingExtraError
from holotype.gallery import existing
try:
    existing("postgresql://host/desk")
except MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "needs psycopg, which is not installed" in done.stdout
    assert "[postgres]" in done.stdout
