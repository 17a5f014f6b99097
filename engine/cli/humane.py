"""Sizes, ages and times as docker prints them for people, and as people type them."""

import re
import time
from datetime import datetime

from engine.cli.errors import CommandFailed

_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_BYTES = re.compile(r"^(\d+(?:\.\d+)?) ?([kmgtp]?)(i?b?)$")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def size(count: float, digits: int = 3, *, binary: bool = False) -> str:
    """Bytes with a unit: 1234567 is 1.23MB, or 1.177MiB in binary with four digits."""
    base, units = (1024.0, _BINARY) if binary else (1000.0, _DECIMAL)
    value, unit = float(count), 0
    while value >= base and unit < len(units) - 1:
        value /= base
        unit += 1
    return f"{value:.{digits}g}{units[unit]}"


def parse_bytes(text: str) -> int:
    """Bytes from `512`, `64m`, `1.5g`, `10MiB`: every unit is binary, as docker reads them."""
    match = _BYTES.match(text.strip().lower())
    if match is None:
        raise CommandFailed(f"invalid size: '{text}'", 125)
    return int(float(match[1]) * 1024 ** " kmgtp".index(match[2] or " "))


def parse_duration(text: str) -> int:
    """Nanoseconds from Go's `1m30s`, `500ms`."""
    rest = _DURATION.sub("", text)
    if rest or not text:
        if text == "0":
            return 0
        raise CommandFailed(f'time: invalid duration "{text}"', 125)
    return round(sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text)) * 1e9)


def duration(seconds: float) -> str:
    """A rough age: `About a minute`, `3 hours`, `2 weeks`."""
    count = int(seconds)
    if count < 1:
        return "Less than a second"
    if count == 1:
        return "1 second"
    if count < 60:
        return f"{count} seconds"
    minutes = count // 60
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = round(count / 3600)
    if hours == 1:
        return "About an hour"
    for limit, unit, name in (
        (48, 1, "hours"),
        (24 * 7 * 2, 24, "days"),
        (24 * 30 * 2, 24 * 7, "weeks"),
        (24 * 365 * 2, 24 * 30, "months"),
    ):
        if hours < limit:
            return f"{hours // unit} {name}"
    return f"{count // (3600 * 24 * 365)} years"


def ago(unix_time: float) -> str:
    """How long ago a moment was."""
    return f"{duration(max(0.0, time.time() - unix_time))} ago"


def unix_time(stamp: str) -> float:
    """Seconds from an RFC 3339 time with any number of decimals."""
    main, _, rest = stamp.removesuffix("Z").partition(".")
    decimals = re.match(r"\d*", rest)
    fraction = decimals[0] if decimals else ""
    zone = rest[len(fraction) :] or "+00:00"
    return datetime.fromisoformat(main + zone if len(main) <= 19 else main).timestamp() + float(f"0.{fraction or '0'}")


def local_time(seconds: float) -> str:
    """A moment in this machine's zone, in the form that Go prints one: `2026-11-25 17:52:30 +0000 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z %Z", time.localtime(seconds))


def rfc3339(seconds: float) -> str:
    """A moment in this machine's zone: `2026-11-25T17:52:30Z`."""
    text = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))
    return f"{text[:-5]}Z" if text.endswith("+0000") else f"{text[:-2]}:{text[-2:]}"


def go_time(stamp: str) -> str:
    """An RFC 3339 time as Go prints it, in its own zone and with all its decimals."""
    day, _, rest = stamp.partition("T")
    if rest.endswith("Z"):
        return f"{day} {rest[:-1]} +0000 UTC"
    clock, zone = rest[:-6], rest[-6:].replace(":", "")
    return f"{day} {clock} {zone} {zone}"


def short_id(identifier: str) -> str:
    """Twelve digits, without the algorithm."""
    return identifier.removeprefix("sha256:")[:12]


def ellipsis(text: str, width: int) -> str:
    """At most `width` characters, the last one an ellipsis where something was cut."""
    return text if len(text) <= width else text[: width - 1] + "…"
