"""D-Bus values as people write them, in GLib's text format: `uint64 5`, `'text'`, `@as []`, `{'a': <true>}`; no I/O.

What annotations give the properties of a systemd unit in. Tuples are not read: the library that runc reads them with
knows none either.
"""

from lowrt.dbus.wire import Variant, WireError, Writer, split
from lowrt.errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WORDS = {
    "boolean": "b",
    "byte": "y",
    "int16": "n",
    "uint16": "q",
    "int32": "i",
    "uint32": "u",
    "int64": "x",
    "uint64": "t",
    "double": "d",
    "string": "s",
    "objectpath": "o",
    "signature": "g",
}
_INTEGERS = "ynqiuxt"
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\n": ""}
_MOST = 64  # levels


class TextError(Fault):
    """The text is no value."""


class _Node:
    """What was read, before its type is known."""

    __slots__ = ("children", "kind", "text", "type")

    def __init__(self, kind: str, text: "str | bytes" = "", children: "list[Any] | None" = None) -> None:
        self.kind = kind
        self.text: Any = text
        self.children: list[Any] = children or []
        self.type = ""  # as written before it


def parse(text: str) -> Variant:
    """The value of a text that has nothing else in it."""
    parser = _Parser(text)
    node = parser.value(0)
    if parser.rest():
        raise TextError(f"unexpected {parser.rest()[:20]!r}")
    signature = _infer(node)
    try:
        variant = Variant(signature, _build(node, signature))
        Writer().write("v", [variant])  # whether it fits its type
    except WireError as error:
        raise TextError(str(error)) from None
    return variant


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def rest(self) -> str:
        self._skip()
        return self._text[self._position :]

    def value(self, depth: int) -> _Node:
        if depth > _MOST:
            raise TextError("too deep")
        kind = self._type()
        node = self._plain(depth)
        node.type = kind
        return node

    def _skip(self) -> None:
        while self._text[self._position : self._position + 1].isspace():
            self._position += 1

    def _peek(self) -> str:
        self._skip()
        return self._text[self._position : self._position + 1]

    def _take(self, expected: str) -> None:
        if self._peek() != expected:
            raise TextError(f"unexpected {self._peek() or 'end'!r} where {expected!r} belongs")
        self._position += 1

    def _word(self) -> str:
        return self._while(lambda character: character not in " \t\n,:]}>'\"")

    def _while(self, belongs: "Any") -> str:
        start = self._position
        while self._position < len(self._text) and belongs(self._text[self._position]):
            self._position += 1
        return self._text[start : self._position]

    def _type(self) -> str:
        """`@as`, or the word of a basic type."""
        if self._peek() == "@":
            self._position += 1
            kind = self._while(lambda character: not character.isspace())
            try:
                if len(split(kind)) != 1:
                    raise TextError(f"invalid type {kind!r}")
            except WireError:
                raise TextError(f"invalid type {kind!r}") from None
            return kind
        start = self._position
        word = self._word()
        if word in _WORDS:
            return _WORDS[word]
        self._position = start
        return ""

    def _plain(self, depth: int) -> _Node:
        first = self._peek()
        if first in ("'", '"'):
            return _Node("string", self._quoted(first))
        if first == "[":
            return _Node("array", children=self._list("[", "]", lambda: self.value(depth + 1)))
        if first == "{":
            return _Node("dict", children=self._list("{", "}", lambda: self._entry(depth)))
        if first == "<":
            self._take("<")
            inner = self.value(depth + 1)
            self._take(">")
            return _Node("variant", children=[inner])
        word = self._word()
        if word == "b" and self._text[self._position : self._position + 1] in ("'", '"'):
            text = self._quoted(self._text[self._position])
            return _Node("bytes", text.encode("latin-1", "replace") + b"\0")
        if word in ("true", "false"):
            return _Node("boolean", word)
        if word and (word[0].isdigit() or word[0] in "+-."):
            return _Node("number", word)
        raise TextError(f"unexpected {word or self._peek() or 'end'!r}")

    def _list(self, opening: str, closing: str, item: "Any") -> "list[Any]":
        self._take(opening)
        items: list[Any] = []
        while self._peek() != closing:
            if items:
                self._take(",")
            items.append(item())
        self._take(closing)
        return items

    def _entry(self, depth: int) -> "tuple[_Node, _Node]":
        key = self.value(depth + 1)
        self._take(":")
        return key, self.value(depth + 1)

    def _quoted(self, mark: str) -> str:
        pieces = []
        self._position += 1
        while (character := self._next()) != mark:
            pieces.append(self._escaped() if character == "\\" else character)
        return "".join(pieces)

    def _next(self) -> str:
        if self._position >= len(self._text):
            raise TextError("text without its closing quote")
        self._position += 1
        return self._text[self._position - 1]

    def _escaped(self) -> str:
        character = self._next()
        length = {"u": 4, "U": 8, "x": 2}.get(character)
        if length is None:
            return _ESCAPES.get(character, character)
        digits = self._text[self._position : self._position + length]
        self._position += length
        try:
            return chr(int(digits, 16))
        except (ValueError, OverflowError):
            raise TextError(f"bad escape \\{character}{digits}") from None


def _infer(node: _Node) -> str:
    """The type that was written, or the one that the text itself has."""
    if node.type:
        return node.type
    simple = {"string": "s", "boolean": "b", "bytes": "ay", "variant": "v"}
    if node.kind in simple:
        return simple[node.kind]
    if node.kind == "number":
        return "d" if "." in node.text or ("e" in node.text and "x" not in node.text) else "i"
    if not node.children:
        raise TextError("can't infer the type of an empty list")
    if node.kind == "array":
        return "a" + _common(node.children)
    return "a{" + _common([key for key, _ in node.children]) + _common([value for _, value in node.children]) + "}"


def _common(nodes: "list[_Node]") -> str:
    """One that has its type written decides for the others."""
    return next((node.type for node in nodes if node.type), "") or _infer(nodes[0])


def _build(node: _Node, signature: str) -> "Any":
    if node.type and node.type != signature:
        raise TextError(f"can't parse {node.type!r} as type {signature!r}")
    if node.kind == "number" and signature in (*_INTEGERS, "d"):
        return float(node.text) if signature == "d" and _is_float(node.text) else _integer(node.text)
    if node.kind == "string" and signature in ("s", "o", "g"):
        return node.text
    if node.kind == "boolean" and signature == "b":
        return node.text == "true"
    if node.kind == "bytes" and signature == "ay":
        return node.text
    if node.kind == "variant" and signature == "v":
        inner = _infer(node.children[0])
        return Variant(inner, _build(node.children[0], inner))
    if node.kind == "array" and signature[0] == "a" and signature[1] != "{":
        items = [_build(child, signature[1:]) for child in node.children]
        return bytes(items) if signature == "ay" and all(0 <= item <= 255 for item in items) else items
    if node.kind == "dict" and signature.startswith("a{"):
        return {_build(k, signature[2]): _build(v, signature[3:-1]) for k, v in node.children}
    raise TextError(f"can't parse a {node.kind} as type {signature!r}")


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _integer(text: str) -> int:
    """As C writes them: 0x is hexadecimal, a leading 0 octal."""
    digits = text.lstrip("+-")
    base = 16 if digits.startswith("0x") else 8 if digits.startswith("0") and len(digits) > 1 else 10
    try:
        if not digits.removeprefix("0x").isalnum() or not digits.isascii():
            raise ValueError
        number = int(digits, base)
    except ValueError:
        raise TextError(f"{text!r} is no number") from None
    return -number if text.startswith("-") else number
