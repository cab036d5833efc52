"""A Milvus server for tests, on this machine alone: that of the package `milvus-lite`."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from concurrent import futures
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hanging import until_running
from ports import free_port, listens
from postgres import Wire as PostgresWire


def require_server() -> None:
    """Skip a test where there is no server, or nothing that talks to it."""
    for package in ("milvus_lite", "pymilvus"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package} (make .venv/dev)")


class MilvusServer:
    """A server with a folder of its own, that can be killed and started again."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="holotype-milvus-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "milvus_lite", "server", "--data-dir", str(self.data)),
                    *("--host", "127.0.0.1", "--port", str(self.port)),
                ],
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        until_running(self._process, lambda: listens(self.port), self.folder / "log")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it, and delete all that it has."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, collection: str, truth: object, more: str = "", port: int | None = None) -> str:
        return f"milvus://127.0.0.1:{port or self.port}/{collection}?{more}truth={truth}"


class Wire(PostgresWire):
    """A way to a server that can be cut in the middle of what a client says."""

    # `cut_after` is a number of bytes here.
    def _through(self, client: socket.socket) -> None:
        with self._dialed() as server:
            back = threading.Thread(target=self._pass, args=(server, client), daemon=True)
            self._threads.append(back)
            back.start()
            self._pass(client, server)

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        asks = target.getpeername()[1] == self._server
        with suppress(OSError):
            while part := source.recv(1 << 16):
                if asks and self.cut_after is not None and len(part) > self.cut_after:
                    target.sendall(part[: self.cut_after])
                    self.cut_after = None
                    self.cut()
                elif asks and self.cut_after is not None:
                    self.cut_after -= len(part)
                target.sendall(part)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


def locked_server() -> tuple[Any, int]:
    """What lets nobody in, as Milvus says it, and its port."""
    import grpc

    def refuse(request: bytes, context: Any) -> bytes:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "auth check failure, please check password")
        return b""

    class Refusing(grpc.GenericRpcHandler):
        def service(self, details: object) -> Any:
            return grpc.unary_unary_rpc_method_handler(refuse)

    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Refusing()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
