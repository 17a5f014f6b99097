"""sd_notify(3) in ten lines: tell systemd, or whoever set NOTIFY_SOCKET, what state the daemon is in."""

import logging
import os
import socket

logger = logging.getLogger(__name__)


def notify(state: str) -> bool:
    """Send `READY=1`, `STOPPING=1` …; whether anybody is told. One who stopped listening is no reason to fail."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as peer:
        try:
            peer.connect(address)
            peer.send(state.encode())
        except OSError as error:
            logger.warning("notify %s failed: %s", state, error)
            return False
    return True
