"""Routes about networks: list, inspect, create, remove, connect, disconnect, prune."""

from typing import Any

from aiohttp import web

from engine.api import bodies
from engine.api.app import Route, empty, respond
from engine.api.call import Call
from engine.api.render import network as render
from engine.api.render.network_status import status
from engine.containers.live import Live
from engine.containers.room import Room
from engine.networks import endpoint_check
from engine.networks.model import HOST, NULL, Network
from engine.networks.request import Attachment, read
from engine.networks.sandboxes import SHARES, check_usable
from engine.networks.selection import ACCEPTED, ACCEPTED_BY_PRUNE, is_pruned, is_shown, limits
from engine.networks.service import Networks
from proto.errdefs import Fault, InvalidArgument, NotFound

Json = dict[str, Any]


class NetworkRoutes:
    """The handlers."""

    def __init__(self, networks: Networks, room: Room) -> None:
        self._networks = networks
        self._room = room

    async def show(self, call: Call) -> web.StreamResponse:
        """`GET /networks`; like dockerd's, without the containers."""
        filters = call.filters(ACCEPTED)
        shown = [one for one in self._networks.all() if is_shown(one, filters, self._networks.endpoints(one))]
        with_containers = call.version < (1, 28)
        return respond([self._document(one, call, with_containers=with_containers) for one in shown])

    async def inspect(self, call: Call) -> web.StreamResponse:
        """`GET /networks/{id}`."""
        if call.text("scope") not in ("", "local"):
            raise NotFound(f"network {call.path['id']} not found")
        network = self._networks.find(call.path["id"])
        document = self._document(network, call, with_containers=True)
        if call.version >= (1, 52):
            document["Status"] = status(network, self._networks.endpoints(network))
        return respond(document)

    async def create(self, call: Call) -> web.StreamResponse:
        """`POST /networks/create`."""
        body = await call.json(bodies.NETWORK, required=True)
        if call.version < (1, 48):
            body.pop("EnableIPv4", None)  # not a word of that API yet
        network = await self._networks.create(body)
        return respond({"Id": network.id, "Warning": ""}, status=201)

    async def remove(self, call: Call) -> web.StreamResponse:
        """`DELETE /networks/{id}`."""
        await self._networks.remove(self._networks.find(call.path["id"]))
        return empty(204)

    async def prune(self, call: Call) -> web.StreamResponse:
        """`POST /networks/prune`."""
        filters = call.filters(ACCEPTED_BY_PRUNE)
        limits(filters)  # refused also where there is no network to hold against them
        deleted: list[str] = []
        for network in self._networks.all():
            if is_pruned(network, filters, self._networks.endpoints(network)) and not self._users(network):
                try:
                    if not call.flag("dryrun"):
                        await self._networks.remove(network)
                except Fault:  # somebody came to use it meanwhile
                    continue
                deleted.append(network.name)
        return respond({"NetworksDeleted": deleted or None})

    async def connect(self, call: Call) -> web.StreamResponse:
        """`POST /networks/{id}/connect`."""
        body = await call.json(bodies.CONNECT, required=True)
        live = self._room.registry.find(body.get("Container") or "")
        network = self._networks.find(call.path["id"])
        asked: Json = body.get("EndpointConfig") or {}
        if call.version < (1, 44):
            asked.pop("MacAddress", None)  # not a word of that API yet
        async with live.lock:
            container = live.container
            if network.name not in ("host", "none") and _shares(container.host_config):
                raise InvalidArgument(SHARES)
            endpoint_check.check(network, network.name, asked)
            attachment = _attachment(network, asked)
            if container.state.alive:
                await self._networks.connect(container.id, network, attachment)
            if network.name not in _networks_of(live) or any(asked.values()):  # who is there may be told otherwise
                container.endpoints[network.name] = asked
            if container.host_config["NetworkMode"] == "none":  # what leaving its only network has made it
                container.host_config["NetworkMode"] = network.name
            self._room.save(live)
        return empty(200)

    async def disconnect(self, call: Call) -> web.StreamResponse:
        """`POST /networks/{id}/disconnect`."""
        body = await call.json(bodies.DISCONNECT, required=True)
        live = self._room.registry.find(body.get("Container") or "")
        network = self._networks.find(call.path["id"])
        async with live.lock:
            container = live.container
            if container.state.alive:
                await self._networks.disconnect(container.id, network)
            elif network.name not in _networks_of(live):
                raise NotFound(f"container {container.id} is not connected to network {network.name}")
            container.endpoints.pop(network.name, None)
            container.endpoints.pop(network.id, None)
            if _first_network(live) == network.name:
                container.host_config["NetworkMode"] = next(iter(container.endpoints), "none")
            self._room.save(live)
        return empty(200)

    def _document(self, network: Network, call: Call, *, with_containers: bool) -> Json:
        endpoints = self._networks.endpoints(network) if with_containers else None
        return render.network(network, endpoints=endpoints, name_of=self._name_of)

    def _name_of(self, container_id: str) -> str:
        live = self._room.registry.get(container_id)
        return live.container.name if live is not None else ""

    def _users(self, network: Network) -> list[str]:
        """The containers, running or not, that are configured to be in a network."""
        return [live.container.id for live in self._room.registry if network.name in _networks_of(live)]


def routes(networks: Networks, room: Room) -> list[Route]:
    """The table."""
    handlers = NetworkRoutes(networks, room)
    return [
        Route("GET", "/networks", handlers.show),
        Route("GET", "/networks/", handlers.show),
        Route("POST", "/networks/create", handlers.create),
        Route("POST", "/networks/prune", handlers.prune),
        Route("GET", "/networks/{id}", handlers.inspect),
        Route("DELETE", "/networks/{id}", handlers.remove),
        Route("POST", "/networks/{id}/connect", handlers.connect),
        Route("POST", "/networks/{id}/disconnect", handlers.disconnect),
    ]


def _attachment(network: Network, asked: Json) -> Attachment:
    check_usable(network)
    if network.driver == HOST:
        raise InvalidArgument(
            "cannot connect container to host network - container must be created in host network mode"
        )
    if network.driver == NULL:
        raise InvalidArgument(
            "container cannot be connected to multiple networks with one of the networks in private (none) mode"
        )
    return read({}, {"NetworkMode": network.name}, {network.name: asked}).attachments[0]


def _shares(host_config: Json) -> bool:
    mode = str(host_config["NetworkMode"])
    return mode == "host" or mode.startswith("container:")


def _first_network(live: Live) -> str:
    mode = str(live.container.host_config["NetworkMode"])
    return "bridge" if mode == "default" else mode


def _networks_of(live: Live) -> set[str]:
    return {_first_network(live), *live.container.endpoints}
