"""Containers' sandboxes: a namespace with its endpoints and files, made at start, found again, let go at exit.

    reserve addresses → hold ports → make the namespace → wire each endpoint → default route → rules → files

All of it runs in the network thread, one call after the other. A failure takes back everything: the namespace takes the
veths along, and addresses, ports and rules are undone in reverse.
"""

import contextlib
import logging
import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from itertools import count

from engine.networks import files, gateway, ipam, links, names, namespace, publishing
from engine.networks.addresses import Addresses
from engine.networks.bridge import Bridges
from engine.networks.dns_sockets import DnsSockets, listen
from engine.networks.endpoint import apply_sysctls, lead_out, unwire, wire
from engine.networks.hosts_files import OWN_SERVER
from engine.networks.links import Links
from engine.networks.model import HOST, IPVLAN, NULL, ON_PARENT, Endpoint, Network, Sandbox
from engine.networks.publishing import Publishing
from engine.networks.request import Attachment, Request, Wanted
from engine.networks.store import Store
from proto.errdefs import Conflict, Fault, InvalidArgument, NotFound, PermissionDenied

logger = logging.getLogger(__name__)

SHARES = "container sharing network namespace with another container or host cannot be connected to any other network"


class Sandboxes:
    """The sandboxes of one engine."""

    def __init__(
        self,
        store: Store,
        netns_folder: str,
        host: Links,
        bridges: Bridges,
        publishing: Publishing,
        writer: files.Writer,
        addresses: Addresses,
        name_of: Callable[[str], str],
    ) -> None:
        self._store = store
        self._folder = netns_folder
        self._host = host
        self._bridges = bridges
        self._publishing = publishing
        self._files = writer
        self._name_of = name_of
        self._opened: dict[str, DnsSockets] = {}  # name servers that nobody has begun to serve
        self._addresses = addresses

    def allocate(self, container_id: str, request: Request, born_in: str = "") -> Sandbox:
        """Make a container's sandbox, perhaps of a namespace that is there, or find the one it has."""
        present = self._store.sandbox(container_id)
        if present is not None:
            if present.owner or present.netns in (None, "host"):
                return present
            if namespace.exists(str(present.netns)):
                return self._found_again(present, request)
            self.release(container_id)  # the namespace went with a reboot
        if request.mode == "container":
            sandbox = self._join(container_id, request.joined)
        elif request.mode == "host":
            sandbox = Sandbox(container_id, "host", self._files.write(container_id, request, []), "host")
        else:
            sandbox = self._make(container_id, request, born_in)
        self._store.put_sandbox(sandbox)
        return sandbox

    def _found_again(self, sandbox: Sandbox, request: Request) -> Sandbox:
        """A running container's sandbox after a restart; its ports may be half changed by one that died."""
        try:
            self._publishing.place(sandbox.container_id, request.ports)
        except Fault as fault:
            logger.warning("ports of %s: %s", sandbox.container_id, fault)
            return sandbox
        found = replace(sandbox, wanted=publishing.to_json(request.ports))
        if found != sandbox:
            self._store.put_sandbox(found)
        return found

    def release(self, container_id: str) -> None:
        """Let go of whatever a container has; nothing to do is no error."""
        sandbox = self._store.sandbox(container_id)
        self._close_dns(container_id)
        endpoints = self._store.endpoints(container_id=container_id)
        known = [one for one in endpoints if self._has_connections(one)]
        if sandbox is None or not sandbox.owner:
            namespace.remove(self._path(container_id))
        self._drop(endpoints)
        self._publishing.forget_endpoints(known)
        self._publishing.release(container_id)
        self._store.drop_sandbox(container_id)

    def connect(self, container_id: str, network: Network, attachment: Attachment) -> None:
        """Give a running container one more network."""
        sandbox = self._store.sandbox(container_id)
        if sandbox is None:
            raise NotFound(f"container {container_id} is not running")
        check_usable(network)
        if sandbox.owner or network.driver in (HOST, NULL) or sandbox.netns in (None, "host"):
            raise InvalidArgument(SHARES)
        taken = self._own(container_id)
        if any(one.network_id == network.id for one in taken):
            name = self._name_of(container_id) or container_id
            raise PermissionDenied(f"endpoint with name {name} already exists in network {network.name}")
        with contextlib.ExitStack() as undo:
            endpoint, master = self._reserve(undo, container_id, network, attachment)
            with namespace.entered(str(sandbox.netns)) as fd:
                wire(self._host, network, master, endpoint, fd)
                apply_sysctls(endpoint.interface, attachment.sysctls)
                self._route(container_id)
            self._publishing.place(container_id, _wanted(sandbox))
            if network.pinned:
                self._publishing.write_rules(network)
            self._files.write_hosts(sandbox, self._own(container_id))
            undo.pop_all()

    def disconnect(self, endpoint: Endpoint) -> None:
        """Take one network from a running container."""
        found = self._host.find(endpoint.link)
        if found is not None:
            self._host.apply(links.delete(found.index))
        self._drop([endpoint])
        self._publishing.forget_endpoints([endpoint])
        sandbox = self._store.sandbox(endpoint.container_id)
        if sandbox is None:
            return
        self._files.write_hosts(sandbox, self._own(endpoint.container_id))
        if namespace.exists(str(sandbox.netns)):
            with namespace.entered(str(sandbox.netns)):
                unwire(endpoint.interface)  # the veth went with its other end; other links have none
                self._route(endpoint.container_id)
        self._publishing.place(endpoint.container_id, _wanted(sandbox))

    def rewire(self, network: Network, endpoint: Endpoint, master: int) -> None:
        """Make a running container's link again, that somebody else took away."""
        sandbox = self._store.sandbox(endpoint.container_id)
        assert sandbox is not None, "a running container has a sandbox"
        with namespace.entered(str(sandbox.netns)) as fd:
            wire(self._host, network, master, endpoint, fd)
            self._route(endpoint.container_id)

    def publish(self, container_id: str, request: Request) -> None:
        """Publish on a running container exactly what is asked for now."""
        sandbox = self._store.sandbox(container_id)
        if sandbox is None:
            raise NotFound(f"container {container_id} is not running")
        if sandbox.owner or sandbox.netns in (None, "host"):
            raise InvalidArgument(
                f"container {container_id} has no network of its own to publish ports of (network mode {sandbox.mode})"
            )
        self._publishing.place(container_id, request.ports)
        self._store.put_sandbox(replace(sandbox, wanted=publishing.to_json(request.ports)))

    def open_dns(self, container_id: str) -> DnsSockets | None:
        """The sockets of a container's name server, if it is to have one; made anew where an engine died with them."""
        sandbox = self._store.sandbox(container_id)
        opened = self._opened.pop(container_id, None)
        if opened is not None or sandbox is None or sandbox.owner or sandbox.netns in (None, "host"):
            return opened
        networks = [self._store.network(one.network_id) for one in self._own(container_id)]
        if not any(network is not None and not network.is_predefined for network in networks):
            return None
        if OWN_SERVER not in self._files.servers_in_use(sandbox):
            self._store.put_sandbox(replace(sandbox, servers=self._files.take_over_names(sandbox)))
        with namespace.entered(str(sandbox.netns)):
            return listen()

    def reconcile(self, alive: frozenset[str]) -> None:
        """After a restart: let go of what containers had that are no more, and hold the ports of those that are."""
        known = {sandbox.container_id for sandbox in self._store.sandboxes()}
        known |= {endpoint.container_id for endpoint in self._store.endpoints()}
        left = set(os.listdir(self._folder)) if os.path.isdir(self._folder) else set()
        for container_id in (known | left) - alive:
            self.release(container_id)
        self._publishing.hold_again()

    def _make(self, container_id: str, request: Request, born_in: str) -> Sandbox:
        wanted = [(self.network(one.network), one) for one in request.attachments]
        for network, _ in wanted:
            check_usable(network)
        if len(wanted) > 1 and any(network.driver in (HOST, NULL) for network, _ in wanted):
            raise InvalidArgument("a container cannot be in the network host or none and in another one")
        path = self._path(container_id)
        namespace.remove(path)  # a plain file may be left there by a crash
        os.makedirs(self._folder, mode=0o755, exist_ok=True)
        with contextlib.ExitStack() as undo:
            places = [
                (network, *self._reserve(undo, container_id, network, one), one.sysctls)
                for network, one in wanted
                if network.driver not in (HOST, NULL)
            ]
            if request.ports:
                undo.callback(self._publishing.release, container_id)
                self._publishing.hold(container_id, request.ports)
            undo.callback(namespace.remove, path)
            own_server = any(not network.is_predefined for network, _, _, _ in places)
            with namespace.created(path, born_in) as fd:
                for network, endpoint, master, sysctls in places:
                    wire(self._host, network, master, self._store.endpoint(endpoint.id) or endpoint, fd)
                    apply_sysctls(endpoint.interface, sysctls)
                self._route(container_id)
                if own_server:
                    self._opened[container_id] = listen(afresh=True)
                    undo.callback(self._close_dns, container_id)
            networks = {network.id: network for network, _, _, _ in places}
            for endpoint in self._own(container_id):
                network = networks[endpoint.network_id]
                if endpoint.ports or network.pinned:
                    self._publishing.write_rules(network)
                if endpoint.ports:
                    self._publishing.forget_changed(endpoint.with_ports(()), endpoint)
            linked = [line for network, one, _, _ in places if network.is_predefined for line in self._linked(one)]
            written = self._files.write(
                container_id, request, self._own(container_id), own_server=own_server, linked=linked
            )
            undo.pop_all()
        return Sandbox(
            container_id,
            path,
            written,
            request.mode,
            self._files.hostname(request),
            servers=self._files.servers(request) if own_server else [],
            wanted=publishing.to_json(request.ports),
            exposed=list(request.exposed),
        )

    def _linked(self, endpoint: Endpoint) -> list[tuple[str, str]]:
        """The hosts file's lines for those that a container on the default bridge is linked to."""
        found = []
        neighbours = self._store.endpoints(network_id=endpoint.network_id)
        for name, alias in endpoint.links:
            other = names.find(neighbours, name, self._name_of)
            if other is None:
                raise Conflict(f"Cannot link to a non running container: /{name} AS /{alias}")
            own = dict.fromkeys((alias, other.container_id[:12], self._name_of(other.container_id)))
            found += [(str(address), " ".join(filter(None, own))) for address in other.addresses]
        return found

    def _route(self, container_id: str) -> None:
        """Lead the way out by the network that is to give it; the thread is in the container's namespace."""
        networks = {network.id: network for network in self._store.networks()}
        own = self._own(container_id)
        chosen, chosen6 = gateway.choose4(own, networks), gateway.choose6(own, networks)
        if chosen is not None:
            lead_out(chosen.interface, gateway.router(networks[chosen.network_id], chosen.address), 4)
        if chosen6 is not None:
            lead_out(chosen6.interface, gateway.router(networks[chosen6.network_id], chosen6.address6), 6)

    def _join(self, container_id: str, other_id: str) -> Sandbox:
        other = self._store.sandbox(other_id)
        if other is None:
            raise Conflict(f"cannot join network of a non running container: {other_id}")
        return Sandbox(container_id, other.netns, other.files, "container", other.name, other.owner or other_id)

    def network(self, text: str) -> Network:
        """A network by name, id, or the start of an id."""
        networks = self._store.networks()
        found = [one for one in networks if one.name == text] or [one for one in networks if one.id == text]
        found = found or [one for one in networks if text and one.id.startswith(text)]
        if not found:
            raise NotFound(f"network {text} not found")
        if len(found) > 1:
            raise InvalidArgument(f"network {text} is ambiguous ({len(found)} matches found based on ID prefix)")
        return found[0]

    def _reserve(
        self, undo: contextlib.ExitStack, container_id: str, network: Network, attachment: Attachment
    ) -> tuple[Endpoint, int]:
        """Take an address for an endpoint, and see that its bridge is there; all on the host's side."""
        if network.driver == IPVLAN and attachment.mac:
            raise InvalidArgument("ipvlan interfaces do not support custom mac address assignment")
        address = self._addresses.choose(network, 4, attachment.address)
        address6 = self._addresses.choose(network, 6, attachment.address6)
        names = {one.interface for one in self._own(container_id)}
        unnamed = next(name for name in (f"{network.prefix}{number}" for number in count()) if name not in names)
        telling = address or address6
        assert telling is not None, "a network has a subnet"
        endpoint = Endpoint(
            id=secrets.token_hex(32),
            network_id=network.id,
            container_id=container_id,
            address=str(address or ""),
            mac=attachment.mac.replace("-", ":").lower() or ipam.hardware_address(telling.ip),
            link=f"veth{secrets.token_hex(4)[:7]}",
            interface=attachment.interface or unnamed,
            aliases=attachment.aliases,
            priority=attachment.priority,
            links=attachment.links,
            link_local=attachment.link_local,
            address6=str(address6 or ""),
        )
        undo.callback(self._drop, [endpoint])
        if endpoint.interface in names:
            raise InvalidArgument(f"interface name {endpoint.interface} is taken by another network of the container")
        self._store.put_endpoint(endpoint)
        master = self._bridges.index(network)
        if master is None:
            master = self._bridges.ensure(network, self._store.endpoints(network_id=network.id))
        return endpoint, master

    def _has_connections(self, endpoint: Endpoint) -> bool:
        """Whether the kernel may remember any: the container sent something, or datagrams for it were let in."""
        network, found = self._store.network(endpoint.network_id), self._host.find(endpoint.link)
        if network is not None and network.driver in ON_PARENT:
            return False  # its packets pass the host's filter by
        return found is None or found.received > 0 or any(port.protocol != "tcp" for port in endpoint.ports)

    def _drop(self, endpoints: list[Endpoint]) -> None:
        """Give back addresses, ports, and the rules for them."""
        published = set()
        for endpoint in endpoints:
            known = self._store.endpoint(endpoint.id) or endpoint
            self._addresses.keep_back(endpoint)
            network = self._store.network(endpoint.network_id)
            if known.ports or (network is not None and network.pinned):
                published.add(endpoint.network_id)
        self._store.drop_endpoints(endpoints)
        for network_id in published:
            self._write_rules(network_id)

    def _write_rules(self, network_id: str) -> None:
        network = self._store.network(network_id)
        if network is not None:
            self._publishing.write_rules(network)

    def _close_dns(self, container_id: str) -> None:
        opened = self._opened.pop(container_id, None)
        if opened is not None:
            opened.close()

    def _own(self, container_id: str) -> list[Endpoint]:
        return self._store.endpoints(container_id=container_id)

    def _path(self, container_id: str) -> str:
        return f"{self._folder}/{container_id}"


def check_usable(network: Network) -> None:
    """A network that is only a configuration has no containers."""
    if network.config_only:
        raise PermissionDenied("cannot create endpoint on configuration-only network")


def _wanted(sandbox: Sandbox) -> list[Wanted]:
    return [Wanted(**wish) for wish in sandbox.wanted]
