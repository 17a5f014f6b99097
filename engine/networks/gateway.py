"""Which of a container's networks gives the default route, and with it the published ports. Pure.

Docker's order: the highest priority, then networks of both families, then the first name; internal ones never. It is
decided again whenever a network comes or goes. Where the way out has no IPv6, that may go by another network.
"""

import ipaddress
from collections.abc import Iterable, Mapping

from engine.networks.model import IPVLAN, Endpoint, Network


def choose(endpoints: Iterable[Endpoint], networks: Mapping[str, Network]) -> Endpoint | None:
    """The endpoint whose network is the way out; None where all are internal."""
    leading = [one for one in endpoints if one.network_id in networks and not networks[one.network_id].is_closed]
    return min(leading, key=lambda one: _order(one, networks[one.network_id]), default=None)


def choose4(endpoints: Iterable[Endpoint], networks: Mapping[str, Network]) -> Endpoint | None:
    """The endpoint by which IPv4 goes."""
    return choose([one for one in endpoints if one.address], networks)


def choose6(endpoints: Iterable[Endpoint], networks: Mapping[str, Network]) -> Endpoint | None:
    """The endpoint by which IPv6 goes."""
    return choose([one for one in endpoints if one.address6], networks)


def _order(endpoint: Endpoint, network: Network) -> tuple[int, bool, bool, str]:
    both = bool(network.subnet and network.subnet6)
    return -endpoint.priority, not both, not network.subnet, network.name


def router(network: Network, address: str) -> str:
    """Whom the default route of a container with that address names; empty where it names only the interface."""
    own = ipaddress.ip_interface(address).ip
    pool = network.pool_of(own)
    if _by_link_alone(network) or pool is None:
        return ""
    return (network.router if own.version == 4 else "") or pool.gateway


def _by_link_alone(network: Network) -> bool:
    """An ipvlan that routes: whatever its containers send, their host looks up the way."""
    return network.driver == IPVLAN and network.parent_mode in ("l3", "l3s")
