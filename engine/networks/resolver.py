"""The name server that containers on users' networks ask, at 127.0.0.11 of each: neighbours' names, all else passed on.

A container is known to those it shares a network with, by its name, its aliases, its hostname and the first letters of
its id. A container on internal networks only has nobody asked outside (CVE-2024-29018). Runs in the event loop.
"""

import asyncio
import contextlib
import logging
import random
import socket
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


@dataclass(frozen=True, slots=True)
class _Neighbour:
    """Somebody that a container shares a network with."""

    endpoint: Endpoint
    network: str  # `.name` of it, in small letters
    names: frozenset[str]  # but for the container's own, which may change at any time


class Directory:
    """Who is known to whom. What is asked for again and again is kept until the records change."""

    def __init__(self, store: Store, name_of: Callable[[str], str]) -> None:
        self._store = store
        self._name_of = name_of
        self._version = -1
        self._known: dict[str, list[_Neighbour]] = {}

    def addresses(self, container_id: str, name: str) -> list[Address | Address6] | None:
        """The addresses of a name as one container sees it; None where the name is nobody's."""
        found = [one.endpoint for one in self._neighbours(container_id) if self._is_called(one, name)]
        found = found or self._linked(container_id, name)
        return [address for one in found for address in one.addresses] or None

    def name(self, container_id: str, address: Address | Address6) -> str | None:
        """The name of a neighbour's address: container.network."""
        for neighbour in self._neighbours(container_id):
            one = neighbour.endpoint
            network = self._store.network(one.network_id)
            if address in one.addresses and network is not None:
                return f"{self._name_of(one.container_id) or one.container_id[:12]}.{network.name}"
        return None

    def may_ask_outside(self, container_id: str) -> bool:
        networks = [self._store.network(one.network_id) for one in self._store.endpoints(container_id=container_id)]
        return any(network is not None and not network.is_closed for network in networks)

    def _is_called(self, neighbour: _Neighbour, name: str) -> bool:
        short = name.removesuffix(neighbour.network)
        own = self._name_of(neighbour.endpoint.container_id).lower()
        return name in neighbour.names or short in neighbour.names or (own != "" and own in (name, short))

    def _neighbours(self, container_id: str) -> list[_Neighbour]:
        if self._version != self._store.version:
            self._version = self._store.version
            self._known.clear()
        found = self._known.get(container_id)
        if found is None:
            found = self._known[container_id] = self._look_around(container_id)
        return found

    def _look_around(self, container_id: str) -> list[_Neighbour]:
        found: list[_Neighbour] = []
        for own in self._store.endpoints(container_id=container_id):
            network = self._store.network(own.network_id)
            if network is not None and not network.is_predefined:
                suffix = f".{network.name.lower()}"
                others = self._store.endpoints(network_id=own.network_id)
                found += [_Neighbour(one, suffix, self._names(one)) for one in others]
        return found

    def _names(self, endpoint: Endpoint) -> frozenset[str]:
        sandbox = self._store.sandbox(endpoint.container_id)
        hostnames = sandbox.name.split() if sandbox is not None else ()
        return frozenset(one.lower() for one in (endpoint.container_id[:12], *endpoint.aliases, *hostnames) if one)

    def _linked(self, container_id: str, name: str) -> list[Endpoint]:
        """Whom the container alone calls by that name."""
        found = []
        for own in self._store.endpoints(container_id=container_id):
            called = [other for other, alias in own.links if alias.lower() == name]
            if called:
                neighbours = self._store.endpoints(network_id=own.network_id)
                found += [names.find(neighbours, other, self._name_of) for other in called]
        return [one for one in found if one is not None]


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
        found = self.answer_here(container_id, message, stream=stream, keeps_single_names=keeps_single_names)
        return found if found is not None else await _asked(message, ask)

    def answer_here(
        self, container_id: str, message: bytes, *, stream: bool = False, keeps_single_names: bool = False
    ) -> bytes | None:
        """The answer, where nobody need be asked for it, or may be; None where somebody is to be."""
        question = dns.read(message)
        if question is not None:
            found = self._known(container_id, question, stream=stream)
            if found:
                return found
        if not self._directory.may_ask_outside(container_id):
            return dns.failure(question) if question is not None else dns.refusal(message)
        if keeps_single_names and question is not None and question.is_single:
            return dns.nothing(question)
        return None

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
        here = self.answer_here(container_id, message, keeps_single_names=served.keeps_single_names)
        if here is not None:
            _send(own, here, caller)
            return
        if len(served.asking) >= _AT_ONCE:
            return  # the client asks again; memory is not its to fill

        async def reply() -> None:
            _send(own, await _asked(message, served.upstream.by_datagram), caller)

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


async def _asked(message: bytes, ask: Callable[[bytes], Awaitable[bytes]]) -> bytes:
    """What somebody else answers."""
    try:
        return await ask(message)
    except OSError:  # TimeoutError among them
        question = dns.read(message)
        return dns.failure(question) if question is not None else b""


def _send(own: socket.socket, answered: bytes, caller: object) -> None:
    if answered:
        with contextlib.suppress(OSError):
            own.sendto(answered, caller)  # type: ignore[call-overload]  # whatever recvfrom said
