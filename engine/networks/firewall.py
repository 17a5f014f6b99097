"""What the packet filter must say for one bridge, as a table of its own: planned here, pure; applied by `Firewall`.

    table ip wherry_<bridge>
      postrouting  nat     from the bridge's network to anywhere else: masquerade
      prerouting   nat     to a published port of this host: the container's address and port
      output       nat     the same, for the host's own connections
      forward      filter  out of the bridge: accept; into it: only answers and published ports
      local        filter  from the bridge to 127.0.0.0/8: drop (what route_localnet would otherwise open)

The table is always written whole, in one batch, so a crash leaves the old one or the new one. Where Docker's own chains
are on the host, its FORWARD policy drops what it does not know, whatever we accept: two rules in DOCKER-USER, the chain
it keeps for others, let the bridge's packets through (our own table still judges them). They are of the shape that
iptables understands, and carry a comment by which they are found and taken out again.
"""

import contextlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from engine.networks import nftables as nft
from engine.networks.nftables import Chain, Nftables, Rule

PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
_DOCKER_TABLE, _DOCKER_CHAIN = "filter", "DOCKER-USER"
_LOOPBACK = ipaddress.IPv4Network("127.0.0.0/8")
_ANY = ipaddress.IPv4Address(0)
_ALL_BITS = b"\xff" * 4

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
    host_address: ipaddress.IPv4Address
    host_port: int
    address: ipaddress.IPv4Address
    port: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What one bridge wants."""

    bridge: str
    network: ipaddress.IPv4Network
    masquerade: bool = True
    internal: bool = False
    icc: bool = True
    published: tuple[Published, ...] = ()

    @property
    def table(self) -> str:
        return f"wherry_{self.bridge}"


def rules(plan: Plan) -> list[Rule]:
    """The table's rules, in order."""
    inside, outside = nft.input_interface(plan.bridge), nft.output_interface(plan.bridge)
    loopback = _LOOPBACK.network_address.packed, _LOOPBACK.netmask.packed
    found = [Rule("local", (*inside, *nft.destination(*loopback), *nft.verdict(nft.DROP)))]
    if plan.masquerade and not plan.internal:
        own = nft.source(plan.network.network_address.packed, plan.network.netmask.packed)
        elsewhere = nft.output_interface(plan.bridge, nft.NOT_EQUAL)
        found.append(Rule("postrouting", (*own, *elsewhere, *nft.masquerade())))
    if plan.published:
        # what comes back out of the bridge it went in by, or comes from 127.0.0.1, must not be answered on a short cut
        translated = nft.connection_status(nft.CT_DNAT)
        own = nft.source(plan.network.network_address.packed, plan.network.netmask.packed)
        found.append(Rule("postrouting", (*own, *outside, *translated, *nft.masquerade())))
        found.append(Rule("postrouting", (*nft.source(*loopback), *outside, *nft.masquerade())))
    for port in plan.published:
        found += _port_rules(port)
    if plan.published:
        found.append(Rule("forward", (*outside, *nft.connection_status(nft.CT_DNAT), *nft.verdict(nft.ACCEPT))))
    found.append(Rule("forward", (*inside, *outside, *nft.verdict(nft.ACCEPT if plan.icc else nft.DROP))))
    found.append(Rule("forward", (*inside, *nft.verdict(nft.DROP if plan.internal else nft.ACCEPT))))
    if not plan.internal:
        answers = nft.connection_state(nft.CT_ESTABLISHED | nft.CT_RELATED)
        found.append(Rule("forward", (*outside, *answers, *nft.verdict(nft.ACCEPT))))
    found.append(Rule("forward", (*outside, *nft.verdict(nft.DROP))))
    return found


def docker_rules(plan: Plan) -> list[Rule]:
    """What DOCKER-USER is to say about the bridge."""
    decided = (*nft.counter(), *nft.verdict(nft.ACCEPT))
    return [
        Rule(_DOCKER_CHAIN, (*nft.input_interface(plan.bridge), *decided), plan.table),
        Rule(_DOCKER_CHAIN, (*nft.output_interface(plan.bridge), *decided), plan.table),
    ]


class Firewall:
    """Applies plans."""

    def __init__(self) -> None:
        self._nftables = Nftables()

    def apply(self, plan: Plan) -> None:
        """Let the filter say what the plan says, and nothing else about this bridge."""
        self._nftables.apply(nft.replace_table(plan.table, CHAINS, rules(plan)))
        if not plan.internal:
            self._allow_in_docker(plan)

    def remove(self, bridge: str) -> None:
        """Take out everything that was said about a bridge."""
        table = f"wherry_{bridge}"
        self._nftables.apply(nft.delete_table(table))
        with contextlib.suppress(FileNotFoundError):
            self._nftables.apply(
                [nft.delete_rule(_DOCKER_TABLE, _DOCKER_CHAIN, handle) for handle in self._docker_handles(table)]
            )

    def close(self) -> None:
        self._nftables.close()

    def _allow_in_docker(self, plan: Plan) -> None:
        if not self._nftables.has_chain(_DOCKER_TABLE, _DOCKER_CHAIN) or self._docker_handles(plan.table):
            return
        wanted: Sequence[Rule] = docker_rules(plan)
        self._nftables.apply([nft.insert_rule(_DOCKER_TABLE, rule) for rule in reversed(wanted)])

    def _docker_handles(self, comment: str) -> list[int]:
        if not self._nftables.has_chain(_DOCKER_TABLE, _DOCKER_CHAIN):
            return []
        return [handle for handle, text in self._nftables.rules(_DOCKER_TABLE, _DOCKER_CHAIN) if text == comment]


def _port_rules(port: Published) -> list[Rule]:
    """From outside and other containers, and from the host itself."""
    to_host = nft.destination_is_local()
    if port.host_address != _ANY:
        to_host = (*nft.destination(port.host_address.packed, _ALL_BITS), *to_host)
    match = (*nft.protocol(PROTOCOLS[port.protocol]), *nft.destination_port(port.host_port), *to_host)
    target = nft.dnat(port.address.packed, port.port)
    return [Rule("prerouting", (*match, *target)), Rule("output", (*match, *target))]
