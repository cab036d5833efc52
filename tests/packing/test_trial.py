"""A stranger's model is run where it can do no harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from holotype.errors import PackError
from holotype.packing.trial import try_out
from hostile_models import (
    HUGE,
    HUGE_IN_SECRET,
    REFUSED_UNREAD,
    SHAPE,
    harmless,
    hours_of_work,
)
from toy_photos import photo_model


def tried(path: Path, model: onnx.ModelProto, **limits: float) -> tuple[int, ...]:
    path.write_bytes(model.SerializeToString())
    return try_out(path, SHAPE, **limits)


def test_what_comes_out(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    assert tried(path, harmless()) == (192,)
    path.write_bytes(photo_model(batch=1).SerializeToString())
    assert try_out(path, (3, 32, 32)) == (24, 1, 1)
    with pytest.raises(PackError, match="cannot be run"):
        try_out(path, (3, 16, 16))


@pytest.mark.parametrize(("make", "said"), [*REFUSED_UNREAD.values(), *HUGE.values()])
def test_what_is_refused(tmp_path: Path, make: Callable[[], onnx.ModelProto], said: str) -> None:
    with pytest.raises(PackError, match=said):
        tried(tmp_path / "model.onnx", make())


@pytest.mark.parametrize("make", HUGE_IN_SECRET.values(), ids=HUGE_IN_SECRET)
def test_what_asks_for_too_much(tmp_path: Path, make: Callable[[], onnx.ModelProto]) -> None:
    with pytest.raises(PackError, match="cannot be run"):
        tried(tmp_path / "model.onnx", make())


def test_what_takes_too_long(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="has not answered on one picture after 5 s"):
        tried(tmp_path / "model.onnx", hours_of_work(), time_limit_s=5)
