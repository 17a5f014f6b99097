"""Endpoints of the networks `none` and `host`: nothing is made for them, and yet a container that runs has one. Pure.

dockerd counts them: in events, in inspections of both sides. What has no state needs no record; the id is made of the
two that it joins, so it is the same after a restart of the engine.
"""

import hashlib
from collections.abc import Iterable, Iterator

from engine.networks.model import HOST, NULL, Endpoint, Network, Sandbox

_DRIVERS = {"host": HOST, "none": NULL}


def bare_endpoint(sandbox: Sandbox | None, networks: Iterable[Network]) -> Endpoint | None:
    """That of a container on one of the two; None for any other, and for one that shares a neighbour's."""
    driver = _DRIVERS.get(sandbox.mode) if sandbox is not None and not sandbox.owner else None
    network = next((one for one in networks if one.driver == driver), None) if driver else None
    if sandbox is None or network is None:
        return None
    made = hashlib.sha256(f"{network.id} {sandbox.container_id}".encode()).hexdigest()
    return Endpoint(made, network.id, sandbox.container_id, address="", mac="", link="", interface="")


def bare_endpoints(network: Network, sandboxes: Iterable[Sandbox]) -> Iterator[Endpoint]:
    """All of one of the two networks; none of any other."""
    for sandbox in sandboxes if network.driver in (HOST, NULL) else ():
        found = bare_endpoint(sandbox, [network])
        if found is not None:
            yield found
