"""Reads Docker's json-file log across its rotated files: the last lines, a span of time, and what is still to come.

Reading never parses more than it must: `tail` seeks back from the end in blocks. A torn last line (a writer killed
in the middle) is left alone until it is complete. Entries come in batches, so that a log of any size takes the memory
of one, and a client gets them in few writes.
"""

import asyncio
import contextlib
import gzip
import json
import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple

from engine import stdcopy, timestamps
from engine.logs.inotify import FolderWatch
from proto.errdefs import InvalidArgument

_BLOCK = 64 * 1024
_BATCH = 1024  # entries
_STREAMS = {"stdout": stdcopy.STDOUT, "stderr": stdcopy.STDERR}


class Entry(NamedTuple):
    """One line; a tuple, for there are millions of them."""

    stream: int
    data: bytes
    time: str
    attributes: Mapping[str, str] = MappingProxyType({})

    @property
    def time_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return timestamps.to_ns(self.time)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which lines a client wants."""

    since_ns: int = 0
    until_ns: int = 0
    tail: int | None = None
    stdout: bool = True
    stderr: bool = True

    def wants(self, entry: Entry) -> bool:
        """By stream and by the beginning of the span."""
        if not (self.stdout if entry.stream == stdcopy.STDOUT else self.stderr):
            return False
        return not self.since_ns or entry.time_ns >= self.since_ns

    def over(self, entry: Entry) -> bool:
        """The span has ended before this line."""
        return bool(self.until_ns) and entry.time_ns > self.until_ns


_HEAD, _MIDDLE, _END = b'{"log":"', b'","stream":"', b'"}\n'
_TAILS = {name.encode() + b'","time":"': stream for name, stream in _STREAMS.items()}
_TAIL_LENGTH = len(b'stdout","time":"')
_TIME = frozenset(b"0123456789-:.TZ")


def decode(line: bytes) -> Entry | None:
    """One line of the file; None for what is not one (a torn line followed by others)."""
    return _decode_plain(line) or _decode_any(line)


def _decode_plain(line: bytes) -> Entry | None:
    """A line as everybody writes it and without escapes but for its end: three times as fast as a parser."""
    middle = line.rfind(_MIDDLE)  # within a JSON string its quotes would be escaped
    rest = middle + len(_MIDDLE)
    stream = _TAILS.get(line[rest : rest + _TAIL_LENGTH])
    if middle < 0 or stream is None or not line.startswith(_HEAD) or not line.endswith(_END):
        return None
    text, time = line[len(_HEAD) : middle], line[rest + _TAIL_LENGTH : -len(_END)]
    if text.count(b"\\") != 1 or not text.endswith(b"\\n") or not _TIME.issuperset(time):
        return None
    return Entry(stream, text[:-2] + b"\n", time.decode())


def _decode_any(line: bytes) -> Entry | None:
    try:
        document = json.loads(line)
        return Entry(
            _STREAMS[document["stream"]], document["log"].encode(), document["time"], document.get("attrs") or {}
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def rotated(path: str) -> list[str]:
    """All files of a log, the oldest first."""
    older: list[str] = []
    number = 1
    while True:
        name = next((name for name in (f"{path}.{number}", f"{path}.{number}.gz") if os.path.exists(name)), None)
        if name is None:
            return [*reversed(older), path]
        older.append(name)
        number += 1


def log_bytes(path: str) -> int:
    """What a log takes on disk, with all its rotated files."""
    total = 0
    for name in rotated(path) if path else ():
        with contextlib.suppress(FileNotFoundError):
            total += os.stat(name).st_size
    return total


def past(path: str, selection: Selection) -> tuple[Generator[list[Entry]], BinaryIO | None]:
    """The entries written so far, in batches; and the current file, in the end behind its last whole line."""
    if selection.tail is not None:
        lines, current = _tail(path, selection.tail)
        found: Iterator[Entry | None] = (decode(line) for line in lines)
    else:
        current = _open(path)
        found = _all(path, current)
    return _batches(found, selection), current


def _batches(found: Iterator[Entry | None], selection: Selection) -> Generator[list[Entry]]:
    batch = []
    for entry in found:
        if entry is None:
            continue
        if selection.over(entry):
            break
        if selection.wants(entry):
            batch.append(entry)
            if len(batch) == _BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _open(path: str) -> BinaryIO | None:
    try:
        return open(path, "rb")
    except FileNotFoundError:
        return None


def _all(path: str, current: BinaryIO | None) -> Iterator[Entry | None]:
    """All files are opened before the first is read: a slow client must not miss what is rotated away meanwhile."""
    with contextlib.ExitStack() as stack:
        for file in [stack.enter_context(file) for file in _older(path, current)]:
            yield from map(decode, file)
        if current is not None:
            yield from map(decode, complete_lines(current))


def _older(path: str, current: BinaryIO | None) -> Iterator[BinaryIO]:
    """The rotated files, but for the current one, should it have been rotated since it was opened."""
    newest = os.fstat(current.fileno()).st_ino if current is not None else 0
    for name in rotated(path)[:-1]:
        opener: Any = gzip.open if name.endswith(".gz") else open
        try:
            file: BinaryIO = opener(name, "rb")
        except FileNotFoundError:
            continue  # rotated away meanwhile
        if os.fstat(file.fileno()).st_ino == newest:
            file.close()
        else:
            yield file


def complete_lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines up to the last line feed; the file stays positioned before a torn one."""
    position = file.tell()
    while line := file.readline():
        if not line.endswith(b"\n"):
            file.seek(position)
            return
        position += len(line)
        yield line


