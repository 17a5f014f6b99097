"""Puts back what somebody else took away on the host: bridges, their addresses, and containers' links to them.

A bridge that was deleted let go of its ports, and a veth that was deleted is gone from its container too; both are made
as the records say. Runs in the network thread, at the start and whenever the link watch calls.
"""

import logging
from collections.abc import Collection

from engine.networks import links, namespace
from engine.networks.bridge import Bridges
from engine.networks.links import Links
from engine.networks.model import BRIDGE, Endpoint, Network
from engine.networks.sandboxes import Sandboxes
from engine.networks.store import Store
from proto.errdefs import Fault

logger = logging.getLogger(__name__)


class Restoring:
    """The repairs of one engine."""

    def __init__(self, store: Store, host: Links, bridges: Bridges, sandboxes: Sandboxes) -> None:
        self._store = store
        self._host = host
        self._bridges = bridges
        self._sandboxes = sandboxes

    def restore(self, names: Collection[str] = ()) -> None:
        """See to the networks that have links of these names, or to all."""
        for network in self._store.networks():
            if network.driver != BRIDGE:
                continue
            endpoints = self._store.endpoints(network_id=network.id)
            if names and network.link not in names and not any(one.link in names for one in endpoints):
                continue
            try:
                self._restore(network, endpoints, names)
            except (Fault, OSError) as error:
                logger.error("network %s could not be restored: %s", network.name, error)

    def _restore(self, network: Network, endpoints: list[Endpoint], names: Collection[str]) -> None:
        index = self._bridges.index(network)
        if index is None or not self._bridges.is_sound(network, index):
            logger.warning("bridge %s was changed by somebody else: it is made again", network.link)
            index = self._bridges.ensure(network, endpoints)
        for endpoint in endpoints:
            found = self._host.find(endpoint.link)
            if found is None:
                self._rewire(network, endpoint, index)
            elif found.master != index or not names:
                hairpin = bool(endpoint.ports)
                self._host.apply(
                    links.enslave(found.index, index),
                    links.bridge_port(endpoint.link, hairpin=hairpin, isolated=network.isolated),
                )

    def _rewire(self, network: Network, endpoint: Endpoint, master: int) -> None:
        sandbox = self._store.sandbox(endpoint.container_id)
        if sandbox is not None and sandbox.netns is not None and namespace.exists(sandbox.netns):
            logger.warning("link %s of %s is made again", endpoint.link, endpoint.container_id)
            self._sandboxes.rewire(network, endpoint, master)
