"""D-Bus values as bytes and back; no I/O. The types are those of the D-Bus specification, named by its signatures.

A signature stands for a Python value: numbers are int (`d` float, `b` bool), `s`, `o`, `g` are str, an array is a list
(of bytes: `ay` is bytes), a dictionary is a dict, a struct is a tuple, and `v` is a Variant, which says its own type.
What comes in is not trusted: every length is held against what is there.
"""

import struct

from lowrt.errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_ARRAY = 1 << 26
MAX_DEPTH = 64  # 32 arrays and 32 structs: nothing that is legal is deeper

# code → (struct's letter, size and alignment)
_FIXED = {
    "y": ("B", 1),
    "b": ("I", 4),
    "n": ("h", 2),
    "q": ("H", 2),
    "i": ("i", 4),
    "u": ("I", 4),
    "x": ("q", 8),
    "t": ("Q", 8),
    "d": ("d", 8),
    "h": ("I", 4),
}
_ALIGNMENT = {**{code: size for code, (_, size) in _FIXED.items()}, "s": 4, "o": 4, "g": 1, "v": 1, "a": 4}
_ALIGNMENT |= {"(": 8, "{": 8}
_BASIC = frozenset(_FIXED) | {"s", "o", "g"}


class WireError(Fault):
    """Bytes that are no D-Bus, or a value that does not fit its signature."""


class Variant:
    """A value that carries its type."""

    __slots__ = ("signature", "value")

    def __init__(self, signature: str, value: "Any") -> None:
        self.signature = signature
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Variant) and (self.signature, self.value) == (other.signature, other.value)

    __hash__ = None  # type: ignore[assignment]  # its value may be a list

    def __repr__(self) -> str:
        return f"Variant({self.signature!r}, {self.value!r})"


def split(signature: str) -> list[str]:
    """The single complete types of a signature."""
    if len(signature) > 255:
        raise WireError("signature longer than 255 characters")
    types, position = [], 0
    while position < len(signature):
        end = _end_of_type(signature, position, 0)
        types.append(signature[position:end])
        position = end
    return types


def _end_of_type(signature: str, start: int, depth: int) -> int:
    code = signature[start : start + 1]
    if depth > MAX_DEPTH:
        raise WireError("signature too deep")
    if code in _BASIC or code == "v":
        return start + 1
    if code == "a":
        if signature[start + 1 : start + 2] == "{":
            return _end_of_entry(signature, start + 1, depth + 1)
        return _end_of_type(signature, start + 1, depth + 1)
    if code == "(":
        position = start + 1
        while signature[position : position + 1] != ")":
            position = _end_of_type(signature, position, depth + 1)
        if position == start + 1:
            raise WireError("empty struct in signature")
        return position + 1
    raise WireError(f"invalid signature {signature!r}")


def _end_of_entry(signature: str, start: int, depth: int) -> int:
    if signature[start + 1 : start + 2] not in _BASIC:
        raise WireError(f"invalid dictionary key in signature {signature!r}")
    end = _end_of_type(signature, start + 2, depth + 1)
    if signature[end : end + 1] != "}":
        raise WireError(f"unfinished dictionary in signature {signature!r}")
    return end + 1


