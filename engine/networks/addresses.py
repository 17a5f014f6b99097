"""The addresses of endpoints: chosen or granted, and kept back until the kernel has taken down the veth with them.

Until then, and until the connections of who had it are forgotten, nobody is given an address who did not ask for it;
who did need not wait for the veth.
"""

import ipaddress
from collections.abc import Collection

from engine.networks import endpoint_check, ipam
from engine.networks.forgetting import Forgetting
from engine.networks.ipam import Address, Address6
from engine.networks.links import Links
from engine.networks.model import Endpoint, Network
from engine.networks.store import Store
from proto.errdefs import Conflict, InvalidArgument, ResourceExhausted

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


class Addresses:
    """Who has which address, of one engine's networks."""

    def __init__(self, store: Store, host: Links, forgetting: Forgetting) -> None:
        self._store = store
        self._host = host
        self._forgetting = forgetting
        self._draining: dict[tuple[str, Address | Address6], str] = {}  # given back, but the veth is still there

    def choose(self, network: Network, version: int, asked: str) -> Interface | None:
        """An address of a version of IP, with its subnet's length; None where the network has none."""
        pools = network.pools(version)
        if not pools:
            return _place(network, asked) if asked else None
        used = self._used(network)
        if asked:
            return self._granted(_place(network, asked), used)
        used |= self._kept_back(network)
        for pool in pools:
            found = ipam.first_free(pool.subnet, pool.within, used)
            if found is not None:
                return ipaddress.ip_interface((found, pool.subnet.prefixlen))
        raise ResourceExhausted(
            f"no available IPv{version} addresses on this network's address pools: {network.name} ({network.id})"
        )

    def _granted(self, place: Interface, used: Collection[Address | Address6]) -> Interface:
        if place.ip in used:
            raise Conflict("Address already in use")
        self._forgetting.settle()
        return place

    def keep_back(self, endpoint: Endpoint) -> None:
        """An endpoint goes: nobody is given its addresses while the kernel still knows them."""
        self._draining |= {(endpoint.network_id, one): endpoint.link for one in endpoint.addresses}

    def _used(self, network: Network) -> set[Address | Address6]:
        """Addresses of endpoints, routers, and those set apart."""
        routers = (network.router, *(one.gateway for one in network.pools(4, 6)))
        return {
            *(address for one in self._store.endpoints(network_id=network.id) for address in one.addresses),
            *(ipaddress.ip_address(one) for one in (*network.reserved.values(), *routers) if one),
        }

    def _kept_back(self, network: Network) -> set[Address | Address6]:
        for key in [key for key, link in self._draining.items() if self._is_free(key[1], link)]:
            del self._draining[key]
        return {address for network_id, address in self._draining if network_id == network.id}

    def _is_free(self, address: Address | Address6, link: str) -> bool:
        return not self._forgetting.is_pending(address) and self._host.find(link) is None


def _place(network: Network, asked: str) -> Interface:
    """An address that a container wishes, with the length of the subnet that it is in."""
    address = ipaddress.ip_address(asked)
    problem = endpoint_check.address_problem(network, address)
    pool = network.pool_of(address)
    if problem or pool is None:
        raise InvalidArgument(problem)
    return ipaddress.ip_interface((address, pool.subnet.prefixlen))