def _tail(path: str, count: int) -> tuple[list[bytes], BinaryIO | None]:
    current = _open(path)
    lines: list[bytes] = []
    if current is not None:
        lines = _last_lines(current, count)
    for name in reversed(rotated(path)[:-1]):
        if len(lines) >= count:
            break
        opener: Any = gzip.open if name.endswith(".gz") else open
        with opener(name, "rb") as file:
            missing = count - len(lines)
            older: list[bytes] = file.readlines() if name.endswith(".gz") else _last_lines(file, missing)
            lines = older[-missing:] + lines
    return lines, current


def _last_lines(file: BinaryIO, count: int) -> list[bytes]:
    end = file.seek(0, os.SEEK_END)
    position, block = end, b""
    while position > 0 and block.count(b"\n") <= count:
        position = max(0, position - _BLOCK)
        file.seek(position)
        block = file.read(end - position)
    complete = block[: block.rfind(b"\n") + 1]
    file.seek(end - (len(block) - len(complete)))
    lines = (
        complete.splitlines(keepends=True) if b"\r" not in complete else complete.replace(b"\r", b"").splitlines(True)
    )
    return lines[-count:] if count else []


async def follow(
    path: str,
    current: BinaryIO | None,
    watch: FolderWatch,
    ended: Callable[[], bool],
    changed: Callable[[], asyncio.Event],
) -> AsyncIterator[list[Entry]]:
    """Batches of entries as they are written, over rotations, until `ended()` and nothing is left to read."""
    try:
        while True:
            finished, state_change = ended(), changed()
            watch.changed.clear()
            if current is None:
                current = _open(path)
            if current is not None:
                rotated_away = _was_rotated(path, current)  # asked first: what comes before the rename is read below
                for batch in _batches(map(decode, complete_lines(current)), Selection()):
                    yield batch
                if rotated_away:
                    current.close()
                    current = None
                    continue
            if finished:
                return
            await _either(watch.changed, state_change)
    finally:
        if current is not None:
            current.close()


def _was_rotated(path: str, current: BinaryIO) -> bool:
    try:
        return os.stat(path).st_ino != os.fstat(current.fileno()).st_ino
    except FileNotFoundError:
        return False


async def _either(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def parse_tail(text: str) -> int | None:
    """`tail=all`, nothing, or a number (anything else means all, as in dockerd)."""
    if text in ("", "all"):
        return None
    try:
        number = int(text)
    except ValueError:
        return None
    return number if number >= 0 else None


def is_kept(driver: str) -> bool:
    """The driver writes files that can be read again: `json-file`, and `local`, whose form is nobody else's business
    and here is the same one, with that driver's defaults.
    """
    return driver in _DEFAULTS


def options(config: dict[str, str], driver: str = "json-file") -> tuple[int, int, bool]:
    """LogConfig.Config → (max-size, max-file, compress), with bounded defaults."""
    from engine.config import size

    known = {
        "max-size",
        "max-file",
        "compress",
        "labels",
        "labels-regex",
        "env",
        "env-regex",
        "tag",
        "mode",
        "max-buffer-size",
    }
    for name in config:
        if name not in known:
            of = f"{driver} log driver" if driver == "json-file" else f"log driver {driver}"
            raise InvalidArgument(f"unknown log opt '{name}' for {of}")
    if config.get("mode", "blocking") not in ("blocking", "non-blocking"):  # a file of the host's never makes us drop
        raise InvalidArgument(f"logger: logging mode not supported: {config['mode']}")
    default_size, default_files, default_compress = _DEFAULTS[driver]
    try:
        max_size = size(config["max-size"]) if config.get("max-size", "-1") != "-1" else default_size
        max_files = int(config.get("max-file", default_files))
    except ValueError:
        raise InvalidArgument(f"invalid value for 'max-file': {config['max-file']}") from None
    if max_files < 1:
        raise InvalidArgument("'max-file' cannot be less than 1")
    return max_size, max_files, config.get("compress", default_compress).lower() in ("1", "true")


_DEFAULTS = {"json-file": (10 << 20, 10, "false"), "local": (20 << 20, 5, "true")}
