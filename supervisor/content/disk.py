"""Large files onto a disk: room asked for ahead, writing begun early. Both are hints: where the file system or the
kernel does not know them, writing works as it would without.

Room is asked for beyond the file's end (FALLOC_FL_KEEP_SIZE), so that a crash shows no zeros; it saves the file system
the reckoning for each page, and keeps the file in one piece. What was asked for too much is given back by `trim`.
"""

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
_libc.sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)

_FALLOC_FL_KEEP_SIZE = 0x01
_SYNC_FILE_RANGE_WRITE = 2

_LARGE = 8 << 20
_STEP = 64 << 20
_PART = 8 << 20


class Onward:
    """How far ahead of a growing file there is room, and how far behind its end the disk has been told of it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._room = 0
        self._told = 0
        self._reserves = True

    def before(self, end: int) -> None:
        """The file is about to reach `end`."""
        if not self._reserves or end < _LARGE or end <= self._room:
            return
        start = max(self._room, end - end % _STEP)
        # A full disk is told of by the write itself, which may still fit where a whole step does not.
        self._reserves = _libc.fallocate(self._fd, _FALLOC_FL_KEEP_SIZE, start, _STEP + end - start) == 0
        self._room = end + _STEP

    def after(self, end: int) -> None:
        """The file has reached `end`: let the disk begin, so that the fsync at the end has little left to wait for."""
        if end - self._told >= _PART and end >= _LARGE:
            _libc.sync_file_range(self._fd, self._told, end - self._told, _SYNC_FILE_RANGE_WRITE)
            self._told = end

    def trim(self, end: int) -> None:
        """The file ends here: give back the room behind it."""
        if self._room > end:
            os.ftruncate(self._fd, end)
        self._room = self._told = 0
