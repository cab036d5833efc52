"""What a gallery in PostgreSQL promises beyond what every gallery does: real server, real cuts."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from enrollers import (
    acknowledged,
    enroller,
    require_whole,
    the_rest,
    two_writers_and_the_kill_of_one,
)
from hanging import HANGS_S, until
from holotype.errors import ErasurePendingError, GalleryError
from holotype.gallery import (
    Gallery,
    existing,
    exists,
    gallery_model,
    name_of,
    open_gallery,
    restore,
)
from holotype.gallery.schema import SCHEMA_VERSION
from ports import free_port
from postgres import PASSWORD, PostgresServer, Wire, old_server

Rows = Callable[..., np.ndarray]


def made(place: str, **changes: object) -> Gallery:
    arguments = {"model_id": "m1", "embedding_dim": 8, "model_name": "toy", **changes}
    return open_gallery(place, **arguments)


@pytest.fixture
def gallery(url: str) -> Iterator[Gallery]:
    with made(url) as found:
        yield found


@pytest.fixture
def wire(postgres: PostgresServer) -> Iterator[Wire]:
    found = Wire(postgres.port)
    yield found
    found.close()


def through(wire: Wire, url: str) -> str:
    head, _, tail = url.partition("/desk")
    return f"{head.rpartition(':')[0]}:{wire.port}/desk{tail}"


def test_a_url_is_all_that_changes(url: str, rows: Rows) -> None:
    assert not exists(url)
    with pytest.raises(GalleryError, match="there is no gallery at 'postgresql://"):
        existing(url)
    with made(url) as gallery, existing(url) as other:
        assert gallery_model(url) == ("m1", "toy")
        gallery.add("Ada", rows(0, 2), tags=["staff"])
        assert other.snapshot().labels == ("Ada",)
        np.testing.assert_array_equal(other.snapshot().vectors, rows(0, 2))
        other.rename("Ada", "Eve")
        other.add("Bob", rows(1))
        assert gallery.snapshot().labels == ("Eve", "Bob")
        assert gallery.check().sound
    assert exists(url)


def test_two_galleries_in_one_database(postgres: PostgresServer, rows: Rows) -> None:
    places = [postgres.url("desk"), postgres.url("desk", more="?gallery=second")]
    for place, label in zip(places, ("a", "b"), strict=True):
        with made(place) as gallery:
            gallery.add(label, rows(0))
    for place, label in zip(places, ("a", "b"), strict=True):
        with existing(place) as gallery:
            assert list(gallery.labels()) == [label]
    assert [name_of(place) for place in places] == ["desk", "desk-second"]


def test_it_is_made_once(url: str) -> None:
    code = textwrap.dedent(
        """
        import sys
        from holotype.gallery import open_gallery
        open_gallery(sys.argv[1], "m1", 8, model_name="toy").close()
        """
    )
    racers = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(3)]
    assert [racer.wait(HANGS_S) for racer in racers] == [0, 0, 0]
    with existing(url) as gallery:
        assert [entry.action for entry in gallery.audit()] == ["create"]


# -- refusals -----------------------------------------------------------------------------------


def test_a_server_that_is_not_there() -> None:
    place = f"postgresql://ada:{PASSWORD.replace('@', '%40')}@127.0.0.1:{free_port()}/desk"
    with pytest.raises(GalleryError, match=r"cannot be reached.*Check that the server") as error:
        existing(place)
    assert PASSWORD not in str(error.value)
    assert "ada@127.0.0.1" in str(error.value)


@pytest.mark.parametrize("password", ["", ":wr0ng-one"])
def test_a_wrong_password(postgres: PostgresServer, password: str) -> None:
    if not postgres.execute("SELECT 1 FROM pg_roles WHERE rolname = 'locked'"):
        postgres.execute(f"CREATE ROLE locked LOGIN PASSWORD '{PASSWORD}'")
    place = f"postgresql://locked{password}@127.0.0.1:{postgres.port}/desk"
    with pytest.raises(GalleryError, match="password") as error:
        existing(place)
    assert "wr0ng" not in str(error.value)


def test_a_database_that_is_not_there(postgres: PostgresServer) -> None:
    with pytest.raises(GalleryError, match='database "nowhere" does not exist'):
        existing(postgres.url("nowhere"))


def test_a_server_without_tls_where_it_is_asked_for(postgres: PostgresServer) -> None:
    with pytest.raises(GalleryError, match="SSL"):
        existing(postgres.url("desk", more="?sslmode=require"))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("postgresql://ada:s3cret@[::1/desk", "cannot be read"),
        ("postgresql://ada:s3cret@host/desk?colour=red", "cannot be read"),
        ("postgresql://ada:s3cret@host:port/desk", "cannot be re"),
        ("postgresql://ada:s3cret@host/desk?gallery=Not%20one", "small letters"),
        ("mysql://ada:s3cret@host/desk", "begins with mysql://"),
    ],
)
def test_urls_that_are_none_are_refused_without_their_password(place: str, words: str) -> None:
    with pytest.raises(GalleryError, match=words) as error:
        existing(place)
    assert "s3cret" not in str(error.value)


def test_a_server_of_an_old_version() -> None:
    with (
        old_server() as listener,
        pytest.raises(GalleryError, match=r"version 9; a gallery needs 13.*Upgrade the server"),
    ):
        existing(f"postgresql://127.0.0.1:{listener.getsockname()[1]}/desk?sslmode=disable")


def test_a_newer_schema(postgres: PostgresServer, url: str, gallery: Gallery) -> None:
    schema = url.rpartition("=")[2]
    postgres.execute(f"UPDATE {schema}.gallery SET version = {SCHEMA_VERSION + 1}", "desk")
    for act in (gallery.records, lambda: existing(url)):
        with pytest.raises(GalleryError, match=r"schema version \d+; this holotype knows up to"):
            act()


def test_a_user_who_may_only_read(
    postgres: PostgresServer, url: str, gallery: Gallery, rows: Rows
) -> None:
    gallery.add("Ada", rows(0))
    schema = url.rpartition("=")[2]
    if not postgres.execute("SELECT 1 FROM pg_roles WHERE rolname = 'reader'"):
        postgres.execute("CREATE ROLE reader LOGIN")
    postgres.execute(f"GRANT USAGE ON SCHEMA {schema} TO reader", "desk")
    postgres.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader", "desk")
    with existing(url.replace("postgres@", "reader@")) as reader:
        assert reader.snapshot().labels == ("Ada",)
        with pytest.raises(GalleryError, match="does not let this user do that"):
            reader.add("Bob", rows(1))
    assert gallery.labels() == {"Ada": 1}
    new = postgres.url("desk", user="reader", more="?gallery=another")
    with pytest.raises(GalleryError, match="may create a schema"):
        made(new)


def test_tables_that_are_somebody_elses(postgres: PostgresServer) -> None:
    postgres.execute("CREATE SCHEMA taken", "desk")
    postgres.execute("CREATE TABLE taken.meta (theirs text)", "desk")
    with pytest.raises(GalleryError, match="is there already"):
        made(postgres.url("desk", more="?gallery=taken"))
    assert postgres.execute("SELECT count(*) FROM taken.meta", "desk") == [(0,)]


def test_without_fsync_nothing_is_acknowledged(postgres: PostgresServer, url: str) -> None:
    postgres.execute("ALTER SYSTEM SET fsync = off")
    postgres.execute("SELECT pg_reload_conf()")
    try:
        until(lambda: postgres.execute("SHOW fsync") == [("off",)])
        with pytest.raises(GalleryError, match="fsync = off"):
            made(url)
    finally:
        postgres.execute("ALTER SYSTEM RESET fsync")
        postgres.execute("SELECT pg_reload_conf()")
        until(lambda: postgres.execute("SHOW fsync") == [("on",)])


def test_a_lock_that_another_keeps(postgres: PostgresServer, url: str, rows: Rows) -> None:
    import psycopg

    schema = url.rpartition("=")[2]
    with made(url, busy_timeout_s=0.1) as gallery:
        with psycopg.connect(postgres.url("desk")) as other:
            other.execute(f"SELECT 1 FROM {schema}.gallery FOR UPDATE".encode())
            with pytest.raises(GalleryError, match="locked"):
                gallery.add("Ada", rows(0))
            assert gallery.labels() == {}  # who reads does not wait
        assert gallery.add("Ada", rows(0)) == 1


def test_a_backup_is_not_restored_over_a_database(url: str, tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="holotype copy"):
        restore(tmp_path / "a", url)


# -- kills and cuts -----------------------------------------------------------------------------


def test_two_writers_and_the_kill_of_one(url: str, gallery: Gallery) -> None:
    told = two_writers_and_the_kill_of_one(url)
    require_whole(gallery, told)


def test_a_kill_of_the_server(postgres: PostgresServer, url: str, gallery: Gallery) -> None:
    process = enroller(url, 3)
    told = acknowledged(process, 3, 4)
    postgres.kill()
    try:
        told |= the_rest(process, 3)
        assert process.returncode == 1
        with pytest.raises(GalleryError, match="cannot be reached"):
            gallery.labels()
    finally:
        postgres.start()
    require_whole(gallery, told)  # which has connected anew


@pytest.mark.parametrize("after", [1, 7, 20, 31, 36])
def test_a_cut_in_the_middle_of_an_enrollment(
    wire: Wire, url: str, gallery: Gallery, rows: Rows, after: int
) -> None:
    with existing(through(wire, url)) as far:
        far.add("Ada", rows(0, 3))
        wire.cut_after = after
        with pytest.raises(GalleryError, match="was lost") as error:
            far.add("Bob", rows(1, 3))
        there = gallery.labels()
        if "nothing was changed" in str(error.value):
            assert there == {"Ada": 3}
        assert there.get("Bob", 3) == 3
        assert far.labels() == there  # by a new connection
        if "Bob" not in there:
            assert far.add("Bob", rows(1, 3)) == 3
    require_whole(gallery, {"Ada", "Bob"})


def test_an_idle_connection_that_was_cut_is_not_noticed(wire: Wire, url: str, rows: Rows) -> None:
    with made(through(wire, url)) as gallery:
        wire.cut()
        assert gallery.add("Ada", rows(0)) == 1
        wire.cut()
        assert gallery.snapshot().labels == ("Ada",)


def test_behind_a_pooler_in_transaction_mode(
    postgres: PostgresServer, url: str, rows: Rows, tmp_path: Path
) -> None:
    pooler = Wire(postgres.port, pooled=True)
    try:
        with made(through(pooler, url), keep_pictures=True) as gallery:
            for number in range(4):
                gallery.add(f"{number}", rows(number, 2), pictures=[b"1", b"2"], tags=["x"])
            gallery.merge("0", "1")
            gallery.undo()
            assert not gallery.remove("2").pending
            assert gallery.snapshot().labels == ("0", "1", "3")
            gallery.backup(tmp_path / "copy.gallery")
            assert gallery.check().sound
    finally:
        pooler.close()


def test_a_child_made_by_fork_has_its_own_connection(gallery: Gallery, rows: Rows) -> None:
    gallery.add("Ada", rows(0))
    child = os.fork()
    if not child:
        code = 1
        try:
            gallery.add("Bob", rows(1))
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert status == 0
    gallery.add("Cid", rows(2))
    assert list(gallery.labels()) == ["Ada", "Bob", "Cid"]


# -- erasure ------------------------------------------------------------------------------------


def stored_bytes(postgres: PostgresServer) -> bytes:
    """All files of the server but for its log of changes, which it keeps for its own time."""
    postgres.execute("CHECKPOINT")
    return b"".join(
        file.read_bytes()
        for file in postgres.data.rglob("*")
        if file.is_file() and "pg_wal" not in file.parts
    )


def test_what_is_forgotten_is_in_no_file(postgres: PostgresServer, url: str, rows: Rows) -> None:
    secret = b"the picture of Adelaide" + bytes(range(256))
    with made(url, keep_pictures=True, embedding_dim=64) as gallery:
        gallery.add(
            "Adelaide Zuse", rows(0, 2, 64), pictures=[secret, secret + b"2"], consent="signed A-17"
        )
        gallery.add("Bob", rows(1, 1, 64))
        gallery.rename("Adelaide Zuse", "Adelaide Turing")
        postgres.execute("ANALYZE", "desk")  # which samples values, where it may
        before = stored_bytes(postgres)
        traces = [rows(0, 2, 64)[0].tobytes(), secret, b"Adelaide", b"signed A-17"]
        assert [trace in before for trace in traces] == [True] * 4
        assert not gallery.remove("Adelaide Turing").pending
        after = stored_bytes(postgres)
        assert [trace in after for trace in traces] == [False] * 4
        assert rows(1, 1, 64).tobytes() in after


def test_what_somebody_still_reads_is_erased_later(
    postgres: PostgresServer, url: str, rows: Rows
) -> None:
    import psycopg

    schema = url.rpartition("=")[2]
    with made(url, embedding_dim=64, busy_timeout_s=0.1) as gallery:
        gallery.add("Ada", rows(0, 1, 64))
        for table, words in (("identities", "lock"), ("meta", "still read")):
            gallery.add("Eve", rows(5, 1, 64))
            with psycopg.connect(postgres.url("desk")) as reader:
                reader.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                reader.execute(f"SELECT count(*) FROM {schema}.{table}".encode())
                with pytest.raises(ErasurePendingError, match=words):
                    gallery.remove("Eve")
            assert rows(5, 1, 64).tobytes() in stored_bytes(postgres)
            existing(url).close()  # which does it
            assert rows(5, 1, 64).tobytes() not in stored_bytes(postgres)
