"""Writes Docker's json-file log: a JSON object per line, lines longer than 16 KiB in pieces, rotation by size.

Only for foreign shims; ours writes the same format itself.
"""

import json
import os
import time
from typing import Final

from engine import stdcopy, timestamps

LINE_LIMIT: Final = 16 * 1024
_NAMES = {stdcopy.STDOUT: "stdout", stdcopy.STDERR: "stderr"}


class JsonLogWriter:
    """One container's log file."""

    def __init__(self, path: str, *, max_size: int, max_files: int, attributes: dict[str, str] | None = None) -> None:
        self._path = path
        self._max_size = max_size
        self._max_files = max_files
        self._attributes = attributes or {}
        self._file = self._open()
        self._partial: dict[int, bytes] = {}

    def _open(self) -> int:
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._size = os.fstat(fd).st_size
        return fd

    def write(self, stream: int, data: bytes) -> None:
        """Log what is complete, keep the rest of the last line."""
        data = self._partial.pop(stream, b"") + data
        entries = []
        for line in _lines(data):
            while len(line) > LINE_LIMIT:
                entries.append(line[:LINE_LIMIT])
                line = line[LINE_LIMIT:]  # noqa: PLW2901 (the rest of the same line)
            if line.endswith(b"\n"):
                entries.append(line)
            elif line:
                self._partial[stream] = line
        if entries:
            self._append(stream, entries)

    def finish(self) -> None:
        """Log the unfinished lines and close."""
        for stream, line in self._partial.items():
            self._append(stream, [line])
        self._partial.clear()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _append(self, stream: int, lines: list[bytes]) -> None:
        stamp = timestamps.from_ns(time.time_ns())
        text = "".join(
            json.dumps(
                {"log": line.decode("utf-8", "replace"), "stream": _NAMES[stream]}
                | ({"attrs": self._attributes} if self._attributes else {})
                | {"time": stamp},
                ensure_ascii=False,
                separators=(",", ":"),
            )
            + "\n"
            for line in lines
        ).encode()
        if 0 < self._max_size <= self._size:
            self._rotate()
        os.write(self._file, text)
        self._size += len(text)

    def _rotate(self) -> None:
        os.close(self._file)
        for number in range(self._max_files - 1, 0, -1):
            older = f"{self._path}.{number}"
            newer = f"{self._path}.{number - 1}" if number > 1 else self._path
            if os.path.exists(newer):
                os.replace(newer, older)
        if self._max_files < 2:
            os.truncate(self._path, 0)
        self._file = self._open()


def _lines(data: bytes) -> list[bytes]:
    """Split at line feeds only; splitlines would split at carriage returns too."""
    pieces = data.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
