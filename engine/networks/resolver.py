"""The name server that containers on users' networks ask, at 127.0.0.11 of each: neighbours' names, all else passed on.

A container is known to those it shares a network with, by its name, its aliases, its hostname and the first letters of
its id. A container on internal networks only has nobody asked outside (CVE-2024-29018). Runs in the event loop.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from engine.networks import dns_message as dns
from engine.networks import names
from engine.networks.dns_sockets import DnsSockets
from engine.networks.model import Address, Address6, Endpoint
from engine.networks.store import Store
from engine.networks.upstream import Upstream

logger = logging.getLogger(__name__)

_DATAGRAM = 65535
_AT_ONCE = 256  # questions of one container that may be waiting outside
_STREAMS = 32  # connections of one container
_IDLE = 30.0  # seconds that one of them may say nothing


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
        sandbox = self._store.sandbox(endpoint.container_id)
        hostnames = sandbox.name.split() if sandbox is not None else ()
        known = {self._name_of(endpoint.container_id), endpoint.container_id[:12], *endpoint.aliases, *hostnames} - {""}
        plain = {name.lower() for name in known}
        return plain | ({f"{name}.{network.name.lower()}" for name in plain} if network is not None else set())


@dataclass(slots=True)
class _Served:
    """One container's server."""

    sockets: DnsSockets
    upstream: Upstream
    keeps_single_names: bool
    server: asyncio.AbstractServer | None = None
    asking: set[asyncio.Task[None]] = field(default_factory=set)
    streams: set[asyncio.StreamWriter] = field(default_factory=set)


class Resolver:
    """The servers of all containers."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._serving: dict[str, _Served] = {}

    async def serve(
        self, container_id: str, sockets: DnsSockets, servers: Sequence[str], *, keeps_single_names: bool = False
    ) -> None:
        """Answer at a container's sockets; takes them over.

        `keeps_single_names`: whoever set ndots has their resolver try names without a dot with its search domains, and
        waits for no server to say that it has never heard of them.
        """
        await self.stop(container_id)
        served = _Served(sockets, Upstream(servers), keeps_single_names)

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._converse(container_id, served, reader, writer)

        served.server = await asyncio.start_server(converse, sock=sockets.streams)
        self._serving[container_id] = served
        asyncio.get_running_loop().add_reader(sockets.datagrams, self._datagram, container_id, served)

    async def stop(self, container_id: str) -> None:
        """Stop answering; a container that nobody serves is no error."""
        served = self._serving.pop(container_id, None)
        if served is None:
            return
        asyncio.get_running_loop().remove_reader(served.sockets.datagrams)
        for task in served.asking:
            task.cancel()
        for writer in served.streams:
            writer.close()
        if served.server is not None:
            served.server.close()
        served.sockets.close()

    async def close(self) -> None:
        for container_id in list(self._serving):
            await self.stop(container_id)

    def is_serving(self, container_id: str) -> bool:
        return container_id in self._serving

    async def answer(
        self,
        container_id: str,
        message: bytes,
        ask: Callable[[bytes], Awaitable[bytes]],
        *,
        stream: bool = False,
        keeps_single_names: bool = False,
    ) -> bytes:
        """The answer to one message; `ask` passes it on. Empty where there is to be none."""
        question = dns.read(message)
        if question is not None:
            found = self._known(container_id, question, stream=stream)
            if found:
                return found
        if not self._directory.may_ask_outside(container_id):
            return dns.failure(question) if question is not None else dns.refusal(message)
        if keeps_single_names and question is not None and question.is_single:
            return dns.nothing(question)
        try:
            return await ask(message)
        except OSError:  # TimeoutError among them
            return dns.failure(question) if question is not None else b""

    def _known(self, container_id: str, question: dns.Question, *, stream: bool) -> bytes:
        """What is answered here; empty where it is not."""
        found = self._directory.addresses(container_id, question.name)
        if found is not None:
            random.shuffle(found)  # several containers of one alias share the work
            return dns.answer(question, found, stream=stream)
        if question.address is not None:
            name = self._directory.name(container_id, question.address)
            if name is not None:
                return dns.pointer(question, name, stream=stream)
        return b""

    def _datagram(self, container_id: str, served: _Served) -> None:
        own = served.sockets.datagrams
        try:
            message, caller = own.recvfrom(_DATAGRAM)
        except OSError:
            return
        if len(served.asking) >= _AT_ONCE:
            return  # the client asks again; memory is not its to fill

        async def reply() -> None:
            answered = await self.answer(
                container_id,
                message,
                served.upstream.by_datagram,
                keeps_single_names=served.keeps_single_names,
            )
            if answered:
                with contextlib.suppress(OSError):
                    own.sendto(answered, caller)

        task = asyncio.ensure_future(reply())
        served.asking.add(task)
        task.add_done_callback(served.asking.discard)

    async def _converse(
        self, container_id: str, served: _Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        served.streams.add(writer)
        try:
            while len(served.streams) <= _STREAMS:  # descriptors are not the client's to use up
                async with asyncio.timeout(_IDLE):
                    message = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                answered = await self.answer(
                    container_id,
                    message,
                    served.upstream.by_stream,
                    stream=True,
                    keeps_single_names=served.keeps_single_names,
                )
                if not answered:
                    break
                async with asyncio.timeout(_IDLE):
                    writer.write(len(answered).to_bytes(2, "big") + answered)
                    await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass  # the client has heard enough, or says nothing
        finally:
            served.streams.discard(writer)
            writer.close()
