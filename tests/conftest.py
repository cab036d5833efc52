"""Shared by all tests: where the data sets lie, and what to do when they are not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("HOLOTYPE_DATA"):
        return
    skip = pytest.mark.skip(reason="needs the data sets: set HOLOTYPE_DATA to their folder")
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    return Path(os.environ["HOLOTYPE_DATA"])
