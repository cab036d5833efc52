from __future__ import annotations

import os
from pathlib import Path

import pytest

from holotype.cores import usable_cores


@pytest.fixture(autouse=True)
def _eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_where_nothing_limits_them_all_that_the_process_may_run_on(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == 8
    write(tmp_path / "proc/self/cgroup", "0::/\n")
    write(tmp_path / "sys/fs/cgroup/cpu.max", "max 100000\n")
    assert usable_cores(tmp_path) == 8


@pytest.mark.parametrize(
    ("own", "outer", "cores"),
    [
        ("250000 100000", "max 100000", 2),
        ("max 100000", "300000 100000", 3),
        ("50000 100000", "max 100000", 1),
        ("1600000 100000", "max 100000", 8),
        ("nonsense", "max 100000", 8),
    ],
)
def test_the_quota_of_a_group_and_of_what_it_lies_in(
    tmp_path: Path, own: str, outer: str, cores: int
) -> None:
    write(tmp_path / "proc/self/cgroup", "0::/outer/own\n")
    write(tmp_path / "sys/fs/cgroup/outer/own/cpu.max", own)
    write(tmp_path / "sys/fs/cgroup/outer/cpu.max", outer)
    assert usable_cores(tmp_path) == cores


@pytest.mark.parametrize(("quota", "cores"), [("400000", 4), ("-1", 8)])
def test_the_first_version_of_groups(tmp_path: Path, quota: str, cores: int) -> None:
    write(tmp_path / "proc/self/cgroup", "5:memory:/box\n4:cpu,cpuacct:/box\n0::/\n")
    group = tmp_path / "sys/fs/cgroup/cpu,cpuacct"
    write(group / "cpu.cfs_quota_us", quota)
    write(group / "cpu.cfs_period_us", "100000")
    assert usable_cores(tmp_path) == cores
