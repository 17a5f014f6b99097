"""`Status` of `GET /networks/{id}`, since 1.52: how many addresses of each subnet are taken and are left. Pure."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from engine.networks.model import Endpoint, Network

Document = dict[str, Any]

_MOST = (1 << 64) - 1  # Go's uint64: a /56 and larger have more


def status(one: Network, endpoints: Sequence[Endpoint]) -> Document:
    """The network's own addresses count as taken: first, last (of IPv4), gateway, and those that were kept back."""
    pools = (
        (one.subnet, one.ip_range, one.gateway, [endpoint.address for endpoint in endpoints]),
        (one.subnet6, one.ip_range6, one.gateway6, [endpoint.address6 for endpoint in endpoints]),
    )
    return {
        "IPAM": {
            "Subnets": {
                subnet: _pool(subnet, within, [gateway, *one.reserved.values(), *taken])
                for subnet, within, gateway, taken in pools
                if subnet
            }
        }
    }


def _pool(subnet: str, within: str, texts: Iterable[str]) -> Document:
    network = ipaddress.ip_network(subnet)
    addresses = {ipaddress.ip_address(text.partition("/")[0]) for text in texts if text}
    taken = {int(address) for address in addresses if address.version == network.version and address in network}
    taken.add(int(network.network_address))
    if network.version == 4:
        taken.add(int(network.broadcast_address))
    pool = ipaddress.ip_network(within or subnet)
    first, last = int(pool.network_address), int(pool.broadcast_address)
    free = pool.num_addresses - sum(first <= number <= last for number in taken)
    return {"IPsInUse": min(len(taken), _MOST), "DynamicIPsAvailable": min(free, _MOST)}
