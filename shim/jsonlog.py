"""The json-file log's form, byte for byte as dockerd writes it. No I/O.

    {"log":"text\\n","stream":"stdout","attrs":{…},"time":"2006-01-02T15:04:05.999999999Z"}

A line longer than 16 KiB is split; only its last part ends in a newline, and all parts carry the first one's time.
"""

import codecs
import functools
import json
import time
from collections.abc import Callable, Iterator

LINE_LIMIT = 16 * 1024
_INVALID = "\udc00"  # stands for a byte that is no UTF-8 until it is written as an escaped U+FFFD

_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(0x20), *map(ord, "<>&"), 0x2028, 0x2029)}
_ESCAPES |= {ord("\n"): "\\n", ord("\r"): "\\r", ord('"'): '\\"', ord("\\"): "\\\\", ord(_INVALID): "\\ufffd"}
# In most output there is nothing else: bytes that stand for themselves, and ends of lines.
_PLAIN = b"\n" + bytes(code for code in range(0x20, 0x80) if code not in _ESCAPES)


def _one_byte(error: UnicodeError) -> tuple[str, int]:
    """Go replaces every invalid byte by itself, Python a whole broken sequence at once."""
    assert isinstance(error, UnicodeDecodeError)
    return _INVALID, error.start + 1


codecs.register_error("shim-jsonlog", _one_byte)


class LineSplitter:
    """One stream's bytes in, (line, time) out."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._rest = b""
        self._partial_time: int | None = None  # set inside a line that was split

    def feed(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        """The lines that are complete, and parts of those that are too long."""
        buffer = self._rest + data
        start = 0
        while True:
            end = buffer.find(b"\n", start, start + LINE_LIMIT)
            if end >= 0:
                moment = self._clock() if self._partial_time is None else self._partial_time
                self._partial_time = None
                yield buffer[start : end + 1], moment
                start = end + 1
            elif len(buffer) - start >= LINE_LIMIT:
                yield self._part(buffer[start : start + LINE_LIMIT])
                start += LINE_LIMIT
            else:
                break
        self._rest = buffer[start:]

    def whole(self, data: bytes) -> tuple[bytes, int] | None:
        """All complete lines in one piece, and their time; None where one is too long, and then nothing was taken."""
        if self._partial_time is not None:
            return None
        buffer = self._rest + data
        end = buffer.rfind(b"\n") + 1
        if max(map(len, buffer.split(b"\n"))) >= LINE_LIMIT:
            return None
        self._rest = buffer[end:]
        return buffer[:end], self._clock()

    def finish(self) -> Iterator[tuple[bytes, int]]:
        """What is left at the end of the stream, without a newline."""
        rest, self._rest = self._rest, b""
        if rest:
            yield self._part(rest)

    def _part(self, data: bytes) -> tuple[bytes, int]:
        if self._partial_time is None:
            self._partial_time = self._clock()
        return data, self._partial_time


def entry(line: bytes, stream: str, moment: int, attributes: str = "") -> bytes:
    """One line of the log; `attributes` is a JSON object's text."""
    text = line.decode("utf-8", "shim-jsonlog").translate(_ESCAPES)
    return f'{{"log":"{text}{_behind(stream, moment, attributes)}'.encode()


def plain_entries(lines: bytes, stream: str, moment: int, attributes: str = "") -> bytes | None:
    """The same for many complete lines at once; None where anything in them must be escaped."""
    if lines.translate(None, _PLAIN):
        return None
    head, behind = b'{"log":"', b"\\n" + _behind(stream, moment, attributes).encode()
    return head + lines[:-1].replace(b"\n", behind + head) + behind


def _behind(stream: str, moment: int, attributes: str) -> str:
    """What follows a line's text."""
    extra = f'"attrs":{attributes},' if attributes else ""
    return f'","stream":"{stream}",{extra}"time":"{rfc3339_nano(moment)}"}}\n'


def encode_attributes(labels: dict[str, str]) -> str:
    """The attrs object, keys sorted as Go does; empty without any."""
    return json.dumps(labels, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if labels else ""


def rfc3339_nano(moment: int) -> str:
    """A time in nanoseconds since the epoch, in UTC, without trailing zeros in the fraction."""
    seconds, nanos = divmod(moment, 1_000_000_000)
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    return _second(seconds) + fraction + "Z"


@functools.lru_cache(maxsize=4)  # lines come in thousands
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
