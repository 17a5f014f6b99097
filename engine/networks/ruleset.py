"""What the packet filter must say, as one table of the engine's own for each family of addresses. Pure.

    table ip wherry_<default bridge>      and the same in ip6, where a network has IPv6

    local        raw     from a bridge to 127.0.0.0/8: drop (what route_localnet would otherwise open)
    prerouting   nat     to an address of this host: through each bridge's published ports
    output       nat     the same, for the host's own connections
    postrouting  nat     by the bridge a packet came from: leaving__BRIDGE; by the one it goes to: entering__BRIDGE
    forward      filter  by the bridge a packet came from: from__BRIDGE; by the one it goes to: to__BRIDGE

    ports__BRIDGE    prerouting nat   a published port: the container's address and port
    own__BRIDGE      output nat       the same
    leaving__BRIDGE  from the bridge's network to anywhere else: masquerade
    entering__BRIDGE what was let in by a port and comes from the bridge itself, or from 127.0.0.1: masquerade
    from__BRIDGE     not to each other (no icc), not out (internal)
    to__BRIDGE       only answers, published ports and neighbours
                     (of a routed network: the containers' own addresses, and pings; nothing is translated)
                     (of an unprotected one: everything)

Maps lead from an interface's name to its chains, so a packet meets the rules of its own bridges however many there are.
A bridge's chains are written whole, in one batch, so a crash leaves the old ones or the new ones.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from engine.networks import nftables as nft
from engine.networks.netlink import Message
from engine.networks.nftables import Chain, Rule

PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
ICMP, ICMPV6 = 1, 58
PREFIX = "wherry_"
_LOOPBACK = ipaddress.IPv4Network("127.0.0.0/8")
_LOOPBACK6 = ipaddress.IPv6Network("::1/128")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Net = ipaddress.IPv4Network | ipaddress.IPv6Network

_LOCAL = Chain("local", "filter", "prerouting", -300)
_PREROUTING, _OUTPUT = Chain("prerouting", "nat", "prerouting", -100), Chain("output", "nat", "output", -100)
_POSTROUTING, _FORWARD = Chain("postrouting", "nat", "postrouting", 100), Chain("forward", "filter", "forward", 0)
CHAINS = (_LOCAL, _PREROUTING, _OUTPUT, _POSTROUTING, _FORWARD)
BRIDGES, MAPS = "bridges", ("leaving", "entering", "from", "to")
_OWN = ("ports", "own", *MAPS)  # chains of one bridge


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
    def mark(self) -> str:
        """The comment of rules of ours in tables of others."""
        return f"{PREFIX}{self.bridge}"

    @property
    def family(self) -> int:
        return nft.FAMILY_IPV4 if self.network.version == 4 else nft.FAMILY_IPV6

    @property
    def translates(self) -> bool:
        """Whether ports of the host are to be looked for in its chains."""
        return bool(self.published) and not self.routed


def table(name: str, plans: Iterable[Plan], family: int) -> list[Message]:
    """The batch after which the table says what these plans say, and nothing else."""
    known = list(plans)
    batch = nft.replace_table(name, CHAINS, (), family)
    batch += [nft.interface_set(name, BRIDGES, family, mapping=False)]
    batch += [nft.interface_set(name, mapping, family, mapping=True) for mapping in MAPS]
    for chain, rules in base(family).items():
        batch += nft.write_chain(name, chain, rules, family)
    for plan in known:
        batch += bridge(name, plan)
    return batch + ports_of_all(name, known, family)


def base(family: int) -> dict[Chain, list[Rule]]:
    """The rules that are always the same."""
    loopback = nft.destination(_LOOPBACK.network_address.packed, _LOOPBACK.netmask.packed)
    from_bridge = Rule("local", (*nft.input_interface_in(BRIDGES), *loopback, *nft.verdict(nft.DROP)))
    return {
        _LOCAL: [from_bridge] if family == nft.FAMILY_IPV4 else [],  # ::1 is not routed, whoever asks
        _POSTROUTING: [
            Rule("postrouting", nft.by_input_interface("leaving")),
            Rule("postrouting", nft.by_output_interface("entering")),
        ],
        _FORWARD: [
            Rule("forward", nft.by_input_interface("from")),
            Rule("forward", nft.by_output_interface("to")),
        ],
    }


def ports_of_all(name: str, plans: Iterable[Plan], family: int) -> list[Message]:
    """Have those chains be looked through that have ports."""
    batch = []
    bridges = [plan.bridge for plan in plans if plan.translates]
    for chain, own in ((_PREROUTING, "ports"), (_OUTPUT, "own")):
        elsewhere = Rule(chain.name, (*nft.destination_is_local(nft.NOT_EQUAL), *nft.verdict(nft.ACCEPT)))
        jumps = [Rule(chain.name, nft.jump(f"{own}__{one}")) for one in bridges]
        batch += nft.write_chain(name, chain, [elsewhere, *jumps] if jumps else [], family)
    return batch


def bridge(name: str, plan: Plan) -> list[Message]:
    """Let one bridge's chains say what its plan says."""
    by_chain = rules(plan)
    batch: list[Message] = []
    for own in _OWN:
        batch += nft.write_chain(name, Chain(f"{own}__{plan.bridge}"), by_chain.get(own, ()), plan.family)
    batch.append(nft.put_interface(name, BRIDGES, plan.bridge, plan.family))
    batch += [
        nft.put_interface(name, mapping, plan.bridge, plan.family, chain=f"{mapping}__{plan.bridge}")
        for mapping in MAPS
    ]
    return batch


