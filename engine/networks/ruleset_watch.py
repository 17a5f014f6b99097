"""Tells when somebody else changes our rules, or a chain of theirs that decides over our packets.

`nft flush ruleset`, a reload of firewalld, a Docker or ufw that starts later: the kernel announces every change to
NFNLGRP_NFTABLES, with the number of the socket that made it.

    NEWCHAIN DELCHAIN NEWRULE DELRULE DELTABLE   of a table of ours, by another socket
    NEWCHAIN DELRULE                             filter DOCKER-USER, filter FORWARD
"""

from collections.abc import Awaitable, Callable, Collection

from engine.networks import netlink
from engine.networks import nftables as nft
from engine.networks.firewall import DOCKER_CHAIN, FORWARD_CHAIN, OTHERS_TABLE
from engine.networks.netlink import attributes
from engine.networks.watch import Watch

_NFNLGRP_NFTABLES = 7
_FAMILY_HEADER = 4  # struct nfgenmsg
_NEWCHAIN, _DELRULE = 3, 8
_CHAIN_NAME = {3: 3, 5: 3, 6: 2, 8: 2}  # which attribute names the chain: NEWCHAIN, DELCHAIN, NEWRULE, DELRULE
_DELTABLE = 2


class RulesetWatch(Watch):
    """Calls `repair` after each disturbance."""

    protocol = nft.NETLINK_NETFILTER
    groups = 1 << (_NFNLGRP_NFTABLES - 1)

    def __init__(
        self, own: Collection[int], tables: Callable[[], Collection[str]], repair: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__()
        self._own = own
        self._tables = tables
        self._repair = repair

    def disturbs(self, data: bytes | None) -> bool:
        return data is None or is_disturbing(data, self._own, self._tables())

    async def repair(self) -> None:
        await self._repair()


def is_disturbing(data: bytes, own: Collection[int], tables: Collection[str]) -> bool:
    """Whether announcements say that somebody else changed what we said, or what is said about us."""
    for kind, _, sender, payload in netlink.parse(data):
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


def _text(value: bytes | None) -> str:
    return (value or b"").rstrip(b"\0").decode(errors="replace")
