"""What a server said, as records."""

from __future__ import annotations

import types
import typing
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any, TypeVar

_T = TypeVar("_T")


def record(kind: type[_T], said: Any) -> _T:
    """A record from what `json.loads` made of it; what it does not know is passed over."""
    hints = typing.get_type_hints(kind)
    values = {
        one.name: _value(hints[one.name], said[one.name])
        for one in fields(kind)  # type: ignore[arg-type]
        if one.name in said
    }
    return kind(**values)


def _value(kind: Any, said: Any) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if said is None:
        return None
    if origin in (types.UnionType, typing.Union):
        (kind,) = (one for one in inner if one is not types.NoneType)
        return _value(kind, said)
    if origin is tuple:
        each = inner[:1] * len(said) if inner[-1] is Ellipsis else inner
        return tuple(_value(one, value) for one, value in zip(each, said, strict=True))
    if isinstance(kind, type):
        if is_dataclass(kind):
            return record(kind, said)
        if issubclass(kind, date):
            return kind.fromisoformat(said)
    return said
