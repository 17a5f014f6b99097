"""Tells when somebody else changes our rules, or a chain of theirs that decides over our packets.

`nft flush ruleset`, a reload of firewalld, a Docker or ufw that starts later: the kernel announces every change to
NFNLGRP_NFTABLES, with the number of the socket that made it. No polling: the event loop reads the announcements.

    NEWCHAIN DELCHAIN NEWRULE DELRULE DELTABLE   of a table of ours, by another socket
    NEWCHAIN DELRULE                             filter DOCKER-USER, filter FORWARD
"""

import asyncio
import contextlib
import errno
import socket
import struct
from collections.abc import Awaitable, Callable, Collection, Iterator

from engine.networks import nftables as nft
from engine.networks.firewall import DOCKER_CHAIN, FORWARD_CHAIN, OTHERS_TABLE
from engine.networks.netlink import attributes

_NFNLGRP_NFTABLES = 7
_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP = 270, 1
_HEADER = struct.Struct("=IHHII")
_FAMILY_HEADER = 4  # struct nfgenmsg
_NEWCHAIN, _DELRULE = 3, 8
_CHAIN_NAME = {3: 3, 5: 3, 6: 2, 8: 2}  # which attribute names the chain: NEWCHAIN, DELCHAIN, NEWRULE, DELRULE
_DELTABLE = 2
_RECEIVE = 1 << 18
_SETTLE = 0.05  # seconds: a reload is many changes, and what is written in its middle is flushed by its end


class RulesetWatch:
    """Calls `repair` after each disturbance, one at a time."""

    def __init__(
        self, own: Collection[int], tables: Callable[[], Collection[str]], repair: Callable[[], Awaitable[None]]
    ) -> None:
        self._own = own
        self._tables = tables
        self._repair = repair
        self._socket: socket.socket | None = None
        self._disturbed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen from now on; must be called in the namespace whose rules they are."""
        made = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, nft.NETLINK_NETFILTER
        )
        made.bind((0, 0))
        made.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, _NFNLGRP_NFTABLES)
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
            if error.errno == errno.ENOBUFS:  # more was announced than we could read: anything may have changed
                self._disturbed.set()
                return
            raise
        if is_disturbing(data, self._own, self._tables()):
            self._disturbed.set()

    async def _run(self) -> None:
        while True:
            await self._disturbed.wait()
            await asyncio.sleep(_SETTLE)
            self._disturbed.clear()
            await self._repair()


def is_disturbing(data: bytes, own: Collection[int], tables: Collection[str]) -> bool:
    """Whether announcements say that somebody else changed what we said, or what is said about us."""
    for kind, sender, payload in _messages(data):
        if kind >> 8 != nft.SUBSYSTEM >> 8 or sender in own:
            continue
        change = kind & 0xFF
        values = dict(attributes(payload[_FAMILY_HEADER:]))
        table = _text(values.get(1))
        if table in tables and (change == _DELTABLE or change in _CHAIN_NAME):
            return True
        if (
            table == OTHERS_TABLE
            and change in (_NEWCHAIN, _DELRULE)
            and _text(values.get(_CHAIN_NAME[change])) in (DOCKER_CHAIN, FORWARD_CHAIN)
        ):
            return True
    return False


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The (type, sender, payload) of each announcement."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _, _, sender = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield kind, sender, data[offset + _HEADER.size : offset + length]
        offset += length + (-length % 4)


def _text(value: bytes | None) -> str:
    return (value or b"").rstrip(b"\0").decode(errors="replace")
