"""`holotype copy` of a gallery of a million, killed twice on its way, and every row compared.

    python benchmarks/copy_kill.py [--enrolled 1000000] [--kills 2] [--on FOLDER]

A gallery file is begun as usual; the other rows (identities, one example of 256 numbers each, lines
of the audit trail) are written straight into its tables, since to copy is what is measured. The
command runs as a process of its own. It is killed (SIGKILL) when the copy has grown by an equal
share of the gallery's size, and the same command is given again. In the end all rows of both files
are compared here, by SQLite itself. Writes results/copy_kill.json.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from holotype.gallery import Addition, open_gallery
from holotype.gallery.copying import TABLES
from holotype.pack import load_pack
from holotype.stats.scoring import unit

RESULT = Path(__file__).parent.parent / "results" / "copy_kill.json"
PACK = "voices"  # 256 numbers
FIRST = 1000  # enrolled as usual
ROWS = 20_000  # written at a time
LOOK_S = 0.05
# A key in `former` may be a number in a file that was not copied, and means the same as a text.
AS_COPIED = {"former": "line, place, CAST(key AS TEXT), content"}


def written(path: Path, enrolled: int) -> None:
    card = load_pack(PACK).card
    draw = np.random.default_rng(0)

    def vectors(count: int) -> np.ndarray:
        return unit(draw.standard_normal((count, card.embedding_dim), np.float32))

    with open_gallery(path, card.model_id, card.embedding_dim, model_name=PACK) as gallery:
        gallery.add_all([Addition(f"person {n}", v[None]) for n, v in enumerate(vectors(FIRST))])
    created = datetime.now(UTC).isoformat(timespec="seconds")
    with contextlib.closing(sqlite3.connect(path)) as rows, rows:
        (line,) = rows.execute("SELECT MAX(sequence) FROM audit").fetchone()
        for start in range(FIRST, enrolled, ROWS):
            numbers = range(start + 1, min(start + ROWS, enrolled) + 1)
            blobs = [vector.tobytes() for vector in vectors(len(numbers))]
            rows.executemany(
                "INSERT INTO identities (id, uuid, label, created) VALUES (?, ?, ?, ?)",
                [(n, str(uuid.UUID(int=n)), f"person {n - 1}", created) for n in numbers],
            )
            rows.executemany(
                "INSERT INTO examples (id, identity, vector, created, checksum)"
                " VALUES (?, ?, ?, ?, ?)",
                [
                    (n, n, blob, created, zlib.crc32(blob))
                    for n, blob in zip(numbers, blobs, strict=True)
                ],
            )
            entries = [
                (line + n, json.dumps({"action": "enroll", "sequence": line + n})) for n in numbers
            ]
            rows.executemany(
                "INSERT INTO audit VALUES (?, ?, ?)",
                [(n, entry, hashlib.sha256(entry.encode()).hexdigest()) for n, entry in entries],
            )
        rows.execute(
            "UPDATE meta SET audit_count = (SELECT MAX(sequence) FROM audit), audit_head ="
            " (SELECT hash FROM audit ORDER BY sequence DESC LIMIT 1)"
        )


def attempts(source: Path, target: Path, kills: int) -> Iterator[dict[str, Any]]:
    """Each start of the command, until it has come to its end."""
    draft = target.with_name(f"{target.name}.copying")
    size = source.stat().st_size
    for number in range(kills + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        command = [sys.executable, "-m", "holotype", "copy", str(source), str(target)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        goal = size * (number + 1) / (kills + 1) if number < kills else float("inf")
        while process.poll() is None and not (draft.exists() and draft.stat().st_size >= goal):
            time.sleep(LOOK_S)
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate()
        if process.returncode != (-signal.SIGKILL if number < kills else 0):
            raise SystemExit(f"ended with {process.returncode}: {said.decode()}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        yield {
            "killed": number < kills,
            "seconds": time.perf_counter() - start,
            "processor_s": sum(
                getattr(after, name) - getattr(before, name) for name in ("ru_utime", "ru_stime")
            ),
            "rows_there": 0 if target.exists() else there(draft),
        }


def there(draft: Path) -> int:
    with contextlib.closing(sqlite3.connect(draft)) as rows:
        return sum(rows.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in TABLES)


def differing(source: Path, target: Path) -> int:
    """How many rows one file has and the other has not."""
    with contextlib.closing(sqlite3.connect(source)) as rows:
        rows.execute("ATTACH ? AS copied", (str(target),))
        return sum(
            rows.execute(
                f"SELECT COUNT(*) FROM (SELECT {what} FROM {one}.{table} EXCEPT"
                f" SELECT {what} FROM {other}.{table})"
            ).fetchone()[0]
            for table in TABLES
            for what in (AS_COPIED.get(table, "*"),)
            for one, other in (("main", "copied"), ("copied", "main"))
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--enrolled", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--on", type=Path, help="a folder on the disk that is meant")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.on) as folder:
        source, target = Path(folder, "from.gallery"), Path(folder, "to.gallery")
        written(source, options.enrolled)
        print(f"{source.stat().st_size / 1e9:.2f} GB", flush=True)
        runs = []
        for run in attempts(source, target, options.kills):
            runs.append(run)
            print(json.dumps(run), flush=True)
        result = {
            "date": datetime.now(UTC).date().isoformat(),
            "enrolled": options.enrolled,
            "gb": source.stat().st_size / 1e9,
            "runs": runs,
            "rows": there(target),
            "differing_rows": differing(source, target),
            "peak_gb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9,
        }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
