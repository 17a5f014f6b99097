"""What the packet filter must say for one bridge, as a table of its own: planned here, pure; applied by `Firewall`.

    table ip wherry_<bridge>       and the same in table ip6, where the network has IPv6
      postrouting  nat     from the bridge's network to anywhere else: masquerade
      prerouting   nat     to a published port of this host: the container's address and port
      output       nat     the same, for the host's own connections
      forward      filter  out of the bridge: accept; into it: only answers and published ports
                           (of a routed network: to the containers' own addresses, and pings; nothing is translated)
                           (of an unprotected one: everything)
      local        filter  from the bridge to 127.0.0.0/8: drop (what route_localnet would otherwise open)

The table is always written whole, in one batch, so a crash leaves the old one or the new one. What another table
drops stays dropped, whatever we accept. So where Docker's chains are on the host, two rules in DOCKER-USER, the chain
it keeps for others, let the bridge's packets through (our own table still judges them); where there is no Docker, but a
FORWARD chain that drops what it does not know (ufw's), they go there. They are of the shape that iptables understands,
and carry a comment by which they are found and taken out again.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from engine.networks import nftables as nft
from engine.networks.nftables import Chain, Nftables, Rule

PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
ICMP, ICMPV6 = 1, 58
OTHERS_TABLE, DOCKER_CHAIN, FORWARD_CHAIN = "filter", "DOCKER-USER", "FORWARD"
PREFIX = "wherry_"
_LOOPBACK = ipaddress.IPv4Network("127.0.0.0/8")
_LOOPBACK6 = ipaddress.IPv6Network("::1/128")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Net = ipaddress.IPv4Network | ipaddress.IPv6Network

CHAINS = (
    Chain("local", "filter", "prerouting", -300),
    Chain("prerouting", "nat", "prerouting", -100),
    Chain("output", "nat", "output", -100),
    Chain("postrouting", "nat", "postrouting", 100),
    Chain("forward", "filter", "forward", 0),
)


@dataclass(frozen=True, slots=True)
class Published:
    """One port of the host that leads to a container."""

    protocol: str
    host_address: Address
    host_port: int
    address: Address
    port: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What one bridge wants for one family of addresses."""

    bridge: str
    network: Net
    masquerade: bool = True
    internal: bool = False
    icc: bool = True
    published: tuple[Published, ...] = ()
    routed: bool = False
    unprotected: bool = False

    @property
    def table(self) -> str:
        return f"{PREFIX}{self.bridge}"

    @property
    def family(self) -> int:
        return nft.FAMILY_IPV4 if self.network.version == 4 else nft.FAMILY_IPV6


def rules(plan: Plan) -> list[Rule]:
    """The table's rules, in order."""
    translated = [] if plan.routed else [rule for port in plan.published for rule in _port(port)]
    return [*_local(plan), *([] if plan.routed else _postrouting(plan)), *translated, *_forward(plan)]


def rules_for_others(plan: Plan, chain: str) -> list[Rule]:
    """What somebody else's chain is to say about the bridge."""
    decided = (*nft.counter(), *nft.verdict(nft.ACCEPT))
    return [
        Rule(chain, (*nft.input_interface(plan.bridge), *decided), plan.table),
        Rule(chain, (*nft.output_interface(plan.bridge), *decided), plan.table),
    ]


class Firewall:
    """Applies plans."""

    def __init__(self) -> None:
        self._nftables = Nftables()

    @property
    def sender(self) -> int:
        return self._nftables.sender

    def apply(self, plan: Plan) -> None:
        """Let the filter say what the plan says, and nothing else about this bridge."""
        self._nftables.apply(nft.replace_table(plan.table, CHAINS, rules(plan), plan.family))
        if not plan.internal:
            self._tell_others(plan)

    def pin(self, bridge: str, chains: Sequence[Chain], wanted: Sequence[Rule]) -> None:
        """Write the table about a bridge's frames."""
        self._nftables.apply(nft.replace_table(f"{PREFIX}{bridge}", chains, wanted, nft.FAMILY_BRIDGE))

    def remove(self, bridge: str, *families: int) -> None:
        """Take out everything that was said about a bridge."""
        table = f"{PREFIX}{bridge}"
        for family in families or (nft.FAMILY_IPV4, nft.FAMILY_IPV6, nft.FAMILY_BRIDGE):
            self._nftables.apply(nft.delete_table(table, family))
            if family == nft.FAMILY_BRIDGE:
                continue
            for chain in (DOCKER_CHAIN, FORWARD_CHAIN):
                if self._nftables.policy(OTHERS_TABLE, chain, family) is not None:
                    handles = self._handles(table, chain, family)
                    self._nftables.apply([nft.delete_rule(OTHERS_TABLE, chain, one, family) for one in handles])

    def close(self) -> None:
        self._nftables.close()

    def _tell_others(self, plan: Plan) -> None:
        if self._nftables.policy(OTHERS_TABLE, DOCKER_CHAIN, plan.family) is not None:
            chain = DOCKER_CHAIN
        elif self._nftables.policy(OTHERS_TABLE, FORWARD_CHAIN, plan.family) == nft.DROP:
            chain = FORWARD_CHAIN
        else:
            return
        wanted = rules_for_others(plan, chain)
        if len(self._handles(plan.table, chain, plan.family)) < len(wanted):
            self._nftables.apply([nft.insert_rule(OTHERS_TABLE, rule, plan.family) for rule in reversed(wanted)])

    def _handles(self, comment: str, chain: str, family: int) -> list[int]:
        return [handle for handle, text in self._nftables.rules(OTHERS_TABLE, chain, family) if text == comment]


