"""Protocol buffers, read and written without the package of that name.

The base install has no `onnx`; what must be known of a model before it runs is little. Source of
the encoding: Protocol Buffers, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
_MAX_VARINT_BYTES = 10

Value = int | memoryview


def fields(message: memoryview) -> Iterator[tuple[int, Value]]:
    """The fields of a message in the order of the file: number, and integer or bytes.

    Raises:
        ValueError: the message is truncated, or no message.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise ValueError("it has a field without a number")
        if kind == VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == BYTES:
            length, at = _varint(message, at)
        elif kind in _FIXED_BYTES:
            length = _FIXED_BYTES[kind]
        else:
            raise ValueError(f"it has a field of the unknown kind {kind}")
        if length > len(message) - at:
            raise ValueError("it ends in the middle of a field")
        yield number, message[at : at + length]
        at += length


def messages(message: memoryview, number: int) -> Iterator[memoryview]:
    """The messages, strings or bytes in the fields of one number."""
    for found, value in fields(message):
        if found == number:
            yield content(value)


def content(value: Value) -> memoryview:
    """The bytes of a field that must have some."""
    if isinstance(value, int):
        raise ValueError("it has a number where a message should be")
    return value


def text(value: Value) -> str:
    """A string field."""
    return bytes(content(value)).decode(errors="replace")


def integers(value: Value) -> Iterator[int]:
    """A repeated integer field, packed or not; negative as two's complement of 64 bits."""
    if isinstance(value, int):
        yield _signed(value)
        return
    at = 0
    while at < len(value):
        number, at = _varint(value, at)
        yield _signed(number)


def field(number: int, value: Value | bytes) -> bytes:
    """A field as it stands in a message, of an integer from 0 on or of bytes."""
    if isinstance(value, int):
        return _encoded(number << 3 | VARINT) + _encoded(value)
    return tagged(number, bytes(value))


def tagged(number: int, value: bytes) -> bytes:
    """A field that holds bytes, as it stands in a message."""
    return _encoded(number << 3 | BYTES) + _encoded(len(value)) + value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    result = 0
    for position in range(_MAX_VARINT_BYTES):
        if at + position >= len(message):
            raise ValueError("it ends in the middle of a number")
        byte = message[at + position]
        result |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            return result & (1 << 64) - 1, at + position + 1
    raise ValueError("it has a number that does not end")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _encoded(value: int) -> bytes:
    result = bytearray()
    while value >= 0x80:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)
