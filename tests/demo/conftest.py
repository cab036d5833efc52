"""One run of the demo with a toy model, for all tests to look at."""

from __future__ import annotations

import pytest

from holotype import demo
from toy_packs import make_toy_pack


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> demo.Demo:
    pack = make_toy_pack(tmp_path_factory.mktemp("packs") / "toy")
    return demo.run(lambda what, done, total: None, str(pack))
