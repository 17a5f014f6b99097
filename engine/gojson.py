"""Requests read as Go's encoding/json reads them into a struct: https://pkg.go.dev/encoding/json#Unmarshal.

A shape says what a value must be. Names match without regard to case, unknown ones stay as they are, null means nothing
was said, and what has the wrong type is refused in Go's words, which name the innermost struct and the whole way to the
field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proto.errdefs import InvalidArgument


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a document a value stands: the struct that it is in, and the fields that lead there."""

    struct: str = ""
    path: tuple[str, ...] = ()

    def mismatch(self, value: Any, wanted: str) -> InvalidArgument:
        """The value that is here is none of the wanted type."""
        what = _json_type(value)
        if what == "number" and wanted.lstrip("u").startswith(("int", "time.Duration", "os.FileMode")):
            what = f"number {value}" if not isinstance(value, int) or _is_big(value, wanted) else what
        where = f"struct field {self.struct}.{'.'.join(self.path)}" if self.path else "value"
        return InvalidArgument(f"invalid JSON: json: cannot unmarshal {what} into Go {where} of type {wanted}")


class Shape:
    """What a value must be; `go` is the type's name, `zero` what null is in a list or a map of it."""

    __slots__ = ()
    go: str
    zero: Any

    def read(self, value: Any, place: Place) -> Any:
        """The value as it is to be kept; raises InvalidArgument."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Text(Shape):
    """A string."""

    go: str = "string"
    zero: Any = ""

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, str):
            raise place.mismatch(value, self.go)
        return value


@dataclass(frozen=True, slots=True)
class Truth(Shape):
    """A bool."""

    go: str = "bool"
    zero: Any = False

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, bool):
            raise place.mismatch(value, self.go)
        return value


@dataclass(frozen=True, slots=True)
class Number(Shape):
    """A whole number that has room in so many bits."""

    go: str = "int64"
    bits: int = 64
    signed: bool = True
    zero: Any = 0

    def read(self, value: Any, place: Place) -> Any:
        lowest = -(1 << self.bits - 1) if self.signed else 0
        highest = (1 << (self.bits - 1 if self.signed else self.bits)) - 1
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise place.mismatch(value, self.go)
        return value


@dataclass(frozen=True, slots=True)
class Listed(Shape):
    """A slice; of a fixed length where `size` says so: what is missing is zero, what is too much is nobody's."""

    of: Shape
    go: str = ""
    size: int = 0
    zero: Any = None

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, list):
            raise place.mismatch(value, self.go or f"[]{self.of.go}")
        found = [self.of.zero if part is None else self.of.read(part, place) for part in value]
        return [*found, *[self.of.zero] * self.size][: self.size] if self.size else found


@dataclass(frozen=True, slots=True)
class Words(Shape):
    """docker's StrSlice: a list of strings, or a lone one."""

    go: str = "string"
    zero: Any = None

    def read(self, value: Any, place: Place) -> Any:
        return TEXTS.read(value, place) if isinstance(value, list) else [TEXT.read(value, place)]


@dataclass(frozen=True, slots=True)
class Mapped(Shape):
    """A map by strings. null in it is the zero value, or a null pointer where the values are structs."""

    of: Shape
    go: str = ""
    zero: Any = None

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, dict):
            raise place.mismatch(value, self.go or f"map[string]{self.of.go}")
        nothing = None if isinstance(self.of, Struct) else self.of.zero
        return {key: nothing if part is None else self.of.read(part, place) for key, part in value.items()}


@dataclass(frozen=True, slots=True)
class Struct(Shape):
    """Named fields; `whole`: those that were not given are there with their zero values."""

    name: str
    fields: Mapping[str, Shape]
    package: str = "container"
    whole: bool = False
    zero: Any = field(default_factory=dict)
    _folded: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._folded.update({name.lower(): name for name in self.fields})

    @property
    def go(self) -> str:  # type: ignore[override]
        """With its package."""
        return f"{self.package}.{self.name}" if self.package else self.name

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, dict):
            raise place.mismatch(value, self.go)
        done: dict[str, Any] = {name: shape.zero for name, shape in self.fields.items()} if self.whole else {}
        for key, part in value.items():
            name = key if key in self.fields else self._folded.get(key.lower(), "")
            if not name:
                done[key] = part
            elif part is not None:
                done[name] = self.fields[name].read(part, Place(self.name, (*place.path, name)))
        return done


@dataclass(frozen=True, slots=True)
class Anything(Shape):
    """What is not looked into."""

    go: str = "interface {}"
    zero: Any = None

    def read(self, value: Any, place: Place) -> Any:
        return value


TEXT, TRUTH, ANYTHING = Text(), Truth(), Anything()
INT64, INT, UINT = Number(), Number("int"), Number("uint", signed=False)
UINT16, UINT32, UINT64 = (Number(f"uint{bits}", bits, signed=False) for bits in (16, 32, 64))
DURATION = Number("time.Duration")
TEXTS, TEXT_MAP = Listed(TEXT), Mapped(TEXT)
EMPTY = Struct("struct {}", {}, package="")


def read(shape: Struct, document: Any) -> dict[str, Any]:
    """A request's body in a shape."""
    done: dict[str, Any] = shape.read(document, Place())
    return done


def _is_big(value: int, wanted: str) -> bool:
    return not -(1 << 63) <= value < 1 << 63 or (value < 0 and wanted.startswith("u"))


def _json_type(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"
