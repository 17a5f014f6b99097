"""Which of a container's networks gives the default route, and with it the published ports. Pure.

Docker's order: the highest priority, then networks that lead anywhere, then the first name. It is decided again
whenever a network comes or goes.
"""

from collections.abc import Iterable, Mapping

from engine.networks.model import Endpoint, Network


def choose(endpoints: Iterable[Endpoint], networks: Mapping[str, Network]) -> Endpoint | None:
    """The endpoint whose network is the way out; None where all are internal."""
    leading = [one for one in endpoints if one.network_id in networks and not networks[one.network_id].internal]
    return min(leading, key=lambda one: (-one.priority, networks[one.network_id].name), default=None)


def router(network: Network) -> str:
    """The address that the default route names."""
    return network.router or network.gateway


def routers(network: Network) -> list[str]:
    """Those of both families."""
    return [router(network), *([network.gateway6] if network.gateway6 else [])]
