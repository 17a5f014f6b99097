"""The pty: a socket on which the OCI runtime hands over the master end, and its window size."""

import array
import asyncio
import fcntl
import os
import socket
import struct
import termios

_RECEIVE_SECONDS = 30.0
_WINDOW = struct.Struct("4H")  # struct winsize of ioctl_tty(2)


class ConsoleSocket:
    """A listening socket for `--console-socket`, in a private folder with a short path: a bundle's may be too long."""

    def __init__(self) -> None:
        parent = os.environ.get("XDG_RUNTIME_DIR") or "/tmp"
        self._folder = os.path.join(parent, f"pty{os.urandom(8).hex()}")
        os.mkdir(self._folder, 0o700)
        self.path = os.path.join(self._folder, "pty.sock")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        try:
            self._socket.bind(self.path)
            self._socket.listen(1)
        except OSError:
            self.close()
            raise

    async def receive(self) -> int:
        """The master's fd, non-blocking; raises TimeoutError or OSError when the runtime does not send one."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_RECEIVE_SECONDS):
            connection, _ = await loop.sock_accept(self._socket)
            with connection:
                await _readable(loop, connection.fileno())
                master = _take_fd(connection)
        os.set_blocking(master, False)
        return master

    def close(self) -> None:
        """Remove the socket and its folder."""
        self._socket.close()
        if os.path.exists(self.path):
            os.unlink(self.path)
        os.rmdir(self._folder)


def resize(master: int, width: int, height: int) -> None:
    """Tell the programs on a pty its new size."""
    fcntl.ioctl(master, termios.TIOCSWINSZ, _WINDOW.pack(height, width, 0, 0))


def _take_fd(connection: socket.socket) -> int:
    _, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4), socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds = array.array("i", data[: len(data) - len(data) % 4])
            return int(fds[0])
    raise OSError("the runtime sent no terminal over the console socket")


async def _readable(loop: asyncio.AbstractEventLoop, fd: int) -> None:
    ready = loop.create_future()
    loop.add_reader(fd, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(fd)
