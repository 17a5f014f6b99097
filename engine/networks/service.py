"""The networks of one engine: an asyncio face over one thread in which everything about them happens.

One thread, because entering a namespace moves the thread, and because one call after the other needs no locks. It keeps
its netlink sockets open. What is only read (`settings`, lists) is read from the store's memory by the event loop.
"""

import asyncio
import contextlib
import hashlib
import ipaddress
import logging
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.api.render import network as render
from engine.config import Config
from engine.networks import endpoint_check
from engine.networks import request as requests
from engine.networks.addresses import Addresses
from engine.networks.bare import bare_endpoint, bare_endpoints
from engine.networks.bridge import Bridges
from engine.networks.conntrack import Conntrack
from engine.networks.definitions import DEFAULT_LINK, Definitions
from engine.networks.files import Writer
from engine.networks.firewall import Firewall, legacy_tables
from engine.networks.forgetting import Forgetting
from engine.networks.hosts_files import Wishes
from engine.networks.link_watch import LinkWatch
from engine.networks.links import Links
from engine.networks.model import BRIDGE, Endpoint, Network, Sandbox
from engine.networks.ports import Ports
from engine.networks.publish_policy import PublishPolicy
from engine.networks.publishing import Publishing
from engine.networks.request import Attachment
from engine.networks.resolver import Directory, Resolver
from engine.networks.restoring import Restoring
from engine.networks.ruleset import PREFIX
from engine.networks.ruleset_watch import RulesetWatch
from engine.networks.sandboxes import Sandboxes
from engine.networks.store import Store
from engine.paths import Paths
from proto.errdefs import Fault, Internal, InvalidArgument, NotFound

logger = logging.getLogger(__name__)

Json = dict[str, Any]
Announce = Callable[[str, str, dict[str, str]], None]  # action, network's id, attributes
Result = TypeVar("Result")


@dataclass(slots=True)
class _Inside:
    """What belongs to the thread."""

    store: Store
    host: Links
    firewall: Firewall | None
    connections: Conntrack
    forgetting: Forgetting
    bridges: Bridges
    ports: Ports
    definitions: Definitions
    sandboxes: Sandboxes
    addresses: Addresses
    writer: Writer

    def close(self) -> None:
        self.ports.close()
        self.host.close()
        self.forgetting.close()
        self.connections.close()
        if self.firewall is not None:
            self.firewall.close()
        self.store.close()