def without(name: str, plan: Plan) -> list[Message]:
    """Take one bridge's chains away; nothing may jump to its ports by now."""
    batch = [nft.drop_interface(name, BRIDGES, plan.bridge, plan.family)]
    batch += [
        nft.drop_interface(name, mapping, plan.bridge, plan.family, chain=f"{mapping}__{plan.bridge}")
        for mapping in MAPS
    ]
    for own in _OWN:
        batch += nft.delete_chain(name, f"{own}__{plan.bridge}", plan.family)
    return batch


def rules(plan: Plan) -> dict[str, list[Rule]]:
    """The rules of one bridge's chains."""
    ports = [] if plan.routed else [(port, *_port(port)) for port in plan.published]
    found = {
        # Who sends to 127.0.0.1 from outside would be let in: the kernel drops such packets after this, not before.
        "ports": [match for port, match, _ in ports if not port.host_address.is_loopback],
        "own": [match for _, _, match in ports],
        "leaving": _leaving(plan),
        "entering": _entering(plan),
        "from": _from(plan),
        "to": _to(plan),
    }
    return {own: [Rule(f"{own}__{plan.bridge}", one) for one in matches] for own, matches in found.items()}


def rules_for_others(plan: Plan, chain: str) -> list[Rule]:
    """What somebody else's chain is to say about the bridge."""
    decided = (*nft.counter(), *nft.verdict(nft.ACCEPT))
    return [
        Rule(chain, (*nft.input_interface(plan.bridge), *decided), plan.mark),
        Rule(chain, (*nft.output_interface(plan.bridge), *decided), plan.mark),
    ]


def _port(port: Published) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """From outside and other containers, and from the host itself."""
    host, v4 = port.host_address, port.address.version == 4
    to_host = () if host.is_unspecified else nft.destination(host.packed, b"\xff" * len(host.packed))
    match = (*nft.protocol(PROTOCOLS[port.protocol]), *nft.destination_port(port.host_port), *to_host)
    target = nft.dnat(port.address.packed, port.port)
    loopback = _LOOPBACK if v4 else _LOOPBACK6
    elsewhere = nft.destination(loopback.network_address.packed, loopback.netmask.packed, nft.NOT_EQUAL)
    # IPv6 has no route_localnet: what is translated from ::1 gets lost. Refused at once, clients go on to 127.0.0.1.
    return (*elsewhere, *match, *target), (*(() if v4 else elsewhere), *match, *target)


def _leaving(plan: Plan) -> list[tuple[bytes, ...]]:
    if plan.routed or plan.internal or not plan.masquerade:
        return []
    elsewhere = nft.output_interface(plan.bridge, nft.NOT_EQUAL)
    return [(*_from_network(plan), *elsewhere, *nft.masquerade())]


def _entering(plan: Plan) -> list[tuple[bytes, ...]]:
    """What goes back where it came from, or comes from 127.0.0.1, is not to be answered on a short cut."""
    if not plan.translates:
        return []
    found = [(*_from_network(plan), *nft.connection_status(nft.CT_DNAT), *nft.masquerade())]
    if plan.network.version == 4:
        from_host = nft.source(_LOOPBACK.network_address.packed, _LOOPBACK.netmask.packed)
        found.append((*from_host, *nft.masquerade()))
    return found


def _from_network(plan: Plan) -> tuple[bytes, ...]:
    return nft.source(plan.network.network_address.packed, plan.network.netmask.packed)


def _from(plan: Plan) -> list[tuple[bytes, ...]]:
    """What is not dropped here is for the bridge it goes to to decide, if that is one of ours."""
    found = []
    if plan.internal:
        found.append((*nft.output_interface(plan.bridge, nft.NOT_EQUAL), *nft.verdict(nft.DROP)))
    if not plan.icc:
        inside = nft.output_interface(plan.bridge)
        if plan.translates:
            found.append((*inside, *nft.connection_status(nft.CT_DNAT), *nft.verdict(nft.RETURN)))
        found.append((*inside, *nft.verdict(nft.DROP)))
    return found


def _to(plan: Plan) -> list[tuple[bytes, ...]]:
    accept = nft.verdict(nft.ACCEPT)
    found = []
    if plan.routed:
        found += [(*_at_home(port), *accept) for port in plan.published]
        found.append((*nft.protocol(ICMP if plan.network.version == 4 else ICMPV6), *accept))
    elif plan.published:
        found.append((*nft.connection_status(nft.CT_DNAT), *accept))
    found.append((*nft.input_interface(plan.bridge), *accept))  # without icc, it does not come this far
    if not plan.internal:
        found.append((*nft.connection_state(nft.CT_ESTABLISHED | nft.CT_RELATED), *accept))
    found.append(nft.verdict(nft.ACCEPT if plan.unprotected else nft.DROP))
    return found


def _at_home(port: Published) -> tuple[bytes, ...]:
    """A container's port under its own address."""
    own = port.address.packed
    return (
        *nft.destination(own, b"\xff" * len(own)),
        *nft.protocol(PROTOCOLS[port.protocol]),
        *nft.destination_port(port.port),
    )
