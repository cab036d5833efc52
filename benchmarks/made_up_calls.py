"""A hundred thousand calls that nobody would make: is each answer one that is described?

    python benchmarks/made_up_calls.py

Schemathesis makes up calls from the description of the routes, valid and not, and holds each
answer against it. A round is a new server on a new gallery, and another seed: in a gallery that
has grown by thousands of such calls, exports and lists take longer than all else. The first round
also tries each limit of each parameter. Rounds go on until there are enough requests.

Writes results/made_up_calls.json after each round, and ends with 1 where an answer was a 5xx or
none that is described.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path

import holotype

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from fuzzing import Answered, made_up_calls
from real_server import Server, drawing
from toy_packs import make_toy_pack

RESULT = Path(__file__).parent.parent / "results" / "made_up_calls.json"
REQUESTS, EXAMPLES, ENROLLED = 100_000, 100, 4
ALL = "examples,coverage,fuzzing,stateful"


def round_of(seed: int, examples: int, phases: str) -> Answered:
    """So many calls for each operation of a new server."""
    with tempfile.TemporaryDirectory() as folder:
        gallery = Path(folder) / "desk.gallery"
        pack = make_toy_pack(Path(folder) / "toy")
        with holotype.open(gallery, pack, keep_pictures=True) as recognizer:
            for character in range(ENROLLED):
                recognizer.enroll(f"c{character}", drawing(character))
        server = Server(gallery, "--calls-a-minute", 10**9, "--inbox", 1)
        try:
            return made_up_calls(server, Path(folder), examples, "--phases", phases, seed=seed)
        finally:
            server.kill()


def all_rounds(examples: int) -> Iterator[Answered]:
    """One after the other is done, as many at once as there are processors."""
    at_once = os.cpu_count() or 1
    with ThreadPoolExecutor(at_once) as threads:
        seeds = itertools.count(1)
        running = {threads.submit(round_of, next(seeds), examples, ALL)}
        try:
            while True:
                while len(running) < at_once:
                    running.add(threads.submit(round_of, next(seeds), examples, "fuzzing"))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (one.result() for one in done)
        finally:
            for one in running:
                one.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    statuses, routes, undescribed = Counter[int](), Counter[str](), 0
    begun = time.monotonic()
    for rounds, found in enumerate(all_rounds(options.examples), start=1):
        statuses, routes = statuses + found.statuses, routes + found.routes
        if not found.described:
            undescribed += 1
            print(found.report, flush=True)
        result = {
            "command": f"python benchmarks/made_up_calls.py --requests {options.requests}"
            f" --examples {options.examples}",
            "date": datetime.now(UTC).date().isoformat(),
            "requests": statuses.total(),
            "bar_requests": REQUESTS,
            "minutes": round((time.monotonic() - begun) / 60, 1),
            "rounds": rounds,
            "rounds_with_an_undescribed_answer": undescribed,
            "server_errors": sum(count for status, count in statuses.items() if status >= 500),
            "statuses": {str(status): count for status, count in sorted(statuses.items())},
            "routes": len(routes),
            "fewest_of_a_route": min(routes.values()),
        }
        options.out.write_text(json.dumps(result, indent=1) + "\n")
        print(rounds, statuses.total(), result["minutes"], result["statuses"], flush=True)
        if statuses.total() >= options.requests:
            break
    sys.exit(bool(undescribed or result["server_errors"]))


if __name__ == "__main__":
    main()
