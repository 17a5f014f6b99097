"""The kernel's side of networks in memory: links, bridges and a packet filter that remember what they were asked."""

import ipaddress
from collections.abc import Iterable, Sequence

from engine.networks import links
from engine.networks.conntrack import Gone
from engine.networks.links import Interface4, Link, Network4
from engine.networks.model import Endpoint, Network
from engine.networks.netlink import Message
from engine.networks.nftables import Chain, Rule
from engine.networks.ruleset import Plan


class FakeLinks:
    """The links of one namespace."""

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self.by_index: dict[int, list[Interface4]] = {}
        self.known_routes: list[Network4] = []
        self.messages: list[Message] = []
        self.refuse: OSError | None = None

    def apply(self, *messages: Message) -> None:
        if self.refuse is not None:
            raise self.refuse
        for message in messages:
            self.messages.append(message)
            if message.kind == links.RTM_NEWLINK and message.flags:
                values = dict(links.attributes(message.payload[16:]))
                name = values[links.IFLA_IFNAME].rstrip(b"\0").decode()
                kinds = ("bridge", "dummy", "vlan")
                self.add(name, next((kind for kind in kinds if kind.encode() in values[links.IFLA_LINKINFO]), "veth"))
            elif message.kind == links.RTM_DELLINK:
                index = int.from_bytes(message.payload[4:8], "little")
                self.links = {name: link for name, link in self.links.items() if link.index != index}
            elif message.kind == links.RTM_NEWADDR:
                index = int.from_bytes(message.payload[4:8], "little")
                local = dict(links.attributes(message.payload[8:]))[links.IFA_LOCAL]
                self.by_index.setdefault(index, []).append(Interface4((local, message.payload[1])))

    def add(self, name: str, kind: str = "veth") -> Link:
        self.links[name] = Link(len(self.links) + 10, name, kind, True, 1500)
        return self.links[name]

    def find(self, name: str) -> Link | None:
        return self.links.get(name)

    def addresses(self, index: int = 0) -> list[Interface4]:
        return [one for owner, found in self.by_index.items() for one in found if index in (0, owner)]

    def has_address_in(self, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
        return any(one.network.overlaps(network) for one in self.addresses() if one.version == network.version)

    def addresses6(self, index: int = 0) -> list[ipaddress.IPv6Interface]:
        return []

    def routes6(self) -> list[ipaddress.IPv6Network]:
        return []

    def routes(self) -> list[Network4]:
        return self.known_routes

    def close(self) -> None:
        pass


class FakeFirewall:
    """The packet filter."""

    def __init__(self) -> None:
        self.plans: dict[str, Plan] = {}
        self.plans6: dict[str, Plan] = {}
        self.pinned: dict[str, list[Rule]] = {}

    def pin(self, bridge: str, chains: Sequence[Chain], wanted: Sequence[Rule]) -> None:
        self.pinned[bridge] = list(wanted)

    def apply(self, plan: Plan) -> None:
        plans = self.plans if plan.network.version == 4 else self.plans6
        plans[plan.bridge] = plan

    def remove(self, bridge: str, *families: int) -> None:
        self.plans6.pop(bridge, None)
        if not families:
            self.plans.pop(bridge, None)

    def close(self) -> None:
        pass


class FakeForgetting:
    """Connections that are forgotten when somebody waits for it."""

    def __init__(self) -> None:
        self.forgotten: list[Gone] = []
        self.waiting: list[Gone] = []

    def add(self, wanted: Iterable[Gone]) -> None:
        new = list(wanted)
        self.forgotten += new
        self.waiting += new

    def is_pending(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        return any(one.address == address for one in self.waiting)

    def settle(self) -> None:
        self.waiting.clear()


class FakeParents:
    """Links of the host that take any container, or none."""

    def __init__(self) -> None:
        self.refuse: Exception | None = None

    def probe(self, network: Network, parent: int) -> None:
        if self.refuse is not None:
            raise self.refuse


class FakeBridges:
    """Bridges that are there as soon as they are asked for."""

    def __init__(self) -> None:
        self.parents = FakeParents()
        self.there: set[str] = set()
        self.unsound: set[str] = set()
        self.refuse: dict[str, Exception] = {}
        self.made: list[str] = []
        self.removed: list[str] = []
        self.rules: dict[str, list[Endpoint]] = {}

    def is_sound(self, network: Network, index: int) -> bool:
        return network.link not in self.unsound

    def ensure(self, network: Network, endpoints: Sequence[Endpoint]) -> int:
        if network.link in self.refuse:
            raise self.refuse[network.link]
        self.made.append(network.link)
        self.rules[network.link] = list(endpoints)
        return 7

    def index(self, network: Network) -> int | None:
        return 7

    def is_there(self, name: str) -> bool:
        return name in self.there

    def set_rules(self, network: Network, endpoints: Sequence[Endpoint]) -> None:
        self.rules[network.link] = list(endpoints)

    def remove(self, network: Network) -> None:
        self.removed.append(network.link)


def bridge_network(name: str = "bridge", subnet: str = "10.9.0.0/24", **fields: object) -> Network:
    """A network of the bridge driver."""
    gateway = str(next(iter(ipaddress.IPv4Network(subnet).hosts())))
    defaults: dict[str, object] = {"id": name.ljust(64, "0"), "name": name, "driver": "bridge", "subnet": subnet}
    defaults |= {"created": "2024-01-01T00:00:00Z", "gateway": gateway, "link": f"br-{name}"[:15]}
    return Network(**(defaults | fields))  # type: ignore[arg-type]


def endpoint(number: int, network: Network, **fields: object) -> Endpoint:
    """A container's endpoint in a network."""
    defaults: dict[str, object] = {
        "id": f"e{number}",
        "network_id": network.id,
        "container_id": f"c{number}",
        "address": f"{network.pool[number + 1]}/{network.pool.prefixlen}",
        "mac": f"02:42:0a:09:00:{number + 1:02x}",
        "link": f"veth{number}",
        "interface": "eth0",
    }
    return Endpoint(**(defaults | fields))  # type: ignore[arg-type]
