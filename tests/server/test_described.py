"""Whatever is sent, the answer is one that is described."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fuzzing import made_up_calls
from real_server import Server

REQUESTS = 2000


@pytest.mark.slow
def test_thousands_of_made_up_calls_get_a_described_answer(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    server = start("--calls-a-minute", 10**9)
    found = made_up_calls(server, tmp_path, 20)
    assert found.described, found.report
    assert found.statuses.total() >= REQUESTS, found.report
    assert all(status < 500 for status in found.statuses), found.statuses
