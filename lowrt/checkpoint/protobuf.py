"""Protocol Buffers' wire format, as much of it as criu's RPC needs; sans-I/O.

A message is a dict; its type is a table of field names. Three shapes reach the wire: varints for numbers and booleans,
bytes with their length for text and for messages within messages. Fields that a table does not name are skipped, as
every reader of the format must.
"""

from lowrt.errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    Json = dict[str, Any]
    Table = Mapping[str, "Field"]

NUMBER, BOOLEAN, TEXT = "number", "boolean", "text"

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_64_BITS = (1 << 64) - 1
_LONGEST_VARINT = 10


class Field:
    """One field: its number, what it holds (a message has the table of its own fields), and whether it may repeat."""

    __slots__ = ("kind", "number", "repeated", "table")

    def __init__(self, number: int, kind: "str | Table", *, repeated: bool = False) -> None:
        self.number = number
        self.kind = kind if isinstance(kind, str) else "message"
        self.table: Table = {} if isinstance(kind, str) else kind
        self.repeated = repeated


def encode(table: "Table", message: "Json") -> bytes:
    """The message's bytes; a name that the table does not have is a KeyError."""
    out = bytearray()
    for name, value in message.items():
        field = table[name]
        for single in value if field.repeated else (value,):
            out += _encode_field(field, single)
    return bytes(out)


def _encode_field(field: Field, value: "Any") -> bytes:
    if field.kind in (NUMBER, BOOLEAN):
        return _varint(field.number << 3 | _VARINT) + _varint(int(value) & _64_BITS)
    content = encode(field.table, value) if field.kind == "message" else str(value).encode(errors="surrogateescape")
    return _varint(field.number << 3 | _LENGTH) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode(table: "Table", data: bytes) -> "Json":
    """The message of those bytes; a Fault when they are none."""
    by_number = {field.number: (name, field) for name, field in table.items()}
    message: Json = {}
    for number, wire, raw in _fields(data):
        if number not in by_number:
            continue
        name, field = by_number[number]
        value = _value(field, wire, raw)
        if field.repeated:
            message.setdefault(name, []).append(value)
        else:
            message[name] = value
    return message


def _fields(data: bytes) -> "Iterator[tuple[int, int, int | bytes]]":
    """(field number, wire type, varint or bytes) of each field."""
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        wire = key & 7
        if wire == _VARINT:
            value, position = _read_varint(data, position)
            yield key >> 3, wire, value
            continue
        if wire == _LENGTH:
            length, position = _read_varint(data, position)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise Fault(f"malformed message: wire type {wire}")
        if position + length > len(data):
            raise Fault("malformed message: it ends inside a field")
        yield key >> 3, wire, data[position : position + length]
        position += length


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for count in range(_LONGEST_VARINT):
        if position + count >= len(data):
            raise Fault("malformed message: it ends inside a number")
        byte = data[position + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value & _64_BITS, position + count + 1
    raise Fault("malformed message: a number without end")


def _value(field: Field, wire: int, raw: "int | bytes") -> "Any":
    expected = _VARINT if field.kind in (NUMBER, BOOLEAN) else _LENGTH
    if wire != expected:
        raise Fault(f"malformed message: field {field.number} has wire type {wire}")
    if isinstance(raw, int):
        if field.kind == BOOLEAN:
            return bool(raw)
        return raw - (1 << 64) if raw >> 63 else raw  # negative numbers come as 64 bits, whatever their type's width
    if field.kind == "message":
        return decode(field.table, raw)
    return raw.decode(errors="surrogateescape")
