"""The container's log file: written by the shim, so that it outlives the engine; rotated as dockerd does.

PATH  PATH.1[.gz]  PATH.2[.gz] …    the newest first; never more than max-file of them
"""

import json
import os
from collections.abc import Callable

from shim.jsonlog import LineSplitter, entry, plain_entries, rfc3339_nano

_MODE = 0o640
_COPY = 1 << 20


class LogSettings:
    """The driver's options: size in bytes, -1 without a limit."""

    __slots__ = ("attributes", "compress", "max_files", "max_size", "path")

    def __init__(
        self, path: str, *, max_size: int = -1, max_files: int = 1, compress: bool = False, attributes: str = ""
    ) -> None:
        self.path = path
        self.max_size = max_size
        self.max_files = max_files
        self.compress = compress
        self.attributes = attributes


# Starts to compress a file whose last line has the given time; the result waits for it to be done.
Compressor = Callable[[str, int], Callable[[], None]]


def _nothing_running() -> None:
    """No compression is under way."""


class LogFile:
    """The writer. An error of the disk loses lines and never the container; `on_error` is told."""

    def __init__(self, settings: LogSettings, compressor: Compressor, on_error: Callable[[OSError], None]) -> None:
        self._settings = settings
        self._compressor = compressor
        self._on_error = on_error
        self._splitters: dict[str, LineSplitter] = {}
        self._fd = os.open(settings.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
        self._size = os.lseek(self._fd, 0, os.SEEK_END)
        self._last = 0
        self._await_compression: Callable[[], None] = _nothing_running

    def write(self, stream: str, data: bytes) -> None:
        """Log what a stream gave."""
        splitter = self._splitters.get(stream)
        if splitter is None:
            splitter = self._splitters[stream] = LineSplitter()
        taken = splitter.whole(data)
        if taken is None:
            self._append(list(splitter.feed(data)), stream)
        elif taken[0]:
            self._append_whole(*taken, stream)

    def end(self, stream: str) -> None:
        """The stream has ended: log its last line, even without a newline."""
        splitter = self._splitters.pop(stream, None)
        if splitter is not None:
            self._append(list(splitter.finish()), stream)

    def close(self) -> None:
        """No more will come."""
        for stream in list(self._splitters):
            self.end(stream)
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _append_whole(self, lines: bytes, moment: int, stream: str) -> None:
        """Many lines at once, unless they need a closer look or more room than the file has."""
        settings = self._settings
        encoded = plain_entries(lines, stream, moment, settings.attributes)
        if encoded is None or (settings.max_size != -1 and self._size + len(encoded) > settings.max_size):
            self._append([(line + b"\n", moment) for line in lines.split(b"\n")[:-1]], stream)
            return
        self._last = moment
        self._write(encoded)

    def _append(self, lines: list[tuple[bytes, int]], stream: str) -> None:
        batch: list[bytes] = []
        size = self._size
        for line, moment in lines:
            if self._settings.max_size != -1 and size >= self._settings.max_size:
                self._write(b"".join(batch))
                batch.clear()
                self._rotate()
                size = 0
            encoded = entry(line, stream, moment, self._settings.attributes)
            batch.append(encoded)
            size += len(encoded)
            self._last = moment
        self._write(b"".join(batch))

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view and self._fd >= 0:
                written = os.write(self._fd, view)
                self._size += written
                view = view[written:]
        except OSError as error:
            self._on_error(error)

    def _rotate(self) -> None:
        self._await_compression()  # of the last rotation: it works on the very names that are moved now
        try:
            rotate(self._settings.path, self._settings.max_files, self._settings.compress)
        except OSError as error:
            self._on_error(error)
        try:
            fd = os.open(self._settings.path, os.O_WRONLY | os.O_APPEND | os.O_TRUNC | os.O_CREAT | os.O_CLOEXEC, _MODE)
        except OSError as error:
            self._on_error(error)  # the old file goes on, too long
            return
        os.close(self._fd)
        self._fd = fd
        self._size = 0
        if self._settings.max_files > 1 and self._settings.compress:
            self._await_compression = self._compressor(f"{self._settings.path}.1", self._last)


def rotate(path: str, max_files: int, compress: bool) -> None:
    """Make room at `path`: the oldest file goes, every other becomes one older."""
    if max_files < 2:
        _unlink(path)
        return
    extension = ".gz" if compress else ""
    _unlink(f"{path}.{max_files - 1}{extension}")
    for number in range(max_files - 1, 1, -1):
        _rename(f"{path}.{number - 1}{extension}", f"{path}.{number}{extension}")
    _rename(path, f"{path}.1")


def compress_in_child(path: str, last: int) -> Callable[[], None]:
    """compress_file in a forked child: the shim has no threads, and its loop has better things to do."""
    pid = os.fork()
    if pid == 0:
        try:
            compress_file(path, last)
        finally:
            os._exit(0)

    def wait() -> None:
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            return  # the reaper was first

    return wait


def compress_file(path: str, last: int) -> None:
    """PATH → PATH.gz with the last line's time in its header, as dockerd's reader likes it; then PATH goes."""
    import struct
    import zlib

    extra = json.dumps({"lastTime": rfc3339_nano(last)}).encode()
    target = f"{path}.gz"
    deflate = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
    checksum = length = 0
    try:
        with (
            open(path, "rb") as source,
            open(os.open(target, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, _MODE), "wb") as out,
        ):
            # RFC 1952: magic, deflate, FEXTRA, no time, no hint, unknown system
            out.write(b"\x1f\x8b\x08\x04\0\0\0\0\0\xff" + struct.pack("<H", len(extra)) + extra)
            while chunk := source.read(_COPY):
                checksum = zlib.crc32(chunk, checksum)
                length += len(chunk)
                out.write(deflate.compress(chunk))
            out.write(deflate.flush() + struct.pack("<II", checksum, length & 0xFFFFFFFF))
    except OSError:
        _unlink(target)
        raise
    _unlink(path)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _rename(old: str, new: str) -> None:
    try:
        os.rename(old, new)
    except FileNotFoundError:
        return
