"""Listens to what the kernel announces by netlink, and repairs after a disturbance; the loop reads, nobody polls."""

import asyncio
import contextlib
import errno
import socket
from abc import ABC, abstractmethod

_RECEIVE = 1 << 18
_SETTLE = 0.05  # seconds: a reload is many changes, a bridge that goes takes its addresses and ports along


class Watch(ABC):
    """One netlink socket. `repair` runs after each disturbance, one at a time; what is announced meanwhile is next."""

    protocol: int
    groups: int  # a mask, as sockaddr_nl has it

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._disturbance = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    def disturbs(self, data: bytes | None) -> bool:
        """Whether the announcements ask for a repair; None: more were made than could be read."""

    @abstractmethod
    async def repair(self) -> None:
        """Put back what was disturbed."""

    def start(self) -> None:
        """Listen from now on; must be called in the network namespace that is watched."""
        kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_NETLINK, kind, self.protocol)
        self._socket.bind((0, self.groups))
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        self._task = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def hear(self, data: bytes | None) -> None:
        """Take what was announced."""
        if self.disturbs(data):
            self._disturbance.set()

    def _read(self) -> None:
        assert self._socket is not None
        data = None
        try:
            data = self._socket.recv(_RECEIVE)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
        self.hear(data)

    async def _run(self) -> None:
        while True:
            await self._disturbance.wait()
            await asyncio.sleep(_SETTLE)
            self._disturbance.clear()
            await self.repair()
