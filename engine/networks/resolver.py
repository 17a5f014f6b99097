"""The name server that containers on users' networks ask, at 127.0.0.11 of each: neighbours' names, all else passed on.

A container is known to those it shares a network with, by its name, its aliases and the first letters of its id. A
container on internal networks only has nobody asked outside (CVE-2024-29018). Runs in the event loop.
"""

import asyncio
import contextlib
import logging
import random
import socket
from collections.abc import Awaitable, Callable, Sequence

from engine.networks import dns_message as dns
from engine.networks import names
from engine.networks.dns_sockets import DnsSockets
from engine.networks.model import Address, Address6, Endpoint
from engine.networks.store import Store

logger = logging.getLogger(__name__)

_DATAGRAM = 4096
_PATIENCE = 4.0  # seconds for one server, less than the 5 that a client's resolver waits
_AT_ONCE = 256  # questions of one container that may be waiting outside


class Directory:
    """Who is known to whom."""

    def __init__(self, store: Store, name_of: Callable[[str], str]) -> None:
        self._store = store
        self._name_of = name_of

    def addresses(self, container_id: str, name: str) -> list[Address | Address6] | None:
        """The addresses of a name as one container sees it; None where the name is nobody's."""
        known = [one for one in self._neighbours(container_id) if name in self._names(one)]
        known = known or self._linked(container_id, name)
        return [address for one in known for address in one.addresses] or None

    def name(self, container_id: str, address: Address | Address6) -> str | None:
        """The name of a neighbour's address: container.network."""
        for one in self._neighbours(container_id):
            network = self._store.network(one.network_id)
            if address in one.addresses and network is not None:
                return f"{self._name_of(one.container_id) or one.container_id[:12]}.{network.name}"
        return None

    def may_ask_outside(self, container_id: str) -> bool:
        networks = [self._store.network(one.network_id) for one in self._store.endpoints(container_id=container_id)]
        return any(network is not None and not network.is_closed for network in networks)

    def _neighbours(self, container_id: str) -> list[Endpoint]:
        found: list[Endpoint] = []
        for own in self._store.endpoints(container_id=container_id):
            network = self._store.network(own.network_id)
            if network is not None and not network.is_predefined:
                found += self._store.endpoints(network_id=own.network_id)
        return found

    def _linked(self, container_id: str, name: str) -> list[Endpoint]:
        """Whom the container alone calls by that name."""
        found = []
        for own in self._store.endpoints(container_id=container_id):
            neighbours = self._store.endpoints(network_id=own.network_id)
            called = [other for other, alias in own.links if alias.lower() == name]
            found += [names.find(neighbours, other, self._name_of) for other in called]
        return [one for one in found if one is not None]

    def _names(self, endpoint: Endpoint) -> set[str]:
        network = self._store.network(endpoint.network_id)
        known = {self._name_of(endpoint.container_id), endpoint.container_id[:12], *endpoint.aliases} - {""}
        plain = {name.lower() for name in known}
        return plain | ({f"{name}.{network.name.lower()}" for name in plain} if network is not None else set())


class Resolver:
    """The servers of all containers."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._serving: dict[str, tuple[DnsSockets, asyncio.AbstractServer]] = {}
        self._asking: dict[str, set[asyncio.Task[None]]] = {}

    async def serve(self, container_id: str, sockets: DnsSockets, servers: Sequence[str]) -> None:
        """Answer at a container's sockets; takes them over."""
        await self.stop(container_id)

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._converse(container_id, servers, reader, writer)

        server = await asyncio.start_server(converse, sock=sockets.streams)
        self._serving[container_id] = sockets, server
        self._asking[container_id] = set()
        asyncio.get_running_loop().add_reader(
            sockets.datagrams, self._datagram, container_id, sockets.datagrams, tuple(servers)
        )

    async def stop(self, container_id: str) -> None:
        """Stop answering; a container that nobody serves is no error."""
        known = self._serving.pop(container_id, None)
        if known is None:
            return
        sockets, server = known
        asyncio.get_running_loop().remove_reader(sockets.datagrams)
        for task in self._asking.pop(container_id, ()):
            task.cancel()
        server.close()
        sockets.close()

    async def close(self) -> None:
        for container_id in list(self._serving):
            await self.stop(container_id)

    def is_serving(self, container_id: str) -> bool:
        return container_id in self._serving

    async def answer(self, container_id: str, message: bytes, ask: Callable[[bytes], Awaitable[bytes]]) -> bytes:
        """The answer to one message; `ask` passes it on."""
        question = dns.read(message)
        if question is not None:
            found = self._directory.addresses(container_id, question.name)
            if found is not None:
                random.shuffle(found)  # several containers of one alias share the work
                return dns.answer(question, found)
            if question.address is not None:
                name = self._directory.name(container_id, question.address)
                if name is not None:
                    return dns.pointer(question, name)
            if not self._directory.may_ask_outside(container_id):
                return dns.failure(question)
        try:
            return await ask(message)
        except OSError:  # TimeoutError among them
            return dns.failure(question) if question is not None else b""

    def _datagram(self, container_id: str, own: socket.socket, servers: Sequence[str]) -> None:
        try:
            message, caller = own.recvfrom(_DATAGRAM)
        except OSError:
            return
        asking = self._asking[container_id]
        if len(asking) >= _AT_ONCE:
            return  # the client asks again; memory is not its to fill

        async def reply() -> None:
            answered = await self.answer(container_id, message, lambda sent: _ask_by_datagram(servers, sent))
            with contextlib.suppress(OSError):
                own.sendto(answered, caller)

        task = asyncio.ensure_future(reply())
        asking.add(task)
        task.add_done_callback(asking.discard)

    async def _converse(
        self, container_id: str, servers: Sequence[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while True:
                message = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                answered = await self.answer(container_id, message, lambda sent: _ask_by_stream(servers, sent))
                writer.write(len(answered).to_bytes(2, "big") + answered)
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass  # the client has heard enough
        finally:
            writer.close()


async def _ask_by_datagram(servers: Sequence[str], message: bytes) -> bytes:
    """The first server's answer that comes."""
    loop = asyncio.get_running_loop()
    failure: OSError = OSError("no server to ask")
    for server in servers:
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as asking:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await loop.sock_connect(asking, (server, 53))
                    await loop.sock_sendall(asking, message)
                    while True:
                        answered = await loop.sock_recv(asking, _DATAGRAM)
                        if answered[:2] == message[:2]:
                            return answered
            except OSError as error:
                failure = error
    raise failure


async def _ask_by_stream(servers: Sequence[str], message: bytes) -> bytes:
    failure: OSError = OSError("no server to ask")
    for server in servers:
        try:
            async with asyncio.timeout(_PATIENCE):
                reader, writer = await asyncio.open_connection(server, 53)
                try:
                    writer.write(len(message).to_bytes(2, "big") + message)
                    return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                finally:
                    writer.close()
        except (OSError, asyncio.IncompleteReadError) as error:
            failure = error if isinstance(error, OSError) else OSError("the server hung up")
    raise failure
