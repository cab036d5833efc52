"""One run of the demo with a toy model, for all tests to look at."""

from __future__ import annotations

import pytest

from holotype import demo
from holotype.demo import trials
from toy_packs import make_toy_pack


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> demo.Demo:
    pack = make_toy_pack(tmp_path_factory.mktemp("packs") / "toy")
    with pytest.MonkeyPatch.context() as fewer:
        fewer.setattr(trials, "_CHARACTER_TRIALS", 2)
        fewer.setattr(trials, "_DIGIT_TRIALS", 2)
        return demo.run(lambda what, done, total: None, str(pack))
