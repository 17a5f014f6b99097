"""Regular expressions that clients send, in Go's grammar (RE2) and time that grows with the text alone.

Python's own engine goes back over what it has tried: `(a+)+$` on forty letters holds the whole daemon up for hours.
"""

import functools
from collections.abc import Callable
from typing import Any

from proto.errdefs import InvalidArgument

_MEMORY = 1 << 20  # of one expression's automaton: one that needs more is refused


def check(text: str, name: str) -> None:
    """Refuse what is no expression, naming the option that it is of."""
    _compiled(text, name)


def found(text: str, *values: str) -> bool:
    """Is the expression found in one of the values; what is no expression is found nowhere, as with dockerd."""
    try:
        pattern = _compiled(text, "filter")
    except InvalidArgument:
        return False
    return any(pattern.search(_bytes(value)) is not None for value in values)


def matches(text: str, value: str) -> bool:
    """Is the whole value what the expression says; for expressions that this engine wrote."""
    return _compiled(text, "pattern").fullmatch(_bytes(value)) is not None


def compiled(text: str, name: str) -> Any:
    """An expression for strings, with Python's methods."""
    import re2

    try:
        return re2.compile(text, _options())
    except re2.error:
        raise InvalidArgument(f"error parsing {name}: {text[:200]}") from None


def matcher(text: str, name: str) -> Callable[[str], bool]:
    """Says of a value whether the whole of it is what the expression says; for who asks many times."""
    pattern = _compiled(text, name)
    return lambda value: pattern.fullmatch(_bytes(value)) is not None


@functools.lru_cache(maxsize=128)
def _compiled(text: str, name: str) -> Any:
    import re2  # 30 ms that most engines never need

    try:
        return re2.compile(_bytes(text), _options())
    except re2.error as error:
        words = error.args[0] if error.args else ""
        raise InvalidArgument(
            f"error parsing {name}: {words.decode(errors='replace') if isinstance(words, bytes) else words}"
        ) from None


def _options() -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY
    return options


def _bytes(text: str) -> bytes:
    """JSON may carry half a surrogate pair, which is no character of UTF-8."""
    return text.encode(errors="replace")
