"""Errors as a caller meets them: in words, and from another process."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import textwrap
from datetime import UTC, datetime

import pytest

from holotype import errors
from holotype.errors import AlikeError, ErasurePendingError, HolotypeError, ImageError
from holotype.gallery import Erasure

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, HolotypeError)
]


def test_there_are_kinds() -> None:
    assert len(KINDS) >= 12


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy])
def test_an_error_survives_the_way_from_a_process(kind: type[HolotypeError], again) -> None:
    error = again(kind("12 is odd", "Pass 14"))
    assert type(error) is kind
    assert (error.problem, error.remedy) == ("12 is odd", "Pass 14")
    assert str(error) == "12 is odd. Pass 14."


def test_what_an_error_carries_survives_too() -> None:
    receipt = Erasure("an id", 2, datetime(2026, 1, 2, tzinfo=UTC), "a hash", pending=True)
    pending = pickle.loads(pickle.dumps(ErasurePendingError("p", "r", (receipt,))))
    assert pending.receipts == (receipt,)
    assert pickle.loads(pickle.dumps(AlikeError("p", "r", ("Ada",)))).found == ("Ada",)


WORK = """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    from holotype.image import prepare
    from holotype.errors import ImageError

    if __name__ == "__main__":
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            for wait in (
                lambda: pool.map_async(prepare.read, ["missing.png"]).get(timeout=60),
                lambda: pool.apply_async(prepare.read, [b""]).get(timeout=60),
            ):
                try:
                    wait()
                except ImageError as error:
                    print(error)
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            try:
                pool.submit(prepare.read, "missing.png").result(timeout=60)
            except ImageError as error:
                print(error)
"""


def test_a_pool_hands_the_error_over(tmp_path) -> None:
    script = tmp_path / "work.py"
    script.write_text(textwrap.dedent(WORK))
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    missing = "'missing.png': no such file. Check the path."
    assert done.stdout.splitlines() == [
        missing,
        "<0 bytes>: the file is empty (0 bytes). Pass a file that holds a picture.",
        missing,
    ], done.stderr


def test_the_message_has_the_problem_and_the_remedy() -> None:
    with pytest.raises(ImageError, match=r"^too small\. Scale it up\.$"):
        raise ImageError("too small", "Scale it up")