class Writer:
    """Marshals, little-endian; `data` begins at an offset that is a multiple of eight."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, signature: str, values: "list[Any] | tuple[Any, ...]") -> None:
        """One value for each complete type."""
        types = split(signature)
        if len(types) != len(values):
            raise WireError(f"{len(values)} value(s) for signature {signature!r}")
        for kind, value in zip(types, values, strict=True):
            self._put(kind, value)

    def align(self, size: int) -> None:
        self.data += bytes(-len(self.data) % size)

    def _put(self, kind: str, value: "Any") -> None:
        code = kind[0]
        if code in _FIXED:
            letter, size = _FIXED[code]
            self.align(size)
            try:
                self.data += struct.pack("<" + letter, value)
            except (struct.error, TypeError) as error:
                raise WireError(f"{value!r} does not fit type {code!r}: {error}") from None
        elif code in "sog":
            self._put_text(code, value)
        elif code == "v":
            if not isinstance(value, Variant) or len(split(value.signature)) != 1:
                raise WireError(f"{value!r} is no variant of one complete type")
            self._put_text("g", value.signature)
            self._put(value.signature, value.value)
        elif code == "a":
            self._put_array(kind[1:], value)
        else:
            self.align(8)
            self.write(kind[1:-1], value)

    def _put_text(self, code: str, value: "Any") -> None:
        if not isinstance(value, str) or "\0" in value:
            raise WireError(f"{value!r} does not fit type {code!r}")
        text = value.encode(errors="replace")
        if code == "g":
            self.data += bytes((len(text),))
        else:
            self.align(4)
            self.data += struct.pack("<I", len(text))
        self.data += text + b"\0"

    def _put_array(self, element: str, value: "Any") -> None:
        self.align(4)
        place = len(self.data)
        self.data += bytes(4)
        self.align(_ALIGNMENT[element[0]])
        start = len(self.data)
        if element == "y":
            self.data += bytes(value)
        elif element[0] == "{":
            for pair in value.items():
                self.align(8)
                self.write(element[1:-1], pair)
        else:
            for item in value:
                self._put(element, item)
        if len(self.data) - start > MAX_ARRAY:
            raise WireError("array longer than 64 MiB")
        struct.pack_into("<I", self.data, place, len(self.data) - start)


class Reader:
    """Unmarshals from bytes whose beginning is at an offset that is a multiple of eight."""

    def __init__(self, data: bytes, *, big_endian: bool = False) -> None:
        self._data = data
        self._order = ">" if big_endian else "<"
        self.position = 0

    def read(self, signature: str) -> "list[Any]":
        """The values of all the complete types."""
        return [self._get(kind, 0) for kind in split(signature)]

    def align(self, size: int) -> None:
        gap = -self.position % size
        if any(self._take(gap)):
            raise WireError("padding that is not zero")

    def _take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self._data):
            raise WireError("message ends too early")
        piece = self._data[self.position : end]
        self.position = end
        return piece

    def _get(self, kind: str, depth: int) -> "Any":
        if depth > MAX_DEPTH:
            raise WireError("value too deep")
        code = kind[0]
        if code in _FIXED:
            return self._get_fixed(code)
        if code in "sog":
            return self._get_text(code)
        if code == "v":
            signature = self._get_text("g")
            if len(split(signature)) != 1:
                raise WireError(f"variant of {signature!r}")
            return Variant(signature, self._get(signature, depth + 1))
        if code == "a":
            return self._get_array(kind[1:], depth + 1)
        self.align(8)
        return tuple(self._get(part, depth + 1) for part in split(kind[1:-1]))

    def _get_fixed(self, code: str) -> "Any":
        letter, size = _FIXED[code]
        self.align(size)
        (value,) = struct.unpack(self._order + letter, self._take(size))
        if code != "b":
            return value
        if value > 1:
            raise WireError(f"boolean {value}")
        return bool(value)

    def _get_text(self, code: str) -> str:
        length = self._get_fixed("y" if code == "g" else "u")
        text = self._take(length + 1)
        if text[-1] or 0 in text[:-1]:
            raise WireError("string without its end, or with one inside")
        try:
            return text[:-1].decode()
        except UnicodeDecodeError:
            raise WireError("string that is not UTF-8") from None

    def _get_array(self, element: str, depth: int) -> "Any":
        length = self._get_fixed("u")
        if length > MAX_ARRAY:
            raise WireError("array longer than 64 MiB")
        self.align(_ALIGNMENT[element[0]])
        if element == "y":
            return self._take(length)
        end = self.position + length
        if end > len(self._data):
            raise WireError("message ends too early")
        items = []
        while self.position < end:
            if element[0] == "{":
                self.align(8)
                items.append(tuple(self._get(part, depth + 1) for part in split(element[1:-1])))
            else:
                items.append(self._get(element, depth))
        if self.position != end:
            raise WireError("array whose last element is longer than it")
        return dict(items) if element[0] == "{" else items


def marshal(signature: str, values: "list[Any] | tuple[Any, ...]") -> bytes:
    """The body of a message."""
    writer = Writer()
    writer.write(signature, values)
    return bytes(writer.data)


def unmarshal(signature: str, data: bytes, *, big_endian: bool = False) -> "list[Any]":
    """The values of a message's body; all of it must be used."""
    reader = Reader(data, big_endian=big_endian)
    values = reader.read(signature)
    if reader.position != len(data):
        raise WireError("bytes after the last value")
    return values
