"""Walk README and docs in clean environments, one for each set of extras that a page installs.

    python tests/clean_walk.py              # all
    python tests/clean_walk.py sklearn      # only the pages that install no other extra

Each environment is a copy of the tracked files with the `.venv` that `make demo` makes first; the
pages that take the same extras are walked in it one after the other. What cannot be walked here
is named with its reason. Some minutes, most of them for pip; torch is 200 MB.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pages import PAGES, ROOT, blocks, extras, walk
from stand_ins import prepare

_NEEDS_DATA = {"door.md"}


def clone(folder: Path) -> Path:
    """A copy of the tracked files, with a base environment."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    subprocess.run(["make", ".venv/base"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


def pip_works() -> str:
    """Why pip cannot install here; empty where it can."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, "typer"],
            capture_output=True,
            text=True,
        )
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else ""


def main(chosen: list[str]) -> None:
    why_not = pip_works()
    if why_not:
        print(f"skipped: pip cannot install here ({why_not})")
        return
    groups: dict[tuple[str, ...], list[Path]] = {}
    for page in PAGES:
        if any(not block.not_run for block in blocks(page)):
            groups.setdefault(tuple(sorted(extras(page))), []).append(page)
    for needed, pages in groups.items():
        if chosen and set(needed) != set(chosen):
            continue
        with tempfile.TemporaryDirectory() as folder:
            os.environ["HOME"] = str(Path(folder, "home"))
            here = clone(Path(folder, "holotype"))
            for page in pages:
                name = f"{page.name} with {', '.join(needed) or 'the base alone'}"
                if page.name in _NEEDS_DATA and not os.environ.get("HOLOTYPE_DATA"):
                    print(f"skipped {name}: its stand-ins come from HOLOTYPE_DATA", flush=True)
                    continue
                prepare(page, here)
                walk(page, here, here / ".venv" / "bin", clone=True)
                print(f"walked {name}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
