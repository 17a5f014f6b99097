"""Links, addresses and routes of one network namespace, by rtnetlink(7). Message builders are pure; `Links` sends them.

A veth's peer is born in the target namespace with its final name and hardware address: nothing is moved or renamed.
"""

import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from engine.networks.netlink import NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, Message, Netlink, attribute, attributes

NETLINK_ROUTE = 0
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_NEWADDR, RTM_GETADDR, RTM_NEWROUTE, RTM_GETROUTE = 16, 17, 18, 20, 22, 24, 26
AF_INET, AF_INET6 = 2, 10
_IFA_F_NODAD = 0x02
IFF_UP = 0x1
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER, IFLA_LINKINFO, IFLA_STATS64, IFLA_NET_NS_FD = 1, 3, 4, 10, 18, 23, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INFO_SLAVE_KIND, IFLA_INFO_SLAVE_DATA, VETH_INFO_PEER = 1, 2, 4, 5, 1
IFLA_BRPORT_MODE, IFLA_BRPORT_ISOLATED = 4, 33
IFLA_LINK, IFLA_MACVLAN_MODE, IFLA_IPVLAN_MODE, IFLA_IPVLAN_FLAGS, IFLA_VLAN_ID = 5, 1, 1, 2, 1
IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST = 1, 2, 4
RTA_DST, RTA_OIF, RTA_GATEWAY = 1, 4, 5
_RT_TABLE_MAIN, _RTPROT_BOOT, _SCOPE_UNIVERSE, _SCOPE_LINK, _RTN_UNICAST = 254, 3, 0, 253, 1
_IFINFO = struct.Struct("=BxHiII")
_IFADDR = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ARPHRD_ETHER = 1

Interface4 = ipaddress.IPv4Interface
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Network4 = ipaddress.IPv4Network
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Link:
    """What the kernel says of a link."""

    index: int
    name: str
    kind: str
    up: bool
    mtu: int
    master: int = 0
    received: int = 0  # packets


def bridge(name: str, mtu: int, mac: bytes) -> Message:
    """Create a bridge; its address is given, as one that follows its ports would change under the containers."""
    return _new_link(
        IFF_UP,
        attribute(IFLA_IFNAME, name),
        attribute(IFLA_MTU, mtu),
        attribute(IFLA_ADDRESS, mac),
        attribute(IFLA_LINKINFO, [attribute(IFLA_INFO_KIND, b"bridge")]),
    )


def veth(name: str, master: int, mtu: int, peer: str, peer_mac: bytes, namespace_fd: int) -> Message:
    """Create a veth pair: our end up and in the bridge, the other end born in a namespace."""
    born = _IFINFO.pack(0, 0, 0, 0, 0) + b"".join(
        (
            attribute(IFLA_IFNAME, peer),
            attribute(IFLA_MTU, mtu),
            attribute(IFLA_ADDRESS, peer_mac),
            attribute(IFLA_NET_NS_FD, namespace_fd),
        )
    )
    return _new_link(
        IFF_UP,
        attribute(IFLA_IFNAME, name),
        attribute(IFLA_MTU, mtu),
        attribute(IFLA_MASTER, master),
        attribute(
            IFLA_LINKINFO,
            [attribute(IFLA_INFO_KIND, b"veth"), attribute(IFLA_INFO_DATA, [attribute(VETH_INFO_PEER, born)])],
        ),
    )


def on_parent(
    kind: str, parent: int, options: Sequence[bytes], name: str, mac: bytes | None, namespace_fd: int
) -> Message:
    """Create a macvlan or ipvlan on a link, born in a namespace."""
    parts = [attribute(IFLA_IFNAME, name), attribute(IFLA_LINK, parent), attribute(IFLA_NET_NS_FD, namespace_fd)]
    if mac is not None:
        parts.append(attribute(IFLA_ADDRESS, mac))
    info = [attribute(IFLA_INFO_KIND, kind.encode()), attribute(IFLA_INFO_DATA, options)]
    return _new_link(0, *parts, attribute(IFLA_LINKINFO, info))


def macvlan_options(mode: int) -> list[bytes]:
    return [attribute(IFLA_MACVLAN_MODE, mode)]


