"""A correction, or an undo, that a kill interrupts has happened as a whole or not at all."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from gallery_users import DIM, Hands, state
from hanging import HANGS_S
from holotype.gallery import SqliteGallery

WORKER = """
    import hashlib, os, sys
    from gallery_users import Hands, state
    from holotype.gallery import SqliteGallery

    def tell(sign, what):
        # In one call of the system: `print` would make several where Python does not buffer, and a
        # kill could fall between them.
        os.write(1, f"{sign} {what}\\n".encode())

    with SqliteGallery.existing(sys.argv[1]) as gallery:
        hands = Hands(gallery, int(sys.argv[2]))
        while True:
            # Of each it can be seen whether it was done.
            for name in ("enroll", "rename", "lesson", "note", "enroll", "undo"):
                tell("?", name)
                getattr(hands, name)()
                tell("!", hashlib.sha256(state(gallery).encode()).hexdigest())
            for _ in range(4):
                tell("?", "undo")
                gallery.undo()
                tell("!", hashlib.sha256(state(gallery).encode()).hexdigest())
"""


def digest(gallery: SqliteGallery) -> str:
    return hashlib.sha256(state(gallery).encode()).hexdigest()


def test_no_kill_leaves_half_of_a_correction(tmp_path: Path) -> None:
    path = tmp_path / "g"
    with SqliteGallery.open(path, "m", DIM, model_name="m", keep_pictures=True) as gallery:
        hands = Hands(gallery, 0)
        for _ in range(6):
            hands.enroll()
    draw = random.Random(0)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    for number in range(6):
        with SqliteGallery.existing(path) as gallery:
            states = [digest(gallery)]  # the last is that of now, before it the earlier ones
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WORKER), str(path), str(number + 1)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        ) as worker:
            assert worker.stdout is not None
            said = [worker.stdout.readline()]  # it is at work
            time.sleep(draw.uniform(0.05, 0.4))
            worker.send_signal(signal.SIGKILL)
            said += worker.stdout.read().splitlines()
            assert worker.wait(timeout=HANGS_S) == -signal.SIGKILL
        under_way = ""
        for line in said:
            sign, what = line.split()
            if sign == "?":
                under_way = what
            elif under_way == "undo":
                states.pop()
                assert states[-1] == what
                under_way = ""
            else:
                states.append(what)
                under_way = ""
        with SqliteGallery.existing(path) as gallery:
            now = digest(gallery)
            assert gallery.check().sound
            if under_way == "undo":
                assert now in states[-2:]
                del states[states.index(now, len(states) - 2) + 1 :]
            elif now != states[-1]:
                gallery.undo()  # it was done
            while len(states) > 1:
                assert digest(gallery) == states.pop()
                gallery.undo()
            assert digest(gallery) == states[0]
            assert gallery.check().sound
