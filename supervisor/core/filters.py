"""The filter grammar of containerd's list calls.

    selectors := selector ("," selector)*          all must match
    selector  := fieldpath [operator value]        without an operator: the field is there
    fieldpath := field ("." field)*
    field     := "quoted" | [A-Za-z0-9_]+
    operator  := "==" | "!=" | "~="                ~= is an unanchored regular expression
    value     := "quoted" | [^ ,]+                 after ~= also /quoted/ and |quoted|

Several filters are alternatives. An object takes part through an Adaptor, which finds a field's value or says None.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from proto.errdefs import InvalidArgument
from supervisor.core.identifiers import quoted
from supervisor.core.quoting import QUOTES, QuoteError, scan_quoted, unquote

logger = logging.getLogger(__name__)

Adaptor = Callable[[Sequence[str]], str | None]

_FIELD = re.compile(r"[A-Za-z0-9_]+")
_OPERATOR = re.compile(r"[=!~]+")
_SPACE = re.compile(r"\s*")


class Filter(Protocol):
    """Whether an object is wanted."""

    def __call__(self, adaptor: Adaptor) -> bool: ...


@dataclass(frozen=True, slots=True)
class Selector:
    """One condition; `operator` is `?` where only presence counts."""

    fieldpath: tuple[str, ...]
    operator: str = "?"
    value: str = ""
    pattern: re.Pattern[str] | None = None

    def __call__(self, adaptor: Adaptor) -> bool:
        found = adaptor(self.fieldpath)
        if self.operator == "?":
            return found is not None
        if self.operator == "==":
            return found is not None and found == self.value
        if self.operator == "!=":
            return (found or "") != self.value
        return self.pattern is not None and self.pattern.search(found or "") is not None


def parse_filters(filters: Sequence[str]) -> Filter:
    """Any of these must match; none at all matches everything."""
    if not filters:
        return _always
    alternatives = [parse_filter(text) for text in filters]
    if len(alternatives) == 1:
        return alternatives[0]
    return lambda adaptor: any(matches(adaptor) for matches in alternatives)


def parse_filter(text: str) -> Filter:
    if not text:
        return _always
    selectors = _Parser(text).selectors()
    return lambda adaptor: all(matches(adaptor) for matches in selectors)


def map_field(fieldpath: Sequence[str], values: Mapping[str, str]) -> str | None:
    """A key of a map of strings; the key may itself have dots."""
    return values.get(".".join(fieldpath))


def present(value: str) -> str | None:
    """A scalar field counts as present only when it is not empty."""
    return value or None


def _always(adaptor: Adaptor) -> bool:
    return True


class _Parser:
    """Recursive descent over one filter."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._pos = 0

    def selectors(self) -> list[Selector]:
        found = [self._selector()]
        while (char := self._peek()) != "":
            if char != ",":
                raise self._error(self._pos + 1, f"unexpected input: {char}")
            self._pos += 1
            found.append(self._selector())
        return found

    def _selector(self) -> Selector:
        fieldpath = self._fieldpath()
        if self._peek() in ("", ","):
            return Selector(fieldpath)
        operator = self._operator()
        value = self._value(alternative_quotes=operator == "~=")
        return Selector(fieldpath, operator, value, _compile(value) if operator == "~=" else None)

    def _fieldpath(self) -> tuple[str, ...]:
        fields = [self._field()]
        while self._peek() == ".":
            self._pos += 1
            fields.append(self._field())
        return tuple(fields)

    def _field(self) -> str:
        start = self._skip_space()
        if self._peek() in QUOTES:
            return self._quoted(alternative_quotes=False)
        match = _FIELD.match(self._text, start)
        if match is None:
            raise self._error(start, "expected field or quoted")
        self._pos = match.end()
        return match.group()

    def _operator(self) -> str:
        start = self._skip_space()
        if self._peek() in QUOTES:
            self._scan_quoted()
        match = _OPERATOR.match(self._text, start)
        if match is None:
            raise self._error(start, 'expected an operator ("=="|"!="|"~=")')
        self._pos = match.end()
        if match.group() not in ("==", "!=", "~="):
            raise self._error(start, f"unsupported operator {quoted(match.group())}")
        return match.group()

    def _value(self, *, alternative_quotes: bool) -> str:
        start = self._skip_space()
        char = self._peek()
        if char in QUOTES:
            return self._quoted(alternative_quotes=alternative_quotes)
        if char == "" or char in ",.=!~":
            raise self._error(start, "expected value or quoted")
        end = start + 1
        while (
            end < len(self._text)
            and self._text[end] != ","
            and self._text[end].isprintable()
            and self._text[end] != " "
        ):
            end += 1
        self._pos = end
        return self._text[start:end]

    def _quoted(self, *, alternative_quotes: bool) -> str:
        start = self._pos
        literal = self._scan_quoted()
        if not alternative_quotes and literal[0] != '"':
            raise self._error(start, "invalid quote encountered")
        try:
            return unquote(literal)
        except QuoteError as error:
            raise self._error(start, f"unquoting failed: {error}") from error

    def _scan_quoted(self) -> str:
        start = self._pos
        try:
            self._pos = scan_quoted(self._text, start)
        except QuoteError as error:
            raise self._error(start, str(error)) from error
        return self._text[start : self._pos]

    def _peek(self) -> str:
        return self._text[self._pos : self._pos + 1]

    def _skip_space(self) -> int:
        match = _SPACE.match(self._text, self._pos)
        assert match is not None
        self._pos = match.end()
        return self._pos

    def _error(self, pos: int, problem: str) -> InvalidArgument:
        text = self._text
        shown = f"{text[:pos]} >|{text[pos]}|< {text[pos + 1 :]}" if pos < len(text) else text
        return InvalidArgument(f"filters: parse error: [{shown}]: {problem}: invalid argument")


def _compile(value: str) -> re.Pattern[str] | None:
    """A pattern that does not compile matches nothing, as with the original."""
    try:
        return re.compile(value)
    except re.error as error:
        logger.warning("error compiling regexp %s: %s", quoted(value), error)
        return None
