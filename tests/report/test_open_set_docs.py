from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from report_toys import at, proof

PAGE = Path(__file__).parents[2] / "docs" / "open-set.md"


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    exec(compile(example, str(PAGE), "exec"), {})
    said = r"\d+\.\d% of strangers let in, \d+% recognized\nguaranteed in 200 galleries\n"
    assert re.fullmatch(said, capsys.readouterr().out)


def test_the_documented_keys_are_the_keys() -> None:
    found = proof(at(p10=0.3, p1=0.5), probability=lambda best: np.clip(best, 0, 1))
    keys = set(re.findall(r'"(\w+)":', json.dumps(found.to_json())))
    table = PAGE.read_text(encoding="utf-8").split("## The terms in the JSON")[1].split("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", table, re.M))))
    assert len(named) > 12
    assert named <= keys