class Networks:
    """What the engine can do with networks."""

    def __init__(
        self, config: Config, paths: Paths, announce: Announce, name_of: Callable[[str], str] = lambda container_id: ""
    ) -> None:
        self._config = config
        self._name_of = name_of
        self._paths = paths
        self._announce = announce
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="networks")
        self._inside: _Inside | None = None
        self._resolver: Resolver | None = None
        self._watch: RulesetWatch | None = None
        self._links: LinkWatch | None = None

    async def open(self) -> None:
        """Make the bridges and rules what the records say."""
        self._inside = await self._call(self._build)
        self._resolver = Resolver(Directory(self._inside.store, self._name_of))
        await self._call(self._open)
        firewall = self._inside.firewall
        if firewall is not None:
            self._watch = RulesetWatch((firewall.sender,), self._tables, self._repair)
            self._watch.start()
            await self._call(self._write_rules)  # what was flushed between the first time and the watch's start
        self._links = LinkWatch(self._link_names, self._gateways, self._restore)
        self._links.start()

    async def reconcile(self, alive: Collection[str]) -> None:
        """Let go of what belongs to containers that are no more, and put back what those that are had."""
        await self._call(self._ready.sandboxes.reconcile, frozenset(alive))
        await self._restore(())

    async def close(self) -> None:
        """Stop; what containers have stays."""
        for watch in (self._watch, self._links):
            if watch is not None:
                await watch.close()
        if self._resolver is not None:
            await self._resolver.close()
        if self._inside is not None:
            await self._call(self._inside.close)
        self._thread.shutdown()

    async def check(self, config: Json, host_config: Json, endpoints: Json) -> None:
        """Refuse at create what could not be done at start."""
        for name, entry in endpoints.items():
            try:
                endpoint_check.check(self._if_there("bridge" if name == "default" else name), name, entry or {})
            except InvalidArgument as fault:
                raise InvalidArgument(f"invalid config for network {name}: {fault}") from fault
        requests.read(config, host_config, endpoints)

    def _if_there(self, name: str) -> Network | None:
        """A network that may still come until the start."""
        try:
            return self.find(name)
        except NotFound:
            return None

    async def allocate(
        self, container_id: str, config: Json, host_config: Json, endpoints: Json, *, born_in: str = ""
    ) -> Sandbox:
        """Make the namespace and its endpoints; a second call for a running container finds them."""
        asked = requests.read(config, host_config, endpoints)
        known = self._ready.store.sandbox(container_id) is not None
        try:
            sandbox = await self._call(self._ready.sandboxes.allocate, container_id, asked, born_in)
        except Fault as fault:
            raise type(fault)(f"failed to set up container networking: {fault}") from fault
        await self._serve_names(container_id)
        if not known:
            for endpoint in self._of_container(container_id):
                self._tell("connect", endpoint)
        return sandbox

    async def release(self, container_id: str) -> None:
        """Undo allocate; nothing to do is no error."""
        gone = self._of_container(container_id)
        if self._resolver is not None:
            await self._resolver.stop(container_id)
        await self._call(self._ready.sandboxes.release, container_id)
        for endpoint in gone:
            self._tell("disconnect", endpoint)

    async def publish(self, container_id: str, config: Json, host_config: Json, endpoints: Json) -> None:
        """Have a running container's published ports be what its documents say now."""
        await self._call(self._ready.sandboxes.publish, container_id, requests.read(config, host_config, endpoints))

    def settings(self, container_id: str, host_config: Json, endpoints: Json) -> Json:
        """NetworkSettings for inspect."""
        store = self._ready.store
        return render.settings(
            container_id,
            host_config,
            endpoints,
            store.sandbox(container_id),
            self._of_container(container_id),
            {network.id: network for network in store.networks()},
            self._name_of(container_id),
        )

    def all(self) -> list[Network]:
        return self._ready.store.networks()

    def find(self, text: str) -> Network:
        """By name, id, or the start of an id."""
        return self._ready.sandboxes.network(text)

    def endpoints(self, network: Network) -> list[Endpoint]:
        store = self._ready.store
        return [*store.endpoints(network_id=network.id), *bare_endpoints(network, store.sandboxes())]

    def _of_container(self, container_id: str) -> list[Endpoint]:
        store = self._ready.store
        bare = bare_endpoint(store.sandbox(container_id), store.networks())
        return [*store.endpoints(container_id=container_id), *([bare] if bare is not None else [])]

    async def create(self, body: Json) -> Network:
        """`POST /networks/create`."""
        network = await self._call(self._ready.definitions.create, body)
        self._announce("create", network.id, {"name": network.name, "type": network.driver})
        return network

    async def remove(self, network: Network) -> None:
        """`DELETE /networks/{id}`."""
        await self._call(self._ready.definitions.remove, network)
        if network.config_only:
            return
        self._announce("destroy", network.id, {"name": network.name, "type": network.driver})

    async def connect(self, container_id: str, network: Network, attachment: Attachment) -> None:
        """Give a running container one more network."""
        await self._call(self._ready.sandboxes.connect, container_id, network, attachment)
        await self._serve_names(container_id)
        for endpoint in self._ready.store.endpoints(container_id=container_id, network_id=network.id):
            self._tell("connect", endpoint)

    async def disconnect(self, container_id: str, network: Network) -> None:
        """Take a network from a running container."""
        found = self._ready.store.endpoints(container_id=container_id, network_id=network.id)
        if not found:
            raise NotFound(f"container {container_id} is not connected to network {network.name}")
        await self._call(self._ready.sandboxes.disconnect, found[0])
        self._tell("disconnect", found[0])

    @property
    def _ready(self) -> _Inside:
        assert self._inside is not None, "networks were not opened"
        return self._inside

    def _build(self) -> _Inside:
        config = self._config
        store = Store(f"{self._paths.data_root}/networks.db")
        host = Links()
        firewall = Firewall(_table(config, self._paths.data_root)) if config.iptables else None
        bridges = Bridges(host, firewall, forward=config.ip_forward)
        ports = Ports(PublishPolicy(config.ip, loopback=config.publish_loopback, allow=config.publish_allow))
        writer = Writer(
            self._paths.container, Wishes(tuple(config.dns), tuple(config.dns_search), tuple(config.dns_opts))
        )
        definitions = Definitions(store, host, bridges, config, self._name_of)
        connections = Conntrack()
        forgetting = Forgetting(connections.forget)
        publishing = Publishing(store, host, bridges, ports, self._name_of, forgetting)
        addresses = Addresses(store, host, forgetting)
        sandboxes = Sandboxes(store, self._paths.netns, host, bridges, publishing, writer, addresses, self._name_of)
        return _Inside(
            store, host, firewall, connections, forgetting, bridges, ports, definitions, sandboxes, addresses, writer
        )

    def _open(self) -> None:
        firewall = self._ready.firewall
        tables = legacy_tables() if firewall is not None else []
        if tables:
            logger.warning(
                "iptables-legacy has tables here (%s): their rules cannot be seen, and what they drop stays dropped; "
                "iptables-nft and nftables are what this engine goes with",
                ", ".join(tables),
            )
        with firewall.together() if firewall is not None else contextlib.nullcontext():
            self._ready.definitions.open()
        default = next((one for one in self._ready.store.networks() if one.name == "bridge"), None)
        self._ready.writer.host_gateway = default.gateway if default is not None else ""

    def _tables(self) -> set[str]:
        firewall = self._ready.firewall
        pinned = {f"{PREFIX}{one.link}" for one in self._ready.store.networks() if one.pinned}
        return pinned | ({firewall.table} if firewall is not None else set())

    def _link_names(self) -> set[str]:
        store = self._ready.store
        return {one.link for one in store.networks() if one.link} | {one.link for one in store.endpoints()}

    def _gateways(self) -> dict[bytes, str]:
        return {
            ipaddress.ip_address(gateway).packed: one.link
            for one in self._ready.store.networks()
            for gateway in (one.gateway, one.gateway6)
            if one.driver == BRIDGE and gateway
        }

    async def _restore(self, names: Collection[str]) -> None:
        inside = self._ready
        restoring = Restoring(inside.store, inside.host, inside.bridges, inside.sandboxes)
        await self._call(restoring.restore, names)

    def _write_rules(self) -> None:
        store, firewall = self._ready.store, self._ready.firewall
        assert firewall is not None, "there are rules only where there is a firewall"
        with firewall.together():
            for network in store.networks():
                if network.driver == BRIDGE:
                    self._ready.bridges.set_rules(network, store.endpoints(network_id=network.id))

    async def _repair(self) -> None:
        logger.warning("the packet filter was changed by somebody else: this engine's rules are written again")
        try:
            await self._call(self._write_rules)
        except Fault as fault:
            logger.error("the packet filter's rules could not be written: %s", fault)

    async def _serve_names(self, container_id: str) -> None:
        """Answer for the container's neighbours, if it is on a user's network."""
        assert self._resolver is not None
        if self._resolver.is_serving(container_id):
            return
        sockets = await self._call(self._ready.sandboxes.open_dns, container_id)
        sandbox = self._ready.store.sandbox(container_id)
        if sockets is not None:
            servers = sandbox.servers if sandbox is not None else ()
            keeps = sandbox is not None and self._ready.writer.has_ndots(sandbox)
            await self._resolver.serve(container_id, sockets, servers, keeps_single_names=keeps)

    def _tell(self, action: str, endpoint: Endpoint) -> None:
        network = self._ready.store.network(endpoint.network_id)
        if network is not None:
            attributes = {"container": endpoint.container_id, "name": network.name, "type": network.driver}
            self._announce(action, network.id, attributes)

    async def _call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """Run in the thread; what the kernel refuses becomes a Fault with its reason."""
        work = asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)
        try:
            return await asyncio.shield(work)  # half an endpoint is worse than one nobody waits for
        except Fault:
            raise
        except OSError as error:
            raise Internal(f"network: {error.strerror or error}") from error


def _table(config: Config, data_root: str) -> str:
    """What this engine's table is called: two engines on one host have bridges of different names, or none."""
    if config.bridge == "none":
        return f"{PREFIX}{hashlib.sha256(data_root.encode()).hexdigest()[:8]}"
    return f"{PREFIX}{config.bridge or DEFAULT_LINK}"
