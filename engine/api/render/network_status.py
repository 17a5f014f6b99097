"""`Status` of `GET /networks/{id}`, since 1.52: how many addresses of each subnet are taken and are left. Pure."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from engine.networks.model import Endpoint, Network, Pool

Document = dict[str, Any]

_MOST = (1 << 64) - 1  # Go's uint64: a /56 and larger have more


def status(one: Network, endpoints: Sequence[Endpoint]) -> Document:
    """The network's own addresses count as taken: first, last (of IPv4), gateway, and those that were kept back."""
    taken = [*one.reserved.values(), *(text for each in endpoints for text in (each.address, each.address6))]
    return {"IPAM": {"Subnets": {str(pool.subnet): _pool(pool, [pool.gateway, *taken]) for pool in one.pools(4, 6)}}}


def _pool(pool: Pool, texts: Iterable[str]) -> Document:
    network = pool.subnet
    addresses = {ipaddress.ip_address(text.partition("/")[0]) for text in texts if text}
    taken = {int(address) for address in addresses if address.version == network.version and address in network}
    taken.add(int(network.network_address))
    if network.version == 4:
        taken.add(int(network.broadcast_address))
    first, last = int(pool.within.network_address), int(pool.within.broadcast_address)
    free = pool.within.num_addresses - sum(first <= number <= last for number in taken)
    return {"IPsInUse": min(len(taken), _MOST), "DynamicIPsAvailable": min(free, _MOST)}
