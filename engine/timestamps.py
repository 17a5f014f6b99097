"""RFC 3339 times with nanoseconds, as Go prints them, and back."""

import re
import time
from datetime import UTC, datetime

from proto.errdefs import InvalidArgument

ZERO = "0001-01-01T00:00:00Z"
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\d*(Z|[+-]\d\d:\d\d)?$")


def now() -> str:
    """The present moment."""
    return from_ns(time.time_ns())


def from_ns(nanoseconds: int) -> str:
    """Nanoseconds since the epoch → RFC3339Nano (trailing zeros dropped, as Go does)."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{text}{fraction}Z"


def from_seconds(seconds: float) -> str:
    """Seconds since the epoch → RFC3339Nano."""
    return from_ns(round(seconds * 1e9))


def to_ns(text: str) -> int:
    """RFC 3339 → nanoseconds since the epoch; the zero time is far below zero."""
    match = _RFC3339.match(text)
    if match is None:
        raise InvalidArgument(f'parsing time "{text}" as "2006-01-02T15:04:05.999999999Z07:00": cannot parse')
    base, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(base + ("+00:00" if zone in (None, "Z") else zone))
    except ValueError as error:
        raise InvalidArgument(f'parsing time "{text}": {error}') from None
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000_000 + int(
        (fraction or "0").ljust(9, "0")
    )


_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_DURATION_NS = {"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}


def duration_ns(text: str) -> int | None:
    """A Go duration ("1h30m") in nanoseconds, None if it is none."""
    total, end = 0.0, 0
    for match in _DURATION.finditer(text):
        if match.start() != end:
            return None
        total += float(match.group(1)) * _DURATION_NS[match.group(2)]
        end = match.end()
    return int(total) if end and end == len(text) else None


def since_ns(text: str) -> int:
    """A since/until value: unix time with fraction, RFC 3339, or a duration before now; "" and "0" are 0."""
    if not text:
        return 0
    if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]*)?", text):
        seconds, _, fraction = text.partition(".")
        return int(seconds) * 1_000_000_000 + int((fraction or "0")[:9].ljust(9, "0"))
    ago = duration_ns(text)
    if ago is not None:
        return time.time_ns() - ago
    return to_ns(text if "T" in text else f"{text}T00:00:00")
