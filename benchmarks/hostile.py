"""What a server does while it is sent what nobody should send.

    python benchmarks/hostile.py

Three waves, each beside a client that goes on asking who a drawing shows:

- slow: 10,000 connections are opened that say nothing, half a head, a head, or half a body;
- halves: bodies that end in the middle, by a connection that is closed or closed for sending alone;
- bombs: pictures and ZIP files that would grow, and what is no picture, in every call.

It notes what was refused and under which name, the share of the other client's calls that were
answered, and the most memory that the server held.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import socket
import statistics
import struct
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import holotype
from holotype.datasets.catalogue import load_dataset
from serve import Client, Server, form

RESULT = Path(__file__).parent.parent / "results" / "hostile.json"
_FORK = multiprocessing.get_context("fork")
BAR_MB, SLOW, HALVES, BOMBS = 700, 10_000, 500, 40
_HEAD = "POST /v1/identify HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: {}\r\n"
_FORM = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 500000\r\n\r\n--x\r\n"


class Neighbor:
    """A client that goes on asking while others misbehave, in a process of its own."""

    def __init__(self, server: Server, probe: bytes) -> None:
        self._stop = _FORK.Event()
        self._told: Any = _FORK.SimpleQueue()
        self._process = _FORK.Process(target=self._run, args=(server, form([probe])))

    def __enter__(self) -> Neighbor:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def _run(self, server: Server, body: bytes) -> None:
        client, answers, waits_s = Client(server), Counter[int](), [0.0]
        while not self._stop.is_set():
            begun = time.perf_counter()
            try:
                status, _ = client.post("/v1/identify", body)
            except OSError:
                status, client = 0, Client(server)
            answers[status] += 1
            waits_s.append(time.perf_counter() - begun)
        self._told.put(
            {
                "neighbor_answered": answers[200],
                "neighbor_refused": answers.total() - answers[200],
                "neighbor_median_s": round(statistics.median(waits_s), 3),
                "neighbor_slowest_s": round(max(waits_s), 2),
            }
        )

    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = self._told.get()
        self._process.join()
        return told


def raw(server: Server, sent: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    with suppress(OSError):
        connection.sendall(sent.encode())
    return connection


def slow(server: Server, _: bytes) -> dict[str, Any]:
    head = _HEAD.format(server.key)
    said = ("", "GET / HT", head, head + _FORM)
    held = [raw(server, said[number % 4]) for number in range(SLOW)]
    time.sleep(5)
    for one in held:
        one.close()
    return {"connections": len(held)}


def halves(server: Server, _: bytes) -> dict[str, Any]:
    head = _HEAD.format(server.key) + _FORM + "Content-Disposition: form-data; name=images"
    answers: Counter[str] = Counter()
    for number in range(HALVES):
        with raw(server, head) as connection:
            if number % 2:
                connection.shutdown(socket.SHUT_WR)
                with suppress(OSError):
                    line = connection.recv(100).split(b"\r\n")[0].decode()
                    answers[line or "closed"] += 1
    return {"bodies": HALVES, "answers": dict(answers)}


def bombs(server: Server, probe: bytes) -> dict[str, Any]:
    client, said = Client(server), Counter[str]()
    pictures = {
        "bomb": png(100_000, 100_000),
        "wide": png(40_000, 1250),
        "largest": png(7000, 7000, full=True),
        "text": b"no picture" * 9,
        "cut": probe[:99],
        "empty": b"",
    }
    for _ in range(BOMBS):
        status, answer = client.post("/v1/identify", form(list(pictures.values())))
        for name, one in zip(pictures, answer["answers"], strict=True):
            said[f"{status} {name}: {one['reasons'][0]['code']}"] += 1
        for name, archive in (("ZIP", zipped(100)), ("ZIP of ZIPs", zipped(1))):
            body = form([archive]).replace(b"name=images", b"name=archive")
            status, answer = client.post("/v1/jobs/enroll", body)
            said[f"{status} {name}: {answer.get('error', answer).get('code')}"] += 1
        try:
            status, answer = client.post("/v1/identify", b"x" * 65_000_000)
            said[f"{status} a body of 65 MB: {answer['error']['code']}"] += 1
        except OSError:
            said["a body of 65 MB: closed"] += 1
            client = Client(server)
    return {"answers": dict(said)}


def png(width: int, height: int, full: bool = False) -> bytes:
    """A PNG of nothing: its head, and where `full` all of its pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    pixels = zlib.compress(bytes((width + 1) * height), 1) if full else b""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", pixels), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def zipped(files: int) -> bytes:
    """A ZIP that holds 50 MB of zeros in each of so many files; of one, a ZIP of such."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a/0.png", _ZEROS if files > 1 else zipped(2))
        info = archive.infolist()[0]
        for number in range(1, files):
            # The same bytes under other names, as such files have it.
            copy = zipfile.ZipInfo(f"a/{number}.png")
            for part in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"):
                setattr(copy, part, getattr(info, part))
            archive.filelist.append(copy)
            archive.NameToInfo[copy.filename] = copy
        archive._didModify = True  # type: ignore[attr-defined]
    return file.getvalue()


_ZEROS = bytes(50_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    drawings = np.asarray(load_dataset("sample").images[:])

    def drawn(number: int) -> bytes:
        file = io.BytesIO()
        Image.fromarray(drawings[number]).save(file, "PNG")
        return file.getvalue()

    waves: dict[str, Callable[[Server, bytes], dict[str, Any]]] = {
        "slow": slow,
        "halves": halves,
        "bombs": bombs,
    }
    with tempfile.TemporaryDirectory() as folder:
        gallery = Path(folder) / "desk.gallery"
        with holotype.open(gallery) as recognizer:
            for character in range(20):
                recognizer.enroll(f"c{character}", drawn(20 * character))
        server = Server(gallery)
        result: dict[str, Any] = {"model": "characters", "bar_mb": BAR_MB}
        try:
            for name, wave in waves.items():
                with Neighbor(server, drawn(1)) as neighbor:
                    found = wave(server, drawn(1))
                result[name] = {**found, **neighbor.told(), "peak_mb": round(server.peak_mb())}
                print(name, json.dumps(result[name]), flush=True)
            result["alive"] = server.process.poll() is None
        finally:
            with suppress(Exception):
                server.kill()
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
