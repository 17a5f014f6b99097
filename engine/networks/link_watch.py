"""Tells when somebody else takes away a bridge, its address, or a container's link to it.

`ip link delete`, `ip addr flush`, a NetworkManager that knows better: the kernel announces every change, and the event
loop reads the announcements. What we take away ourselves is announced too, and is no longer in the records by the time
that anybody looks.

    DELLINK   of a bridge, of a container's link (also when it only leaves its bridge)
    NEWLINK   of a bridge that was set down
    DELADDR   of a gateway
"""

import asyncio
import contextlib
import errno
import socket
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping

from engine.networks import links, netlink
from engine.networks.netlink import attributes

_RTMGRP_LINK, _RTMGRP_IPV4_ADDRESS, _RTMGRP_IPV6_ADDRESS = 0x1, 0x10, 0x100
_DELADDR = 21
_LINK_HEADER, _ADDRESS_HEADER = 16, 8  # struct ifinfomsg, struct ifaddrmsg
_RECEIVE = 1 << 18
_SETTLE = 0.05  # seconds: a bridge that goes takes its addresses and ports along

EVERYTHING: frozenset[str] = frozenset()  # more was announced than could be read


class LinkWatch:
    """Calls `repair` with the names of links after each disturbance, one at a time."""

    def __init__(
        self,
        names: Callable[[], Collection[str]],
        gateways: Callable[[], Mapping[bytes, str]],
        repair: Callable[[Collection[str]], Awaitable[None]],
    ) -> None:
        self._names = names
        self._gateways = gateways
        self._repair = repair
        self._socket: socket.socket | None = None
        self._disturbed: set[str] = set()
        self._lost = False
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen from now on; must be called in the namespace whose links they are."""
        made = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, links.NETLINK_ROUTE
        )
        made.bind((0, _RTMGRP_LINK | _RTMGRP_IPV4_ADDRESS | _RTMGRP_IPV6_ADDRESS))
        self._socket = made
        asyncio.get_running_loop().add_reader(made, self._read)
        self._task = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _read(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(_RECEIVE)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            self._lost = True
            self._woken.set()
            return
        self._disturbed |= disturbed(data, self._names, self._gateways)
        if self._disturbed:
            self._woken.set()

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            await asyncio.sleep(_SETTLE)
            self._woken.clear()
            names, self._disturbed = self._disturbed, set()
            lost, self._lost = self._lost, False
            await self._repair(EVERYTHING if lost else names)


def disturbed(
    data: bytes, names: Callable[[], Collection[str]], gateways: Callable[[], Mapping[bytes, str]]
) -> set[str]:
    """Which of our links something was taken away from."""
    found: set[str] = set()
    for kind, _, _, payload in netlink.parse(data):
        if kind == links.RTM_DELLINK or (kind == links.RTM_NEWLINK and _was_set_down(payload)):
            name = dict(attributes(payload[_LINK_HEADER:])).get(links.IFLA_IFNAME, b"").rstrip(b"\0").decode()
            if name in names():
                found.add(name)
        elif kind == _DELADDR:
            values = dict(attributes(payload[_ADDRESS_HEADER:]))
            own = values.get(links.IFA_LOCAL) or values.get(links.IFA_ADDRESS) or b""
            known = gateways()
            if own in known:
                found.add(known[own])
    return found


def _was_set_down(payload: bytes) -> bool:
    if len(payload) < _LINK_HEADER:
        return False
    flags, changed = int.from_bytes(payload[8:12], sys.byteorder), int.from_bytes(payload[12:16], sys.byteorder)
    return bool(changed & links.IFF_UP) and not flags & links.IFF_UP
