"""Published ports of running containers: held on the host, written into the rules, changed while the container runs.

    wanted ports + the gateway's endpoint ──▶ ports that stay · that come · that go ──▶ hold ▶ rules ▶ let go

A port that is wanted as before stays as it is, its number too where it was chosen for the container; connections
through it notice nothing. What cannot be held changes nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from itertools import chain

from engine.networks import gateway, links
from engine.networks.bridge import Bridges
from engine.networks.conntrack import Gone
from engine.networks.forgetting import Forgetting
from engine.networks.links import Links
from engine.networks.model import BRIDGE, Address, Address6, Endpoint, Network, Port
from engine.networks.ports import Placed, Ports
from engine.networks.request import Wanted
from engine.networks.ruleset import PROTOCOLS
from engine.networks.store import Store
from proto.errdefs import Internal, InvalidArgument


class Publishing:
    """The published ports of one engine's containers."""

    def __init__(
        self,
        store: Store,
        host: Links,
        bridges: Bridges,
        ports: Ports,
        name_of: Callable[[str], str],
        forgetting: Forgetting,
    ) -> None:
        self._store = store
        self._host = host
        self._bridges = bridges
        self._ports = ports
        self._name_of = name_of
        self._forgetting = forgetting

    def hold(self, container_id: str, wanted: Sequence[Wanted]) -> None:
        """Hold a container's ports and note them at its gateway's endpoint; rules and links come later."""
        networks = {network.id: network for network in self._store.networks()}
        own = self._store.endpoints(container_id=container_id)
        chosen = gateway.choose(own, networks)
        before = [port for one in own for port in one.ports]
        after: tuple[Port, ...] = ()
        if chosen is not None and networks[chosen.network_id].driver == BRIDGE:
            after = self._held(container_id, chosen, networks[chosen.network_id], wanted, before)
        self._ports.keep_only(container_id, after)
        for one in own:
            ports = after if one is chosen else ()
            if ports != one.ports:
                self._store.put_endpoint(replace(one, ports=ports))

    def place(self, container_id: str, wanted: Sequence[Wanted]) -> None:
        """Publish exactly the wanted ports of a running container."""
        before = {one.id: one for one in self._store.endpoints(container_id=container_id)}
        self.hold(container_id, wanted)
        for one in self._store.endpoints(container_id=container_id):
            network = self._store.network(one.network_id)
            if network is None or one.ports == before[one.id].ports:
                continue
            self.write_rules(network)
            self.forget_changed(before[one.id], one)
            if bool(one.ports) != bool(before[one.id].ports) and self._host.find(one.link) is not None:
                self._host.apply(links.bridge_port(one.link, hairpin=bool(one.ports), isolated=network.isolated))

    def write_rules(self, network: Network) -> None:
        self._bridges.set_rules(network, self._store.endpoints(network_id=network.id))

    def forget_changed(self, before: Endpoint, after: Endpoint) -> None:
        """Connections by ports that went, and datagrams that came to the host's own port before it was theirs."""
        by_version: dict[int, Address | Address6] = {address.version: address for address in before.addresses}
        gone = [port for port in before.ports if port not in after.ports and port.host_port]
        came = [port for port in after.ports if port not in before.ports and port.host_port and port.protocol == "udp"]
        self._forgetting.add(
            [
                *(Gone(by_version.get(_version(one)), PROTOCOLS[one.protocol], one.host_port) for one in gone),
                *(Gone(None, PROTOCOLS[one.protocol], one.host_port, (_version(one),)) for one in came),
            ]
        )

    def forget_endpoints(self, gone: Iterable[Endpoint]) -> None:
        """Every connection of theirs: whoever gets their addresses starts afresh."""
        self._forgetting.add([Gone(address) for one in gone for address in one.addresses])

    def hold_again(self) -> None:
        """After a restart of the engine: the ports of everybody who is there."""
        for one in self._store.endpoints():
            self._ports.hold_again(one.container_id, one.ports)

    def release(self, container_id: str) -> None:
        self._ports.keep_only(container_id, ())

    def _held(
        self, container_id: str, chosen: Endpoint, network: Network, wanted: Sequence[Wanted], before: Sequence[Port]
    ) -> tuple[Port, ...]:
        everywhere = [(wish, self._addresses(wish, chosen, network)) for wish in wanted]
        placed = [(wish, tuple(one for one in places if not _is_routed(one, network))) for wish, places in everywhere]
        kept, missing = match(placed, [port for port in before if port.host_port])
        others = [port for one in self._store.endpoints() if one.container_id != container_id for port in one.ports]
        taken = [*others, *chain.from_iterable(kept.values())]
        try:
            found = self._ports.hold(container_id, missing, taken, str(chosen.addresses[0]))
        except Internal as fault:
            name = self._name_of(container_id) or container_id[:12]
            raise Internal(
                f"driver failed programming external connectivity on endpoint {name} ({chosen.id}): {fault}"
            ) from fault
        new = iter(found)
        held = [kept[number] if number in kept else next(new) for number in range(len(placed))]
        at_home = [
            tuple(Port(wish.port, wish.protocol, one, 0) for one in places if _is_routed(one, network))
            for wish, places in everywhere
        ]
        return tuple(port for pair in zip(held, at_home, strict=True) for ports in pair for port in ports)

    def _addresses(self, wish: Wanted, chosen: Endpoint, network: Network) -> tuple[str, ...]:
        """Where a port is published; only under addresses that can lead to the container."""
        there = {4: bool(chosen.address), 6: bool(chosen.address6)}
        found = self._ports.policy.addresses(wish, network.host_ip, ipv4=there[4], ipv6=there[6])
        for one in found:
            version = 6 if ":" in one else 4
            if not there[version]:
                shown = f"[{one}]" if version == 6 else one
                raise InvalidArgument(f"cannot publish a port on {shown}: network {network.name} has no IPv{version}")
        return found


def match(wanted: Sequence[Placed], before: Iterable[Port]) -> tuple[dict[int, tuple[Port, ...]], list[Placed]]:
    """Which wishes the present ports fulfil, by their place among the wishes; and the wishes that are left."""
    present = list(before)
    kept: dict[int, tuple[Port, ...]] = {}
    missing: list[Placed] = []
    for number, (wish, host_ips) in enumerate(wanted):
        if not host_ips:
            kept[number] = ()
            continue
        choices = (replace(port, host_ip="") for port in present if _fulfils(port, wish, host_ips[0]))
        groups = (tuple(replace(port, host_ip=one) for one in host_ips) for port in choices)
        found = next((group for group in groups if all(port in present for port in group)), None)
        if found is None:
            missing.append((wish, host_ips))
        else:
            present = [port for port in present if port not in found]
            kept[number] = found
    return kept, missing


def _is_routed(host_ip: str, network: Network) -> bool:
    """Whether nothing of the host's leads there: the container's own address does."""
    return (6 if ":" in host_ip else 4) in network.routed


def _version(port: Port) -> int:
    return 6 if ":" in port.host_ip else 4


def to_json(wanted: Iterable[Wanted]) -> list[dict[str, object]]:
    return [asdict(wish) for wish in wanted]


def _fulfils(port: Port, wish: Wanted, host_ip: str) -> bool:
    numbers = wish.first == 0 or wish.first <= port.host_port <= wish.last
    return (port.port, port.protocol, port.host_ip) == (wish.port, wish.protocol, host_ip) and numbers
