"""Unix sockets that are served: bound with mode 0660 and their owner, never taken from a daemon that still answers."""

import contextlib
import os
import socket

from proto.errdefs import FailedPrecondition
from supervisor.config import Socket


def bind_unix(wanted: Socket) -> socket.socket:
    """A bound socket; the caller listens. A file left by a dead daemon is replaced."""
    path = clear_address(wanted.address)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o117)  # no moment in which others could connect
    try:
        listener.bind(path)
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(mask)
    os.chown(path, wanted.uid, wanted.gid)
    return listener


def clear_address(address: str) -> str:
    """The path of a socket's address with nothing in the way; refuses one on which somebody answers."""
    path = address.removeprefix("unix://")
    os.makedirs(os.path.dirname(path), mode=0o711, exist_ok=True)
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(path)
    except FileNotFoundError:
        return path
    except ConnectionRefusedError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return path
    finally:
        probe.close()
    raise FailedPrecondition(f"another daemon answers on {path}")
