"""Files that must not be opened, by whatever process in whatever mount namespace: inotify(7) follows the inode."""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

_IN_OPEN, _IN_NONBLOCK = 0x20, os.O_NONBLOCK
_EVENT = struct.Struct("iIII")


class Watched:
    """Watches files until it is asked which of them were opened."""

    def __init__(self, paths: Iterable[Path]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(_IN_NONBLOCK | os.O_CLOEXEC)
        assert self._fd >= 0
        self._paths = {libc.inotify_add_watch(self._fd, os.fsencode(path), _IN_OPEN): path for path in paths}
        assert -1 not in self._paths

    def opened(self) -> set[Path]:
        """Which were opened since the beginning."""
        found = set()
        try:
            while data := os.read(self._fd, 65536):
                while data:
                    watch, _, _, length = _EVENT.unpack_from(data)
                    found.add(self._paths[watch])
                    data = data[_EVENT.size + length :]
        except BlockingIOError:
            return found
        return found

    def close(self) -> None:
        os.close(self._fd)
