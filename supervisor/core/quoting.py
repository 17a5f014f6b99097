"""Go string literals as filters use them: between `"`, `/` or `|`, with Go's escapes."""

QUOTES = frozenset('"/|')
_SIMPLE = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}
_DIGITS = {"x": 2, "u": 4, "U": 8}
_OCTAL = "01234567"
_HEX = "0123456789abcdefABCDEF"


class QuoteError(ValueError):
    """The literal is not one."""


def scan_quoted(text: str, start: int) -> int:
    """Where the literal that begins at `start` ends (behind its closing quote)."""
    quote = text[start]
    pos = start + 1
    problem = ""
    while pos < len(text) and text[pos] != quote:
        if text[pos] == "\n":
            break
        if text[pos] == "\\":
            pos, legal = _scan_escape(text, pos + 1, quote)
            problem = problem or legal
        else:
            pos += 1
    if pos >= len(text) or text[pos] != quote:
        raise QuoteError(problem or "quoted literal not terminated")
    if problem:
        raise QuoteError(problem)
    return pos + 1


def _scan_escape(text: str, pos: int, quote: str) -> tuple[int, str]:
    char = text[pos : pos + 1]
    if char and (char in _SIMPLE or char == quote):
        return pos + 1, ""
    if char and char in _OCTAL:
        count, alphabet = 3, _OCTAL
    elif char in _DIGITS:
        count, alphabet, pos = _DIGITS[char], _HEX, pos + 1
    else:
        return pos + 1, "illegal escape sequence"
    digits = text[pos : pos + count]
    if len(digits) < count or any(digit not in alphabet for digit in digits):
        return pos, "illegal numeric escape sequence"
    return pos + count, ""


def unquote(literal: str) -> str:
    """The text that a literal found by `scan_quoted` stands for."""
    out = bytearray()
    body = literal[1:-1]
    pos = 0
    while pos < len(body):
        if body[pos] != "\\":
            out += body[pos].encode("utf-8", "surrogateescape")
            pos += 1
            continue
        pos = _unescape(body, pos + 1, literal[0], out)
    return out.decode("utf-8", "surrogateescape")


def _unescape(body: str, pos: int, quote: str, out: bytearray) -> int:
    char = body[pos]
    if char in _SIMPLE:
        out.append(_SIMPLE[char])
        return pos + 1
    if char == quote:
        out += char.encode()
        return pos + 1
    if char in _OCTAL:
        value = int(body[pos : pos + 3], 8)
        if value > 255:
            raise QuoteError("quote syntax error")
        out.append(value)
        return pos + 3
    count = _DIGITS[char]
    value = int(body[pos + 1 : pos + 1 + count], 16)
    if char == "x":
        out.append(value)
    elif value > 0x10FFFF:
        raise QuoteError("quote syntax error")
    else:
        out += chr(value).encode("utf-8", "replace")
    return pos + 1 + count
