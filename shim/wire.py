"""Protobuf's wire format, by hand, for `start` and `delete`: importing the library would cost more than all they do."""

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

Fields = list[tuple[int, bytes]]


def fields(data: bytes) -> Fields:
    """The length-delimited fields of a message in order, others skipped; raises ValueError for what is no message."""
    return list(_walk(data))


def last(found: Fields, number: int) -> bytes:
    """A singular field's value: the last one counts, none is empty."""
    return next((value for name, value in reversed(found) if name == number), b"")


def text(found: Fields, number: int) -> str:
    """A singular string field."""
    return last(found, number).decode("utf-8", "replace")


def number_field(number: int, value: int) -> bytes:
    """An integer field; zero is left out, as proto3 does."""
    return _varint(number << 3 | _VARINT) + _varint(value & 0xFFFFFFFFFFFFFFFF) if value else b""


def bytes_field(number: int, value: bytes) -> bytes:
    """A string, bytes or message field."""
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def timestamp(nanoseconds: int) -> bytes:
    """google.protobuf.Timestamp of a time since the epoch."""
    seconds, nanos = divmod(nanoseconds, 1_000_000_000)
    return number_field(1, seconds) + number_field(2, nanos)


def _walk(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            _, position = _read_varint(data, position)
        elif wire in (_FIXED64, _FIXED32):
            position += 8 if wire == _FIXED64 else 4
        elif wire == _BYTES:
            length, position = _read_varint(data, position)
            if position + length > len(data):
                raise ValueError("truncated protobuf message")
            yield number, data[position : position + length]
            position += length
        else:
            raise ValueError(f"unknown protobuf wire type {wire}")


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(data) and shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
        shift += 7
    raise ValueError("truncated protobuf varint")


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
