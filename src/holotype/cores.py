"""How many processor cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath


def usable_cores(root: Path = Path("/")) -> int:
    """Cores that this process may run on: not those of the machine, but its share of them.

    A container is given a set of cores, or processor time worth so many (a quota of its control
    group, or of one that this lies in). More threads than that only wait for each other.

    Args:
        root: where `proc` and `sys` lie.

    Returns:
        At least 1; a share of a core counts as none beyond the first.
    """
    counts = [float(os.cpu_count() or 1)]
    if hasattr(os, "sched_getaffinity"):
        counts.append(len(os.sched_getaffinity(0)))
    return max(1, int(min(counts + _quotas(root))))


def _quotas(root: Path) -> list[float]:
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2
            mount, read = root / "sys/fs/cgroup", _version_2
        elif "cpu" in controllers.split(","):
            mount, read = root / "sys/fs/cgroup" / controllers, _version_1
        else:
            continue
        group = PurePosixPath(path.lstrip("/"))
        for part in (group, *group.parents):  # a limit holds for all that lies in a group
            try:
                quota = read(mount / part)
            except (OSError, ValueError):  # not there, or not of the known form: no limit known
                continue
            if quota is not None:
                found.append(quota)
    return found


def _version_2(group: Path) -> float | None:
    quota, period = (group / "cpu.max").read_text().split()
    return None if quota == "max" else int(quota) / int(period)


def _version_1(group: Path) -> float | None:
    quota = int((group / "cpu.cfs_quota_us").read_text())
    return None if quota <= 0 else quota / int((group / "cpu.cfs_period_us").read_text())
