"""Shared by all tests: their parts, where the data sets lie, and what was left out and why."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings

from parts import PARTS, part_of

# Before NumPy is loaded. With a process of tests on each core, the threads of one wait for those of
# another, and keep the cores busy meanwhile: a step of training takes up to ten times as long.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# No test is red because the machine is busy.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

# What a selection leaves to `make check-all`: how many tests of which mark.
_LEFT = pytest.StashKey[Counter[str]]()
_Report = TypeVar("_Report", pytest.TestReport, pytest.CollectReport)
_WANTING = "needs "  # how a reason begins where something is missing on this machine


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--nothing-missing",
        action="store_true",
        help="a test that lacks something that it needs fails, where it would be skipped",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEFT] = Counter()
    for part in ("core", *PARTS):
        config.addinivalue_line("markers", f"{part}: of that part of the tests (tests/parts.py)")


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No width of a terminal that the test runner has: what is printed goes into a pipe."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(autouse=True)
def _no_memory(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No self-test is passed because it was passed on this machine before."""
    place = tmp_path_factory.getbasetemp() / "self-tests"
    monkeypatch.setattr("holotype.model.self_test.folder", lambda: place)


@pytest.hookimpl(tryfirst=True)  # before marks are selected by
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What takes long and begins late would be waited for by all other processes.
    items.sort(key=lambda item: (*PARTS, "core").index(part_of(item.path)))
    for item in items:
        if not any(map(item.get_closest_marker, PARTS)):  # a store's run of a shared test
            item.add_marker(part_of(item.path))
    if os.environ.get("HOLOTYPE_DATA"):
        return
    skip = pytest.mark.skip(reason="needs the data sets: set HOLOTYPE_DATA to their folder")
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(skip)


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in (*PARTS, "data", "slow"):
            if item.get_closest_marker(mark):
                item.config.stash[_LEFT][mark] += 1
                break


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # one of several processes: it tells the first
        session.config.workeroutput["left"] = dict(session.config.stash[_LEFT])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    # Each process collects and leaves the same.
    node.config.stash[_LEFT] = Counter(getattr(node, "workeroutput", {}).get("left", {}))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _missing_is_failed(item.config, (yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _missing_is_failed(collector.config, (yield))


def _missing_is_failed(config: pytest.Config, report: _Report) -> _Report:
    if config.getoption("--nothing-missing") and _wanting(report):
        report.outcome, report.longrepr = "failed", _wanting(report)
    return report


def _wanting(report: pytest.TestReport | pytest.CollectReport) -> str:
    """What the test of this report was skipped for want of, or nothing."""
    if not (report.skipped and isinstance(report.longrepr, tuple)):
        return ""
    reason = report.longrepr[2].removeprefix("Skipped: ")
    return reason if reason.startswith(_WANTING) else ""


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    wanting = Counter(filter(None, map(_wanting, terminalreporter.stats.get("skipped", []))))
    for reason, count in wanting.items():
        terminalreporter.write_line(f"Skipped {count}: {reason}.")
    if left := config.stash[_LEFT]:
        said = ", ".join(f"{count} {mark}" for mark, count in left.items())
        terminalreporter.write_line(f"Left to `make check-all`: {said} (see CONTRIBUTING.md).")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    return Path(os.environ["HOLOTYPE_DATA"])
