"""A small folder, and one thread: tiny nets gain nothing from more, and results must not depend."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.folders import write_folder


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six drawings each of twenty characters, as somebody's folder, for nobody to change."""
    sample = load_dataset("sample")
    some = np.flatnonzero((sample.class_index < 20) & (np.arange(len(sample)) % 20 < 6))
    out = tmp_path_factory.mktemp("data") / "mine"
    write_folder(out, sample.images[some], sample.class_index[some], sample.class_names[:20])
    return out
