"""The server beside the library, and what a kill in the middle of the work leaves behind.

    python benchmarks/serve.py

- `identify` over HTTP and in this process take turns on the same gallery: wall time, and processor
  time, in which a busy machine shows less.
- Eight clients at once, beside the embedder alone, and beside `identify` in one process, both in as
  many calls at once as there are processors, in turns of some seconds; with one picture and with
  sixteen in a call. The clients send bytes that were made before: what they take themselves, they
  take from the server. Where both processors are busy, the ratio of the processor time of a picture
  is that of pictures a second, and others who work on the machine are not in it.
- Thirty-two clients, one call in twenty an enrollment under an `Idempotency-Key`; in the middle the
  server is killed and started again. Clients whom the connection is refused or lost send the same
  call once more. Then the gallery is compared with what was acknowledged.

Everything runs on one machine, the clients beside the server.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import holotype
from holotype.datasets.catalogue import load_dataset

RESULT = Path(__file__).parent.parent / "results" / "serve.json"
BAR_RATIO, BAR_THROUGHPUT, BAR_TAIL = 1.25, 0.9, 5.0
CLIENTS, CROWD, ENROLLING = 8, 32, 0.05
QUIET_S = 10.0  # after the kill, that do not count toward the tail
_TURN, _PAUSE_S = 10, 0.3
_BOUNDARY = "holotype-bench"
_MOST_BYTES = 1 << 16  # of an answer that are received at once


class Server:
    """`holotype serve` on one port, which may be killed and started again."""

    def __init__(self, gallery: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.gallery, self.key = gallery, ""
        self.start()

    def start(self) -> None:
        program = "from holotype.cli import main; main()"
        command = [sys.executable, "-c", program, "serve", str(self.gallery)]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port), "--calls-a-minute", str(10**9)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        found = re.search(r"#key=(\S+)", self.process.stdout.readline())
        self.key = found[1] if found else self.key

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def processor_s(self) -> float:
        """Of the server, so far."""
        facts = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(facts[11]) + int(facts[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        return int(found[1]) / 1000 if found else float("nan")


class Client:
    """One connection that is kept."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)

    def post(self, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
        kind = f"multipart/form-data; boundary={_BOUNDARY}"
        self.connection.request(
            "POST", path, body, {"x-api-key": self.server.key, "content-type": kind, **headers}
        )
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())