def ipvlan_options(mode: int, flags: int) -> list[bytes]:
    numbers = (IFLA_IPVLAN_MODE, mode), (IFLA_IPVLAN_FLAGS, flags)
    return [attribute(kind, struct.pack("=H", number)) for kind, number in numbers]


def bridge_port(name: str, *, hairpin: bool, isolated: bool) -> Message:
    """How a bridge treats one of its ports: send frames back where they came from; keep them from other such ports."""
    data = [attribute(IFLA_BRPORT_MODE, bytes([hairpin])), attribute(IFLA_BRPORT_ISOLATED, bytes([isolated]))]
    info = [attribute(IFLA_INFO_SLAVE_KIND, b"bridge"), attribute(IFLA_INFO_SLAVE_DATA, data)]
    parts = attribute(IFLA_IFNAME, name) + attribute(IFLA_LINKINFO, info)
    return Message(RTM_NEWLINK, _IFINFO.pack(0, 0, 0, 0, 0) + parts)


def enslave(index: int, master: int) -> Message:
    """Put a link into a bridge."""
    return Message(RTM_NEWLINK, _IFINFO.pack(0, 0, index, 0, 0) + attribute(IFLA_MASTER, master))


def up(index: int) -> Message:
    return Message(RTM_NEWLINK, _IFINFO.pack(0, 0, index, IFF_UP, IFF_UP))


def delete(index: int) -> Message:
    return Message(RTM_DELLINK, _IFINFO.pack(0, 0, index, 0, 0))


def address(index: int, interface: Interface) -> Message:
    """Give a link an address, with its network's broadcast; an IPv6 one is there at once."""
    own = interface.ip.packed
    family, flags = (AF_INET, 0) if interface.version == 4 else (AF_INET6, _IFA_F_NODAD)
    head = _IFADDR.pack(family, interface.network.prefixlen, flags, _SCOPE_UNIVERSE, index)
    parts = [attribute(IFA_LOCAL, own), attribute(IFA_ADDRESS, own)]
    if interface.version == 4 and interface.network.prefixlen < 31:
        parts.append(attribute(IFA_BROADCAST, interface.network.broadcast_address.packed))
    return Message(RTM_NEWADDR, head + b"".join(parts), NLM_F_CREATE | NLM_F_EXCL)


def default_route(index: int, gateway: str, version: int) -> Message:
    """Lead everything by a link, instead of by whichever it went before; without a gateway all of it is next door."""
    family, scope = (AF_INET if version == 4 else AF_INET6), (_SCOPE_UNIVERSE if gateway else _SCOPE_LINK)
    head = _ROUTE.pack(family, 0, 0, 0, _RT_TABLE_MAIN, _RTPROT_BOOT, scope, _RTN_UNICAST, 0)
    parts = attribute(RTA_OIF, index)
    if gateway:
        parts = attribute(RTA_GATEWAY, ipaddress.ip_address(gateway).packed) + parts
    return Message(RTM_NEWROUTE, head + parts, NLM_F_CREATE | NLM_F_REPLACE)


def dummy(name: str) -> Message:
    """Create a link that leads nowhere."""
    return _new_link(
        IFF_UP,
        attribute(IFLA_IFNAME, name),
        attribute(IFLA_LINKINFO, [attribute(IFLA_INFO_KIND, b"dummy")]),
    )


def stub(name: str, peer: str) -> Message:
    """Create a veth whose other end nobody has: a link that leads nowhere too, for kernels without dummies."""
    born = _IFINFO.pack(0, 0, 0, 0, 0) + attribute(IFLA_IFNAME, peer)
    data = [attribute(IFLA_INFO_KIND, b"veth"), attribute(IFLA_INFO_DATA, [attribute(VETH_INFO_PEER, born)])]
    return _new_link(IFF_UP, attribute(IFLA_IFNAME, name), attribute(IFLA_LINKINFO, data))


def vlan(name: str, parent: int, number: int) -> Message:
    """Create a link for one VLAN of another link."""
    data = attribute(IFLA_VLAN_ID, struct.pack("=H", number))
    return _new_link(
        IFF_UP,
        attribute(IFLA_IFNAME, name),
        attribute(IFLA_LINK, parent),
        attribute(IFLA_LINKINFO, [attribute(IFLA_INFO_KIND, b"vlan"), attribute(IFLA_INFO_DATA, [data])]),
    )


