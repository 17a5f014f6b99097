"""Frames under a false address, dropped where they enter the bridge: for networks that ask for it. Pure.

    table bridge wherry_<bridge>, chain prerouting, for each endpoint's link
      the frame's source is not its MAC         drop
      ARP from another address than its IPv4    drop
      IPv4 from another address                 drop
      IPv6 from another address of the subnet, or a neighbour's address advertised as its own    drop

Not the default: who runs bridges, macvlans or floating addresses inside containers needs the freedom.
"""

from collections.abc import Iterable

from engine.networks import nftables as nft
from engine.networks.ipam import parse_hardware_address
from engine.networks.model import Endpoint, Network
from engine.networks.nftables import Chain, Rule
from engine.networks.ruleset import ICMPV6

_ARP, _IPV4, _IPV6 = 0x0806, 0x0800, 0x86DD
_ARP_SENDER, _IPV4_SOURCE, _IPV6_SOURCE = 14, 12, 8
_ADVERTISEMENT, _TARGET = 136, 8  # of a neighbour: ICMPv6 type, and where its target is

CHAINS = (Chain("prerouting", "filter", "prerouting", -300),)


def rules(network: Network, endpoints: Iterable[Endpoint]) -> list[Rule]:
    """The table's rules."""
    return [
        Rule("prerouting", (*nft.input_interface(one.link), *wrong, *nft.verdict(nft.DROP)))
        for one in endpoints
        for wrong in _wrong(network, one)
    ]


def _wrong(network: Network, endpoint: Endpoint) -> list[tuple[bytes, ...]]:
    found = [nft.frame_source(parse_hardware_address(endpoint.mac), nft.NOT_EQUAL)]
    by_version = {address.version: address.packed for address in endpoint.addresses}
    found += [
        (*nft.frame_protocol(_ARP), *nft.header(_ARP_SENDER, by_version.get(4, bytes(4)), nft.NOT_EQUAL)),
        (*nft.frame_protocol(_IPV4), *nft.header(_IPV4_SOURCE, by_version.get(4, bytes(4)), nft.NOT_EQUAL)),
    ]
    if network.pool6 is None:
        return found
    own6 = by_version[6]
    subnet, mask = network.pool6.network_address.packed, network.pool6.netmask.packed
    found.append(
        (
            *nft.frame_protocol(_IPV6),
            *nft.header(_IPV6_SOURCE, subnet, mask=mask),
            *nft.header(_IPV6_SOURCE, own6, nft.NOT_EQUAL),
        )
    )
    found.append(
        (
            *nft.frame_protocol(_IPV6),
            *nft.protocol(ICMPV6),
            *nft.transport(0, bytes([_ADVERTISEMENT])),
            *nft.transport(_TARGET, subnet, mask=mask),
            *nft.transport(_TARGET, own6, nft.NOT_EQUAL),
        )
    )
    return found
