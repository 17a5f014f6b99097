"""sd_notify(3): tell systemd, or whoever set NOTIFY_SOCKET, what state the daemon is in.

The variable is taken out of the environment: runc, a few processes further down, would wait on the same socket for the
container.
"""

import logging
import os
import socket
from typing import Self

logger = logging.getLogger(__name__)


class Notifier:
    """The listener's address, or nobody."""

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address

    @classmethod
    def from_environment(cls) -> Self:
        """Take NOTIFY_SOCKET; children of ours do not inherit it."""
        return cls(os.environ.pop("NOTIFY_SOCKET", ""))

    def notify(self, state: str) -> bool:
        """Send `READY=1`, `STOPPING=1` …; whether anybody is told. One who stopped listening is no reason to fail."""
        if not self._address:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as peer:
            try:
                peer.connect(self._address)
                peer.send(state.encode())
            except OSError as error:
                logger.warning("notify %s failed: %s", state, error)
                return False
        return True
