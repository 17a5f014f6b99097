"""Tells when somebody else takes away a bridge, its address, or a container's link to it.

`ip link delete`, `ip addr flush`, a NetworkManager that knows better: the kernel announces every change. What we take
away ourselves is announced too, and is no longer in the records by the time that anybody looks.

    DELLINK   of a bridge, of a container's link (also when it only leaves its bridge)
    NEWLINK   of a bridge that was set down
    DELADDR   of a gateway
"""

import sys
from collections.abc import Awaitable, Callable, Collection, Mapping

from engine.networks import links, netlink
from engine.networks.netlink import attributes
from engine.networks.watch import Watch

_RTMGRP_LINK, _RTMGRP_IPV4_ADDRESS, _RTMGRP_IPV6_ADDRESS = 0x1, 0x10, 0x100
_DELADDR = 21
_LINK_HEADER, _ADDRESS_HEADER = 16, 8  # struct ifinfomsg, struct ifaddrmsg

EVERYTHING: frozenset[str] = frozenset()  # more was announced than could be read


class LinkWatch(Watch):
    """Calls `repair` with the names of links after each disturbance."""

    protocol = links.NETLINK_ROUTE
    groups = _RTMGRP_LINK | _RTMGRP_IPV4_ADDRESS | _RTMGRP_IPV6_ADDRESS

    def __init__(
        self,
        names: Callable[[], Collection[str]],
        gateways: Callable[[], Mapping[bytes, str]],
        repair: Callable[[Collection[str]], Awaitable[None]],
    ) -> None:
        super().__init__()
        self._names = names
        self._gateways = gateways
        self._repair = repair
        self._disturbed: set[str] = set()
        self._lost = False

    def disturbs(self, data: bytes | None) -> bool:
        if data is None:
            self._lost = True
        else:
            self._disturbed |= disturbed(data, self._names, self._gateways)
        return self._lost or bool(self._disturbed)

    async def repair(self) -> None:
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