def _local(plan: Plan) -> list[Rule]:
    if plan.network.version == 6:
        return []  # ::1 is not routed, whoever asks
    loopback = nft.destination(_LOOPBACK.network_address.packed, _LOOPBACK.netmask.packed)
    return [Rule("local", (*nft.input_interface(plan.bridge), *loopback, *nft.verdict(nft.DROP)))]


def _postrouting(plan: Plan) -> list[Rule]:
    own = nft.source(plan.network.network_address.packed, plan.network.netmask.packed)
    found = []
    if plan.masquerade and not plan.internal:
        elsewhere = nft.output_interface(plan.bridge, nft.NOT_EQUAL)
        found.append(Rule("postrouting", (*own, *elsewhere, *nft.masquerade())))
    if plan.published:
        # what comes back out of the bridge it went in by, or comes from 127.0.0.1, must not be answered on a short cut
        outside = nft.output_interface(plan.bridge)
        found.append(Rule("postrouting", (*own, *outside, *nft.connection_status(nft.CT_DNAT), *nft.masquerade())))
        if plan.network.version == 4:
            from_host = nft.source(_LOOPBACK.network_address.packed, _LOOPBACK.netmask.packed)
            found.append(Rule("postrouting", (*from_host, *outside, *nft.masquerade())))
    return found


def _port(port: Published) -> list[Rule]:
    """From outside and other containers, and from the host itself."""
    host, v4 = port.host_address, port.address.version == 4
    to_host = nft.destination_is_local()
    if not host.is_unspecified:
        to_host = (*nft.destination(host.packed, b"\xff" * len(host.packed)), *to_host)
    match = (*nft.protocol(PROTOCOLS[port.protocol]), *nft.destination_port(port.host_port), *to_host)
    target = nft.dnat(port.address.packed, port.port)
    loopback = _LOOPBACK if v4 else _LOOPBACK6
    elsewhere = nft.destination(loopback.network_address.packed, loopback.netmask.packed, nft.NOT_EQUAL)
    found = []
    if not host.is_loopback:
        # Who sends to 127.0.0.1 from outside would be let in: the kernel drops such packets after this, not before.
        found.append(Rule("prerouting", (*elsewhere, *match, *target)))
    # IPv6 has no route_localnet: what is translated from ::1 gets lost. Refused at once, clients go on to 127.0.0.1.
    found.append(Rule("output", (*(() if v4 else elsewhere), *match, *target)))
    return found


def _at_home(port: Published) -> tuple[bytes, ...]:
    """A container's port under its own address."""
    own = port.address.packed
    return (
        *nft.destination(own, b"\xff" * len(own)),
        *nft.protocol(PROTOCOLS[port.protocol]),
        *nft.destination_port(port.port),
    )


def _forward(plan: Plan) -> list[Rule]:
    inside, outside = nft.input_interface(plan.bridge), nft.output_interface(plan.bridge)
    found = []
    if plan.routed:
        found += [Rule("forward", (*outside, *_at_home(port), *nft.verdict(nft.ACCEPT))) for port in plan.published]
        ping = nft.protocol(ICMP if plan.network.version == 4 else ICMPV6)
        found.append(Rule("forward", (*outside, *ping, *nft.verdict(nft.ACCEPT))))
    elif plan.published:
        found.append(Rule("forward", (*outside, *nft.connection_status(nft.CT_DNAT), *nft.verdict(nft.ACCEPT))))
    found.append(Rule("forward", (*inside, *outside, *nft.verdict(nft.ACCEPT if plan.icc else nft.DROP))))
    found.append(Rule("forward", (*inside, *nft.verdict(nft.DROP if plan.internal else nft.ACCEPT))))
    if not plan.internal:
        answers = nft.connection_state(nft.CT_ESTABLISHED | nft.CT_RELATED)
        found.append(Rule("forward", (*outside, *answers, *nft.verdict(nft.ACCEPT))))
    found.append(Rule("forward", (*outside, *nft.verdict(nft.ACCEPT if plan.unprotected else nft.DROP))))
    return found
