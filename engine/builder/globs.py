"""Patterns of names as Go has them: filepath.Match for sources, moby's patternmatcher for .dockerignore.

Both become RE2 expressions, whose time grows with the name alone: `a*a*a*…` in somebody's context holds nobody up.
A pattern without wildcards needs no expression, and RE2 is loaded when one does.
"""

import re
from collections.abc import Callable

from engine import patterns
from proto.errdefs import InvalidArgument

Matcher = Callable[[str], bool]
_BAD = "syntax error in pattern"
_SPECIAL = frozenset(".+()|{}$^")


def source(pattern: str) -> Matcher:
    """filepath.Match on one part of a path."""
    regex, index = "", 0
    while index < len(pattern):
        letter = pattern[index]
        if letter == "[":
            end = _class_end(pattern, index)
            regex += _class(pattern[index:end])
            index = end
            continue
        index += 1
        if letter == "*":
            regex += "[^/]*"
        elif letter == "?":
            regex += "[^/]"
        elif letter == "\\":
            if index == len(pattern):
                raise InvalidArgument(f"{_BAD}: {pattern}")
            regex += re.escape(pattern[index])
            index += 1
        else:
            regex += re.escape(letter)
    return patterns.matcher(f"(?s:{regex})", _BAD)


def ignored(pattern: str) -> Matcher:
    """One line of .dockerignore, cleaned, against a whole path."""
    source_is_valid(pattern)
    if not any(letter in pattern for letter in "*?[]\\"):
        return lambda path: path == pattern
    suffix = pattern[2:]
    if pattern.startswith("**") and not any(letter in suffix for letter in "*?[]\\"):
        # moby compares the end alone here: `**b` is in `ab`, too, where a longer pattern asks for whole names.
        return lambda path: path.endswith(suffix) or path == suffix.removeprefix("/")
    return patterns.matcher(_translated(pattern), _BAD)


def source_is_valid(pattern: str) -> None:
    """Refuse what filepath.Match refuses."""
    index = 0
    while index < len(pattern):
        if pattern[index] == "[":
            index = _class_end(pattern, index)
            continue
        if pattern[index] == "\\":
            index += 1
            if index == len(pattern):
                raise InvalidArgument(f"{_BAD}: {pattern}")
        index += 1


def _translated(pattern: str) -> str:
    """As moby does it, letter by letter."""
    regex, index, size = "", 0, len(pattern)
    while index < size:
        letter = pattern[index]
        index += 1
        if letter == "*" and pattern[index : index + 1] == "*":
            index += 1
            if pattern[index : index + 1] == "/":
                index += 1
            regex += ".*" if index == size else "(?:.*/)?"
        elif letter == "*":
            regex += "[^/]*"
        elif letter == "?":
            regex += "[^/]"
        elif letter == "\\":
            regex += re.escape(pattern[index : index + 1])
            index += 1
        elif letter == "[":
            end = _class_end(pattern, index - 1)
            regex += _class(pattern[index - 1 : end])
            index = end
        else:
            regex += f"\\{letter}" if letter in _SPECIAL or letter == "]" else letter
    return regex


def _class_end(pattern: str, start: int) -> int:
    """Behind the `]` that ends the class which begins at `start`."""
    index, ranges = start + 1, 0
    if pattern[index : index + 1] == "^":
        index += 1
    while not (ranges and pattern[index : index + 1] == "]"):
        index = _class_letter(pattern, index)
        if pattern[index : index + 1] == "-":
            index = _class_letter(pattern, index + 1)
        ranges += 1
    return index + 1


def _class_letter(pattern: str, index: int) -> int:
    if pattern[index : index + 1] in ("", "-", "]"):
        raise InvalidArgument(f"{_BAD}: {pattern}")
    index += 2 if pattern[index] == "\\" else 1
    if index >= len(pattern):
        raise InvalidArgument(f"{_BAD}: {pattern}")
    return index


def _class(text: str) -> str:
    """A class in RE2's words: what has a meaning there and none in Go's is escaped."""
    inside, negated = text[1:-1], ""
    if inside.startswith("^"):
        inside, negated = inside[1:], "^"
    safe, index = "", 0
    while index < len(inside):
        letter = inside[index]
        if letter == "\\":
            index += 1
            letter = inside[index]
            safe += re.escape(letter)
        else:
            safe += letter if letter == "-" else re.escape(letter)
        index += 1
    return f"[{negated}{safe}]"