class Links:
    """The links of the namespace that the socket was made in."""

    def __init__(self) -> None:
        self._netlink = Netlink(NETLINK_ROUTE)

    def apply(self, *messages: Message) -> None:
        """Send messages in one go."""
        self._netlink.request(*messages)

    def find(self, name: str) -> Link | None:
        """The link of a name."""
        request = Message(RTM_GETLINK, _IFINFO.pack(0, 0, 0, 0, 0) + attribute(IFLA_IFNAME, name))
        try:
            return _link(self._netlink.get(request))
        except OSError as error:
            if error.errno == 19:  # ENODEV
                return None
            raise

    def addresses(self, index: int = 0) -> list[Interface4]:
        """The IPv4 addresses of a link, or of all."""
        return [Interface4(one) for one in self._addresses(AF_INET, index)]

    def addresses6(self, index: int = 0) -> list[ipaddress.IPv6Interface]:
        """The IPv6 addresses of a link, or of all."""
        return [ipaddress.IPv6Interface(one) for one in self._addresses(AF_INET6, index)]

    def has_address_in(self, network: Network) -> bool:
        """Whether a link's network overlaps with one."""
        family, bits, own = (AF_INET if network.version == 4 else AF_INET6), network.max_prefixlen, network.prefixlen
        first = int(network.network_address)
        return any(
            (int.from_bytes(address, "big") ^ first) >> (bits - min(own, length)) == 0
            for address, length in self._addresses(family, 0)
        )

    def _addresses(self, wanted: int, index: int) -> list[tuple[bytes, int]]:
        found = []
        for payload in self._netlink.dump(Message(RTM_GETADDR, _IFADDR.pack(wanted, 0, 0, 0, index))):
            family, prefix, _, _, owner = _IFADDR.unpack_from(payload)
            values = dict(attributes(payload[_IFADDR.size :]))
            local = values.get(IFA_LOCAL) or values.get(IFA_ADDRESS)
            if family == wanted and local and index in (0, owner):
                found.append((local, prefix))
        return found

    def routes(self) -> list[Network4]:
        """The IPv4 networks that have a route of their own, in the main table."""
        return [Network4(one) for one in self._routes(AF_INET)]

    def routes6(self) -> list[ipaddress.IPv6Network]:
        """The IPv6 ones, without those that every link has."""
        found = [ipaddress.IPv6Network(one) for one in self._routes(AF_INET6)]
        return [one for one in found if not one.is_link_local and not one.is_multicast]

    def _routes(self, wanted: int) -> list[tuple[bytes, int]]:
        found = []
        for payload in self._netlink.dump(
            Message(RTM_GETROUTE, _ROUTE.pack(wanted, 0, 0, 0, _RT_TABLE_MAIN, 0, 0, 0, 0))
        ):
            fields: Sequence[int] = _ROUTE.unpack_from(payload)
            destination = dict(attributes(payload[_ROUTE.size :])).get(RTA_DST)
            if fields[0] == wanted and fields[4] == _RT_TABLE_MAIN and destination:
                found.append((destination, fields[1]))
        return found

    def close(self) -> None:
        self._netlink.close()


def _new_link(flags: int, *parts: bytes) -> Message:
    head = _IFINFO.pack(0, 0, 0, flags, flags)
    return Message(RTM_NEWLINK, head + b"".join(parts), NLM_F_CREATE | NLM_F_EXCL)


def _link(payload: bytes) -> Link:
    _, _, index, flags, _ = _IFINFO.unpack_from(payload)
    values = dict(attributes(payload[_IFINFO.size :]))
    info = dict(attributes(values.get(IFLA_LINKINFO, b"")))
    return Link(
        index=index,
        name=values[IFLA_IFNAME].rstrip(b"\0").decode(),
        kind=info.get(IFLA_INFO_KIND, b"").rstrip(b"\0").decode(),
        up=bool(flags & IFF_UP),
        mtu=struct.unpack("=I", values[IFLA_MTU])[0],
        master=struct.unpack("=I", values.get(IFLA_MASTER, bytes(4)))[0],
        received=struct.unpack_from("=Q", values.get(IFLA_STATS64, bytes(8)))[0],
    )
