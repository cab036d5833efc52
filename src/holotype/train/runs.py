"""The folder of a training run, and what makes one run the continuation of another."""

from __future__ import annotations

import json
import platform
import shlex
import subprocess
import sys
from dataclasses import MISSING, asdict, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from holotype.errors import TrainingError
from holotype.train.checkpoints import write_json
from holotype.train.settings import TrainingSettings

RUN = "run.json"
# What run.json notes beside what defines the run.
NOTED = (
    "command",
    "started",
    "commit",
    "versions",
    "machine",
    "device",
    "card",
    "asked",
    "measured",
    "processes",
)


def check_new(out: Path) -> None:
    """Refuse a folder that a new run cannot have.

    Raises:
        TrainingError: the folder holds a run, or anything else.
    """
    if (out / RUN).exists():
        raise TrainingError(
            f"{out} already holds a training run",
            "Continue it with resume (on the command line --resume), or choose another folder",
        )
    # A start that was killed before run.json was whole leaves a partial file, and may be redone.
    if out.exists() and any(not entry.name.endswith(".partial") for entry in out.iterdir()):
        raise TrainingError(
            f"{out} is not empty, and a new run needs a folder of its own",
            "Choose a folder that does not exist yet",
        )


def start(
    out: Path, settings: TrainingSettings, config: dict[str, Any], facts: dict[str, Any]
) -> None:
    """Make the folder of a new run and write its `run.json`.

    Args:
        out: the folder.
        settings: compared on resume.
        config: likewise, ready for JSON.
        facts: noted only, ready for JSON.

    Raises:
        TrainingError: the folder holds a run, or anything else.
    """
    check_new(out)
    out.mkdir(parents=True, exist_ok=True)
    facts = {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "versions": versions(),
        "machine": f"{platform.machine()} {platform.system()}",
        "threads": torch.get_num_threads(),
        **facts,
    }
    write_json(out / RUN, {"config": config, "settings": asdict(settings), **facts})


def check_same(out: Path, settings: TrainingSettings, config: dict[str, Any]) -> None:
    """Refuse to resume a run as something else than it was started as.

    Raises:
        TrainingError: there is no run, or a setting differs.
    """
    run = read(out)
    # A setting that came with a later version had its default before.
    unsaid = {f.name: f.default for f in fields(TrainingSettings) if f.default is not MISSING}
    before = _flat({"settings": unsaid | run["settings"], "config": run["config"]})
    now = _flat({"settings": asdict(settings), "config": json.loads(json.dumps(config))})
    for key in sorted(before.keys() | now.keys()):
        if before.get(key) != now.get(key):
            raise another(out, key.partition(".")[2], before.get(key), now.get(key))


def another(out: Path, name: str, before: Any, now: Any) -> TrainingError:
    """What says that a run cannot go on with another value of a setting."""
    return TrainingError(
        f"the run in {out} was started with {name}={before!r}; it cannot go on with {name}={now!r}",
        f"Resume with {name}={before!r}, or start a new run",
    )


def read(out: Path) -> dict[str, Any]:
    """The `run.json` of a run.

    Raises:
        TrainingError: the folder holds no run.
    """
    try:
        run = json.loads((out / RUN).read_text())
    except FileNotFoundError:
        raise TrainingError(
            f"{out} holds no training run", "Name the folder of a run, or start one without resume"
        ) from None
    except ValueError as error:
        raise TrainingError(f"{out / RUN} is not JSON ({error})", "Start a new run") from error
    if not (isinstance(run, dict) and {"config", "settings"} <= run.keys()):
        raise TrainingError(f"{out / RUN} does not describe a run", "Start a new run")
    return run


def commit() -> str | None:
    """The commit that this code is at, "-dirty" where files differ; None outside its repository."""
    here = Path(__file__)
    try:
        # An installed copy may lie inside somebody else's repository, untracked: not our commit.
        subprocess.run(
            ["git", "ls-files", "--error-unmatch", here.name],
            cwd=here.parent,
            check=True,
            capture_output=True,
        )
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=here.parent,
            check=True,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return described.stdout.strip()


def versions() -> dict[str, str]:
    """The versions that results may depend on."""
    found = {"python": platform.python_version()}
    for name in ("holotype", "torch", "numpy", "onnx", "onnxruntime"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    result: dict[str, Any] = {}
    for key, item in value.items():
        result |= _flat(item, f"{prefix}.{key}" if prefix else str(key))
    return result
