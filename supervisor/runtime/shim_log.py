"""The fifo `log` of a bundle: what a shim writes about itself, copied to our own log.

Opened for reading and writing, so that it neither blocks while no shim is there nor ends when one leaves.
"""

import asyncio
import os
import sys

from supervisor.runtime.bundle import Bundle

_CHUNK = 1 << 16


class ShimLog:
    """One bundle's log, read as it comes."""

    def __init__(self, bundle: Bundle) -> None:
        if not os.path.lexists(bundle.log):
            os.mkfifo(bundle.log, 0o700)
        self._fd = os.open(bundle.log, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        asyncio.get_running_loop().add_reader(self._fd, self._copy)

    def _copy(self) -> None:
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return
        sys.stderr.write(data.decode(errors="replace"))

    def close(self) -> None:
        """Take what is still there, and stop."""
        if self._fd < 0:
            return
        asyncio.get_running_loop().remove_reader(self._fd)
        self._copy()
        os.close(self._fd)
        self._fd = -1