class BareClient:
    """One connection on which the same call is sent, at as little cost as can be."""

    def __init__(self, server: Server, path: str, body: bytes) -> None:
        self.connection = socket.create_connection(("127.0.0.1", server.port), 120)
        self.call = (
            f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: {server.key}\r\n"
            f"content-type: multipart/form-data; boundary={_BOUNDARY}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        ).encode() + body

    def post(self) -> None:
        self.connection.sendall(self.call)
        head, _, body = self.connection.recv(_MOST_BYTES).partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        assert head.startswith(b"HTTP/1.1 200 "), head
        assert length is not None
        rest = int(length[1]) - len(body)
        while rest:
            rest -= len(self.connection.recv(_MOST_BYTES)) or rest


def form(pictures: Sequence[bytes]) -> bytes:
    parts = [
        f"--{_BOUNDARY}\r\ncontent-disposition: form-data; name=images; filename={i}.png\r\n\r\n"
        .encode() + picture + b"\r\n"
        for i, picture in enumerate(pictures)
    ]  # fmt: skip
    return b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


def one_call(gallery: Path, server: Server, pictures: Sequence[bytes], runs: int) -> dict[str, Any]:
    """Library and server in turns of some pictures, each after a pause.

    ONNX Runtime's threads go on looking for work a while after a call: without the pause those of
    one side would take the processors from the other.
    """
    client = Client(server)
    took: dict[str, list[float]] = {"library": [], "http": []}
    spent: dict[str, float] = {"library": 0.0, "http": 0.0}
    with holotype.open(gallery, create=False) as recognizer:

        def ask(picture: bytes) -> None:
            status, _ = client.post("/v1/identify", form([picture]))
            assert status == 200

        sides: dict[str, Callable[[bytes], object]] = {"library": recognizer.identify, "http": ask}
        for turn in range(1 + runs // _TURN):
            for name, work in sides.items():
                time.sleep(_PAUSE_S)
                begun_cpu = time.process_time() + server.processor_s()
                for picture in (list(pictures) * _TURN)[turn : turn + _TURN]:
                    begun = time.perf_counter()
                    work(picture)
                    if turn:  # the first one warms up
                        took[name].append(1000 * (time.perf_counter() - begun))
                if turn:
                    time.sleep(_PAUSE_S)
                    spent[name] += time.process_time() + server.processor_s() - begun_cpu
    median = {name: statistics.median(values) for name, values in took.items()}
    return {
        "runs": len(took["http"]),
        "library_ms": round(median["library"], 2),
        "http_ms": round(median["http"], 2),
        "ratio": round(median["http"] / median["library"], 3),
        "processor_ratio": round(spent["http"] / spent["library"], 3),
        "bar": BAR_RATIO,
    }


def together(gallery: Path, server: Server, pictures: Sequence[bytes], turns: int, turn_s: float,
             each: int) -> dict[str, Any]:  # fmt: skip
    """Pictures a second, and processor time of one, in turns: embedder, library, and server."""
    batch = list(pictures[:each])
    body = form(batch)
    clients = threading.local()

    def ask() -> None:
        if not hasattr(clients, "one"):
            clients.one = BareClient(server, "/v1/identify", body)
        clients.one.post()

    cores = os.cpu_count() or 1
    with holotype.open(gallery, create=False) as recognizer:
        embedder = recognizer.embedder
        sides: dict[str, tuple[Callable[[], object], int]] = {
            "embedder": (lambda: embedder.embed(batch), cores),
            "library": (lambda: recognizer.identify(batch), cores),
            "http": (ask, CLIENTS),
        }
        rates: dict[str, list[float]] = {name: [] for name in sides}
        spent: dict[str, list[float]] = {name: [] for name in sides}
        clients_ms: list[float] = []
        for _ in range(turns):
            for name, (work, threads) in sides.items():
                here, there = time.process_time(), server.processor_s()
                count, took_s = busy(work, threads, turn_s)
                here, there = time.process_time() - here, server.processor_s() - there
                rates[name].append(each * count / took_s)
                spent[name].append(1000 * (here + there) / (each * count))
                if name == "http":
                    clients_ms.append(1000 * here / (each * count))

    def ratio(of: dict[str, list[float]], one: str, other: str) -> float:
        return round(statistics.median(a / b for a, b in zip(of[one], of[other], strict=True)), 3)

    return {
        "pictures_a_call": each,
        **{f"{name}_a_second": round(statistics.median(rates[name]), 2) for name in sides},
        "ratio": ratio(rates, "http", "embedder"),
        "ratio_to_library": ratio(rates, "http", "library"),
        **{f"{name}_processor_ms": round(statistics.median(spent[name]), 2) for name in sides},
        "of_these_clients_ms": round(statistics.median(clients_ms), 2),
        "processor_ratio": ratio(spent, "embedder", "http"),
        "processor_ratio_to_library": ratio(spent, "library", "http"),
        "turns": turns,
        "bar": BAR_THROUGHPUT,
    }


def busy(work: Callable[[], object], threads: int, seconds: float) -> tuple[int, float]:
    """How many calls so many threads make that call without a pause, and in how many seconds."""
    until = time.perf_counter() + seconds
    begun = time.perf_counter()

    def loop(_: int) -> int:
        done = 0
        while time.perf_counter() < until:
            work()
            done += 1
        return done

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(loop, range(threads))), time.perf_counter() - begun


def killed(gallery: Path, server: Server, pictures: Sequence[bytes], seconds: float) -> dict[
    str, Any
]:  # fmt: skip
    """A crowd, and one kill -9 in the middle."""
    began = time.perf_counter()
    until, kill_at = began + seconds, began + seconds / 2
    acknowledged: list[str] = []
    sent: list[str] = []
    answers: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    times: list[tuple[float, float]] = []
    retried = 0
    lock = threading.Lock()

    def crowd(number: int) -> None:
        nonlocal retried
        rng = random.Random(number)
        client = Client(server)
        while time.perf_counter() < until:
            body = form([rng.choice(pictures)])
            label = f"person {number} {uuid.UUID(int=rng.getrandbits(128))}"
            enrolling = rng.random() < ENROLLING
            headers = {"idempotency-key": label} if enrolling else {}
            path = f"/v1/identities/{label.replace(' ', '%20')}/examples"
            if enrolling:
                with lock:
                    sent.append(label)
            begun = time.perf_counter()
            while True:
                try:
                    status, said = client.post(path if enrolling else "/v1/identify", body,
                                               **headers)  # fmt: skip
                    break
                except (OSError, http.client.HTTPException):
                    client = Client(server)
                    with lock:
                        retried += 1
                    time.sleep(0.1)
            with lock:
                times.append((begun - kill_at, time.perf_counter() - begun))
                if status != 200:
                    errors[said["error"]["code"]] += 1
                elif enrolling:
                    acknowledged.append(label)
                else:
                    answers[said["answers"][0]["answer"]] += 1

    threads = [threading.Thread(target=crowd, args=(number,)) for number in range(CROWD)]
    for thread in threads:
        thread.start()
    time.sleep(max(kill_at - time.perf_counter(), 0))
    server.kill()
    killed_s = time.perf_counter()
    server.start()
    started_s = time.perf_counter()
    for thread in threads:
        thread.join()
    took_s = time.perf_counter() - began
    with holotype.open(gallery, create=False) as recognizer:
        labels = recognizer.list()
        intact = recognizer.gallery.verify_audit().intact
    mine = {label: count for label, count in labels.items() if label.startswith("person ")}
    # A call that was under way when the server was killed, or is answered again, took part in that.
    quiet = [t for at, t in times if at + t < 0 or at > started_s - killed_s + QUIET_S]
    p50, p99 = np.quantile(quiet, [0.5, 0.99])
    return {
        "clients": CROWD,
        "seconds": round(took_s, 1),
        "calls": len(times),
        "calls_a_second": round(len(times) / took_s, 2),
        "enrollments_acknowledged": len(acknowledged),
        "lost": sum(mine.get(label, 0) == 0 for label in acknowledged),
        "doubled": sum(count > 1 for count in mine.values()),
        "unasked": len(mine.keys() - set(sent)),
        "audit_intact": intact,
        "connections_lost_or_refused": retried,
        "other_errors": dict(errors),
        "down_s": round(started_s - killed_s, 1),
        "p50_ms": round(1000 * p50),
        "p99_ms": round(1000 * p99),
        "p99_over_p50": round(p99 / p50, 2),
        "bar": BAR_TAIL,
        "cannot_tell_share": round(answers["cannot_tell"] / max(1, sum(answers.values())), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--turn-s", type=float, default=5.0)
    parser.add_argument("--crowd-s", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    drawings = np.asarray(load_dataset("sample").images[:])

    def png(number: int) -> bytes:
        file = io.BytesIO()
        Image.fromarray(drawings[number]).save(file, "PNG")
        return file.getvalue()

    with tempfile.TemporaryDirectory() as folder:
        gallery = Path(folder) / "desk.gallery"
        with holotype.open(gallery) as recognizer:
            for character in range(20):
                recognizer.enroll(f"c{character}", png(20 * character))
        probes = [png(20 * character + 1) for character in range(40)]
        server = Server(gallery)
        result: dict[str, Any] = {
            "model": "characters",
            "processors": os.cpu_count(),
            "load_before": round(os.getloadavg()[0], 1),
        }
        try:
            result["one_call"] = one_call(gallery, server, probes, options.runs)
            print(json.dumps(result), flush=True)
            result["together"] = [
                together(gallery, server, probes, options.turns, options.turn_s, each)
                for each in (1, 16)
            ]
            print(json.dumps(result["together"]), flush=True)
            result["peak_mb"] = round(server.peak_mb())
            result["killed"] = killed(gallery, server, probes, options.crowd_s)
        finally:
            with suppress(Exception):
                server.kill()
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
