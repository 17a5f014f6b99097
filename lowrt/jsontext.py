"""JSON text in and out, without the `json` package's import, and written as Go's encoder writes it.

`import json` pulls in `re` and costs 5 ms, a quarter of a whole cold start; the C scanner underneath it costs nothing.
Output is compared byte for byte with runc's, so `<`, `>` and `&` are escaped as encoding/json does.
"""

from _json import encode_basestring, make_scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_BLANK = " \t\n\r"


class JSONTextError(ValueError):
    """The text is not JSON; the message is encoding/json's."""


class _Dialect:
    """What the C scanner reads off its context."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = None  # NaN and Infinity are not JSON: calling None fails


_scan = make_scanner(_Dialect)  # type: ignore[arg-type]  # it wants no more than these attributes


def loads(text: str | bytes) -> object:
    """Parse one JSON document; half a surrogate pair becomes U+FFFD, as encoding/json has it."""
    try:
        string = text.decode() if isinstance(text, bytes) else text
        value, end = _scan(string, _skip_blank(string, 0))
    except (ValueError, TypeError, StopIteration, SystemError):
        # Without json.decoder the scanner cannot even name its own error (SystemError): ask the slow one what is wrong.
        raise JSONTextError(_diagnose(text)) from None
    rest = _skip_blank(string, end)
    if rest != len(string):
        raise JSONTextError(f"invalid character {_quoted(string[rest])} after top-level value")
    return _without_surrogates(value) if "\\ud" in string or "\\uD" in string else value


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in value)
    if isinstance(value, list):
        return [_without_surrogates(member) for member in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(member) for key, member in value.items()}
    return value


def _skip_blank(string: str, start: int) -> int:
    while start < len(string) and string[start] in _BLANK:
        start += 1
    return start


def _diagnose(text: str | bytes) -> str:
    import json

    try:
        string = text.decode() if isinstance(text, bytes) else text
        json.loads(string)
    except UnicodeDecodeError as error:
        return f"invalid UTF-8 at offset {error.start}"
    except json.JSONDecodeError as error:
        if error.pos >= len(string):
            return "unexpected EOF" if string.strip() else "EOF"
        return f"invalid character {_quoted(string[error.pos])} at offset {error.pos}"
    except ValueError:  # more digits than Python turns into a number
        return "number out of range"
    return "invalid JSON value: NaN and Infinity are not numbers here"


def _quoted(character: str) -> str:
    return "'\\''" if character == "'" else f"'{character}'"


def dumps(value: object, indent: str = "") -> str:
    """Write one document: compact, or indented as json.MarshalIndent does."""
    return "".join(_pieces(value, indent, "\n" if indent else ""))


def string(text: str) -> str:
    """Write one string literal."""
    literal = encode_basestring(text)
    if "<" in literal or ">" in literal or "&" in literal:
        literal = literal.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return literal


def _pieces(value: object, indent: str, newline: str) -> "Iterator[str]":
    if isinstance(value, str):
        yield string(value)
    elif value is None or isinstance(value, bool):
        yield {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, (int, float)):
        yield repr(value)
    elif isinstance(value, dict):
        members = ((string(str(key)) + (": " if indent else ":"), member) for key, member in value.items())
        yield from _bracketed("{", members, "}", indent, newline)
    elif isinstance(value, (list, tuple)):
        yield from _bracketed("[", (("", member) for member in value), "]", indent, newline)
    else:
        raise TypeError(f"not a JSON value: {value!r}")


def _bracketed(
    opening: str, members: "Iterator[tuple[str, object]]", closing: str, indent: str, newline: str
) -> "Iterator[str]":
    inner = newline + indent
    separator = opening + inner
    for label, member in members:
        yield separator + label
        yield from _pieces(member, indent, inner)
        separator = "," + inner
    yield opening + closing if separator[0] == opening else newline + closing
