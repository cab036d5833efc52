"""The memory of a gallery of a million: its vectors mapped from a file, beside all in memory.

    python benchmarks/gallery_memory.py [--enrolled 1000000] [--on FOLDER]

A gallery file of random unit vectors, one an identity (`copy_kill.py`). One process after the other
opens it and answers probes with a stated rate; then somebody is enrolled, and somebody forgotten,
and the probes are asked again. In the second process no file can be made for the vectors, so that
they lie in memory, as those of a gallery in a database do. Of both: memory of its own, and what is
read of files, which the system takes back when it likes (Linux). Answers are compared. Writes
results/gallery_memory.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import holotype
from copy_kill import PACK, written
from exact_search import memory, watched
from holotype.pack import load_pack
from holotype.stats.scoring import unit

RESULT = Path(__file__).parent.parent / "results" / "gallery_memory.json"
PROBES, RATE = 8, 0.01
OPTION = "--answer"  # of a process of this one


def refused(*_: object, **__: object) -> None:
    raise OSError("no file")


def answered(path: Path, in_memory: bool) -> dict[str, Any]:
    """Answers, and GB that this process had for them."""
    dim = load_pack(PACK).card.embedding_dim
    draw = np.random.default_rng(1)
    probes = unit(draw.standard_normal((PROBES, dim), np.float32))
    found: dict[str, Any] = {"in_memory": in_memory, "bare_gb": memory("RssAnon") / 1e9}
    answers = []

    def ask() -> None:
        found = recognizer.identify(vectors=probes, fpir=RATE)
        answers.extend([(each.label, each.similarity) for each in one.candidates] for one in found)

    def note(name: str) -> None:
        found[f"{name}_gb"] = memory("RssAnon") / 1e9
        found[f"{name}_mapped_gb"] = memory("RssFile") / 1e9
        found[f"{name}_processor_s"] = time.process_time()

    with watched() as most, holotype.open(path) as recognizer:
        ask()
        note("asked")
        recognizer.enroll("somebody", vectors=probes[:1])
        ask()
        note("enrolled")
        recognizer.forget("person 7")
        ask()
        note("forgotten")
    return {**found, "most_gb": most[0] / 1e9, "answers": answers}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--enrolled", type=int, default=1_000_000)
    parser.add_argument("--on", type=Path, help="a folder on the disk that is meant")
    parser.add_argument(OPTION, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answer:
        place, kind = options.answer
        no_file = patch.object(tempfile, "TemporaryFile", refused)
        with no_file if kind == "memory" else nullcontext():
            print(json.dumps(answered(Path(place), kind == "memory")))
        return
    rows = []
    with tempfile.TemporaryDirectory(dir=options.on) as folder:
        whole, asked = Path(folder) / "whole.gallery", Path(folder) / "asked.gallery"
        written(whole, options.enrolled)
        for kind in ("file", "memory"):
            shutil.copy(whole, asked)
            command = [sys.executable, __file__, OPTION, str(asked), kind]
            rows.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    answers = [row.pop("answers") for row in rows]
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "enrolled": options.enrolled,
        "equal_answers": answers[0] == answers[1],
        "kinds": rows,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
