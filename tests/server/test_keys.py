"""Keys: shown once, stored hashed, named, revocable."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from holotype.errors import GalleryError, ServingError
from holotype.server.keys import Keys
from real_server import Server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "desk.gallery.keys"


def test_a_key_is_found_by_its_secret_which_is_not_stored(path: Path) -> None:
    keys = Keys(path)
    made = keys.add("door", "read")
    assert keys.find(made.key) == keys.all()[0]
    assert (made.name, made.scope) == ("door", "read")
    assert keys.find(made.key + "x") is None
    assert made.key.encode() not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    keys.close()
    assert Keys(path).find(made.key) is not None


def test_a_revoked_key_is_none_also_for_who_has_the_file_open(path: Path) -> None:
    keys, others = Keys(path), Keys(path)
    keys.add("owner", "admin")
    made = keys.add("door", "enroll")
    assert others.find(made.key) is not None
    assert keys.revoke("door") is not None
    assert others.find(made.key) is None
    assert keys.revoke("door") is None
    with pytest.raises(GalleryError, match="last key"):
        keys.revoke("owner")
    keys.add("second", "admin")
    assert others.revoke("owner") is not None


def test_names_are_taken_once_and_are_short(path: Path) -> None:
    keys = Keys(path)
    keys.add("door", "read")
    for name in ("door", "", " ", "x" * 65, "a\nb"):
        with pytest.raises(GalleryError):
            keys.add(name, "read")
    assert len(keys.all()) == 1


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_a_file_that_others_may_read_is_refused(path: Path) -> None:
    keys = Keys(path)
    made = keys.add("door", "read")
    path.chmod(0o640)
    with pytest.raises(ServingError, match="mode 0640"):
        keys.find(made.key)
    with pytest.raises(ServingError, match="others may read"):
        Keys(path)
    path.chmod(0o600)
    assert keys.find(made.key)


def test_what_is_no_file_of_keys_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to look like one" * 20)
    path.chmod(0o600)
    with pytest.raises(ServingError, match="holds no keys"):
        Keys(path)


def test_many_threads_use_it_at_once(path: Path) -> None:
    keys = Keys(path)
    secrets: list[str] = []

    def work(number: int) -> None:
        secrets.append(keys.add(f"key {number}", "read").key)
        assert keys.find(secrets[0]) is not None

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys.all()) == len(set(secrets)) == 8


def test_over_http_a_key_is_shown_once_and_ends_with_its_revocation(server: Server) -> None:
    secret = server.new_key("kiosk", "read")
    assert secret not in server.client.get("/v1/keys").text
    assert server.as_(secret).get("/v1/gallery").status_code == 200
    again = server.client.post("/v1/keys", json={"name": "kiosk", "scope": "admin"})
    assert again.status_code == 409
    assert server.client.delete("/v1/keys/kiosk").json()["name"] == "kiosk"
    assert server.as_(secret).get("/v1/gallery").status_code == 401
    assert server.client.delete("/v1/keys/owner").status_code == 409
