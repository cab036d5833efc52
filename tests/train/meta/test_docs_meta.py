from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "meta.md"


@pytest.mark.slow
def test_the_example_learns_waves(tmp_path: Path) -> None:
    (code,) = re.findall(r"test_docs_meta\.py -->\n```python\n(.*?)```", PAGE.read_text(), re.S)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[0]) < 0.5, done.stdout
