"""rtnetlink messages, byte for byte where it matters."""

import ipaddress

from engine.networks import links
from engine.networks.netlink import attributes

MAC = bytes.fromhex("0242ac110002")


def values(message: links.Message, head: int) -> dict[int, bytes]:
    return dict(attributes(message.payload[head:]))


def test_a_veth_peer_is_born_in_the_namespace_with_its_name_and_address() -> None:
    message = links.veth("veth1", 5, 1400, "eth0", MAC, 9)
    found = values(message, 16)
    assert found[links.IFLA_IFNAME] == b"veth1\0"
    assert found[links.IFLA_MASTER] == (5).to_bytes(4, "little")
    info = dict(attributes(found[links.IFLA_LINKINFO]))
    assert info[links.IFLA_INFO_KIND] == b"veth"
    ((_, born),) = attributes(info[links.IFLA_INFO_DATA])
    peer = dict(attributes(born[16:]))
    assert peer[links.IFLA_IFNAME] == b"eth0\0"
    assert peer[links.IFLA_ADDRESS] == MAC
    assert peer[links.IFLA_NET_NS_FD] == (9).to_bytes(4, "little")


def test_a_bridge_is_made_up_with_an_address_of_its_own() -> None:
    message = links.bridge("br0", 1500, MAC)
    assert message.flags == 0x600
    assert values(message, 16)[links.IFLA_ADDRESS] == MAC


def test_an_address_comes_with_its_broadcast_where_the_network_has_one() -> None:
    found = values(links.address(3, ipaddress.IPv4Interface("10.0.0.2/24")), 8)
    assert found[links.IFA_LOCAL] == bytes([10, 0, 0, 2])
    assert found[links.IFA_BROADCAST] == bytes([10, 0, 0, 255])
    assert links.IFA_BROADCAST not in values(links.address(3, ipaddress.IPv4Interface("10.0.0.2/32")), 8)


def test_a_default_route_names_gateway_and_link() -> None:
    message = links.default_route(4, "10.0.0.1", 4)
    assert values(message, 12) == {links.RTA_GATEWAY: bytes([10, 0, 0, 1]), links.RTA_OIF: (4).to_bytes(4, "little")}


def test_a_default_route_without_a_gateway_is_of_the_link_alone() -> None:
    message = links.default_route(4, "", 6)
    assert values(message, 12) == {links.RTA_OIF: (4).to_bytes(4, "little")}
    assert (message.payload[0], message.payload[6]) == (links.AF_INET6, 253), "RT_SCOPE_LINK"


def test_a_vlan_names_its_base_and_its_number() -> None:
    found = values(links.vlan("eth0.10", 3, 10), 16)
    assert found[links.IFLA_LINK] == (3).to_bytes(4, "little")
    info = dict(links.attributes(found[links.IFLA_LINKINFO]))
    assert info[links.IFLA_INFO_KIND] == b"vlan"
    assert dict(links.attributes(info[links.IFLA_INFO_DATA])) == {links.IFLA_VLAN_ID: (10).to_bytes(2, "little")}


def test_an_ipvlan_has_a_mode_and_a_flag() -> None:
    assert links.ipvlan_options(2, 1) == [bytes([6, 0, 1, 0, 2, 0, 0, 0]), bytes([6, 0, 2, 0, 1, 0, 0, 0])]


def test_up_and_delete_name_the_link_by_index() -> None:
    assert links.up(7).payload[4:8] == links.delete(7).payload[4:8] == (7).to_bytes(4, "little")
