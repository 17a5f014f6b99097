"""What the engine keeps: networks, the endpoints that containers have in them, the sandboxes they are in.

A *sandbox* is one container's network namespace with the files that go with it; it is there from start to exit. A
container of `container:<id>` mode has the sandbox of the other.
"""

import functools
import ipaddress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

Json = dict[str, Any]
Address = ipaddress.IPv4Address
Address6 = ipaddress.IPv6Address
Subnet = ipaddress.IPv4Network
Subnet6 = ipaddress.IPv6Network

BRIDGE, HOST, NULL, MACVLAN, IPVLAN = "bridge", "host", "null", "macvlan", "ipvlan"
ON_PARENT = (MACVLAN, IPVLAN)  # drivers that put containers on a link of the host
PREDEFINED = ("bridge", "host", "none")


def dummy_name(driver: str, network_id: str) -> str:
    """The link that stands in for a parent where none was named, as dockerd calls it."""
    return f"{'dm' if driver == MACVLAN else 'di'}-{network_id[:12]}"


@dataclass(frozen=True, slots=True)
class Pool:
    """One subnet of a network, and what is set apart in it."""

    subnet: Subnet | Subnet6
    gateway: str  # empty where the bridge has no address
    within: Subnet | Subnet6  # where containers' addresses are taken from
    gateway_shown: bool = True  # inspect shows it where it was asked for or found
    range_shown: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """One network."""

    id: str
    name: str
    driver: str
    created: str
    subnet: str = ""
    gateway: str = ""  # the bridge's own address
    router: str = ""  # whom containers have as their default route, where that is not the bridge
    ip_range: str = ""
    subnet6: str = ""
    gateway6: str = ""
    ip_range6: str = ""
    more: list[Json] = field(
        default_factory=list
    )  # further subnets, of macvlan and ipvlan: {subnet, gateway, ip_range}
    reserved: dict[str, str] = field(default_factory=dict)  # AuxiliaryAddresses
    link: str = ""  # the bridge's name on the host
    link_found: bool = False  # it was there before the network, and stays after it
    mtu: int = 1500
    masquerade: bool = True
    routed: list[int] = field(
        default_factory=list
    )  # versions of IP whose containers are reached under their own address
    unprotected: list[int] = field(default_factory=list)  # and those where that holds for every port, beside NAT
    pinned: bool = False  # containers send under the addresses they were given, or not at all
    parent: str = ""  # of macvlan and ipvlan: the host's link
    parent_mode: str = ""
    parent_flag: str = ""  # of ipvlan
    parent_made: bool = False  # the parent is ours to remove: a dummy, or a VLAN link of the host's
    isolated: bool = False  # containers do not reach each other (icc=false)
    internal: bool = False
    attachable: bool = False
    host_ip: str = ""  # where ports without an address are published, if not where the daemon says
    prefix: str = "eth"  # of interfaces' names
    config_only: bool = False
    template: Json = field(default_factory=dict)  # of such a one: what its request said
    config_from: str = ""  # the name of such a one, that this was made from
    ipam_given: bool = False
    ipam_options: bool = False  # the request had a map of them, be it empty
    ipam_option_values: dict[str, str] = field(default_factory=dict)  # which mean nothing to the one driver there is
    ipam_given6: bool = False
    gateways_shown: list[int] = field(
        default_factory=lambda: [4, 6]
    )  # inspect shows those that were asked for or found
    options: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def is_predefined(self) -> bool:
        return self.name in PREDEFINED

    @property
    def is_closed(self) -> bool:
        """Whether no way leads out: an internal network, or one whose parent is a dummy."""
        return self.internal or (self.driver in ON_PARENT and self.parent == dummy_name(self.driver, self.id))

    @property
    def pool(self) -> Subnet | None:
        return Subnet(self.subnet) if self.subnet else None

    @property
    def pool6(self) -> Subnet6 | None:
        return Subnet6(self.subnet6) if self.subnet6 else None

    def pools(self, *versions: int) -> list[Pool]:
        """The subnets of these versions of IP, all of one before those of the other."""
        found = []
        for version, subnet, gateway, within in (
            (4, self.subnet, self.gateway, self.ip_range),
            (6, self.subnet6, self.gateway6, self.ip_range6),
        ):
            if version in versions and subnet:
                found.append(_pool(subnet, gateway, within, shown=version in self.gateways_shown))
                found += [
                    _pool(one["subnet"], one["gateway"], one["ip_range"], shown=one["gateway_shown"])
                    for one in self.more
                    if (":" in one["subnet"]) == (version == 6)
                ]
        return found

    def pool_of(self, address: Address | Address6) -> Pool | None:
        """The subnet that an address is in."""
        return next((one for one in self.pools(address.version) if address in one.subnet), None)

    def to_json(self) -> Json:
        return asdict(self)


@functools.lru_cache(maxsize=4096)  # asked for at every start and for every new network, of every network
def _pool(subnet: str, gateway: str, within: str, *, shown: bool) -> Pool:
    return Pool(ipaddress.ip_network(subnet), gateway, ipaddress.ip_network(within or subnet), shown, bool(within))


@dataclass(frozen=True, slots=True)
class Port:
    """A published port: `80/tcp` of the container under an address and port of the host."""

    port: int
    protocol: str
    host_ip: str
    host_port: int

    @property
    def key(self) -> str:
        return f"{self.port}/{self.protocol}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A container's place in one network; without an address while the container is not running."""

    id: str
    network_id: str
    container_id: str
    address: str
    mac: str
    link: str  # our end of the veth
    interface: str  # its end
    aliases: tuple[str, ...] = ()
    ports: tuple[Port, ...] = ()
    priority: int = 0
    address6: str = ""
    links: tuple[tuple[str, str], ...] = ()
    link_local: tuple[str, ...] = ()  # with their lengths

    @property
    def addresses(self) -> list[Address | Address6]:
        """Without their networks' lengths, IPv4 first."""
        return [ipaddress.ip_interface(one).ip for one in (self.address, self.address6) if one]

    def with_ports(self, ports: tuple[Port, ...]) -> "Endpoint":
        return replace(self, ports=ports)

    def to_json(self) -> Json:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Json) -> "Endpoint":
        ports = tuple(Port(**port) for port in document["ports"])
        links = tuple((name, alias) for name, alias in document.get("links", ()))
        given = {"aliases": tuple(document["aliases"]), "link_local": tuple(document.get("link_local", ()))}
        return cls(**{**document, **given, "ports": ports, "links": links})


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running container's namespace and files: the plan that its spec is built by."""

    container_id: str
    netns: str | None
    files: dict[str, str]
    mode: str = ""
    name: str = ""
    owner: str = ""  # whose namespace it is, where it is another container's
    servers: list[str] = field(default_factory=list)  # whom its own name server asks
    wanted: list[Json] = field(default_factory=list)  # the ports to publish, wherever the default route leads
    exposed: list[str] = field(default_factory=list)

    def to_json(self) -> Json:
        return asdict(self)
