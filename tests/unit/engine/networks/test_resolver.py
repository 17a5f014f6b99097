"""Who is known to whom, and what is passed on."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.networks.dns_sockets import DnsSockets
from engine.networks.model import Sandbox
from engine.networks.resolver import Directory, Resolver
from engine.networks.store import Store
from tests.fakes.engine_networks import bridge_network, endpoint

MINE = bridge_network("mine", "10.8.0.0/24")
INNER = bridge_network("inner", "10.7.0.0/24", internal=True)


def ask(name: str, kind: int = 1) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


def code_and_count(message: bytes) -> tuple[int, int]:
    _, flags, _, answers, _, _ = struct.unpack_from("!6H", message)
    return flags & 0xF, answers


async def outside(message: bytes) -> bytes:
    return b"outside"


@pytest.fixture
def store(tmp_path: Path):
    made = Store(str(tmp_path / "networks.db"))
    for network in (MINE, INNER, bridge_network()):
        made.put_network(network)
    made.put_endpoint(endpoint(1, MINE, container_id="1" * 64))
    made.put_endpoint(endpoint(2, MINE, container_id="2" * 64, aliases=("db", "DATA")))
    made.put_endpoint(endpoint(3, MINE, container_id="3" * 64, aliases=("db",)))
    made.put_endpoint(endpoint(4, INNER, container_id="4" * 64))
    made.put_sandbox(Sandbox("3" * 64, "/netns", {}, name="Host.lan host"))
    made.put_endpoint(endpoint(5, bridge_network(), container_id="5" * 64))
    yield made
    made.close()


@pytest.fixture
async def resolver(store: Store) -> AsyncIterator[Resolver]:
    made = Resolver(Directory(store, lambda one: {"2" * 64: "Box"}.get(one, "")))
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("name", "count"),
    [("box", 1), ("db", 2), ("data", 1), ("2" * 12, 1), ("box.mine", 1), ("db.mine", 2), ("host", 1), ("host.lan", 1)],
)
async def test_neighbours_are_known_by_name_alias_and_id(resolver: Resolver, name: str, count: int) -> None:
    assert code_and_count(await resolver.answer("1" * 64, ask(name), outside)) == (0, count)


async def test_strangers_are_not_known(resolver: Resolver) -> None:
    assert await resolver.answer("5" * 64, ask("box"), outside) == b"outside"
    assert await resolver.answer("1" * 64, ask("5" * 12), outside) == b"outside"


async def test_a_known_name_is_never_asked_outside_for_ipv6(resolver: Resolver) -> None:
    assert code_and_count(await resolver.answer("1" * 64, ask("box", 28), outside)) == (0, 0)


async def test_a_neighbours_address_has_a_name(resolver: Resolver) -> None:
    answered = await resolver.answer("1" * 64, ask("3.0.8.10.in-addr.arpa", 12), outside)
    assert answered.endswith(b"\x03Box\x04mine\x00")
    assert await resolver.answer("1" * 64, ask("1.1.1.1.in-addr.arpa", 12), outside) == b"outside"


async def test_from_an_internal_network_nobody_is_asked_outside(resolver: Resolver) -> None:
    assert code_and_count(await resolver.answer("4" * 64, ask("example.org"), outside)) == (2, 0)


@pytest.mark.parametrize(
    "message",
    [
        b"nonsense, and a secret",
        struct.pack("!6H", 7, 0x0100, 2, 0, 0, 0) + ask("a.example")[12:] + ask("b.example")[12:],
        struct.pack("!6H", 7, 0x2800, 1, 0, 0, 0) + ask("secret.example")[12:],
        ask("secret.example")[:-2] + b"\0\3",
        struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"\0\0\2\0\1",
    ],
)
async def test_nor_is_anybody_told_what_is_no_question(resolver: Resolver, message: bytes) -> None:
    """An update, another class, two questions, the root: each could carry a secret out (CVE-2024-29018)."""

    async def told(message: bytes) -> bytes:
        raise AssertionError("a message left an internal network")

    answered = await resolver.answer("4" * 64, message, told)
    assert answered == b"" or answered[3] & 0xF == 5
    assert await resolver.answer("1" * 64, message, outside) == b"outside", "as it is, from any other network"


async def test_a_name_without_a_dot_stays_at_home_where_ndots_says_so(resolver: Resolver) -> None:
    for name, kind, expected in (("www", 1, (0, 0)), ("www", 28, (0, 0)), ("db", 1, (0, 2))):
        answered = await resolver.answer("1" * 64, ask(name, kind), outside, keeps_single_names=True)
        assert code_and_count(answered) == expected
    assert await resolver.answer("1" * 64, ask("a.b"), outside, keeps_single_names=True) == b"outside"
    assert await resolver.answer("1" * 64, ask("www", 15), outside, keeps_single_names=True) == b"outside"


async def test_a_server_that_does_not_answer_is_a_failure(resolver: Resolver) -> None:
    async def silent(message: bytes) -> bytes:
        raise TimeoutError

    assert code_and_count(await resolver.answer("1" * 64, ask("example.org"), silent)) == (2, 0)
    assert await resolver.answer("1" * 64, b"nonsense", silent) == b""


async def test_it_answers_by_datagram_and_by_stream_until_it_is_stopped(resolver: Resolver) -> None:
    sockets = DnsSockets(
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK), socket.create_server(("127.0.0.1", 0))
    )
    sockets.datagrams.bind(("127.0.0.1", 0))
    sockets.streams.setblocking(False)
    by_datagram, by_stream = sockets.datagrams.getsockname(), sockets.streams.getsockname()
    await resolver.serve("1" * 64, sockets, ["127.0.0.1"])
    assert resolver.is_serving("1" * 64)

    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as asking:
        await loop.sock_connect(asking, by_datagram)
        await loop.sock_sendall(asking, ask("db"))
        assert code_and_count(await asyncio.wait_for(loop.sock_recv(asking, 512), 5)) == (0, 2)

    reader, writer = await asyncio.open_connection(*by_stream)
    message = ask("box")
    writer.write(len(message).to_bytes(2, "big") + message)
    length = int.from_bytes(await asyncio.wait_for(reader.readexactly(2), 5), "big")
    assert code_and_count(await reader.readexactly(length)) == (0, 1)
    writer.close()
    await writer.wait_closed()

    idle = [await asyncio.open_connection(*by_stream) for _ in range(33)]
    refused = [asyncio.ensure_future(reader.read()) for reader, _ in idle]
    done, _ = await asyncio.wait(refused, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    assert done, "descriptors are not the client's to use up"

    await resolver.stop("1" * 64)
    await resolver.stop("1" * 64)
    assert sockets.datagrams.fileno() == -1
    assert await asyncio.wait_for(asyncio.gather(*refused), 30) == [b""] * 33, "who was connected hears of it"
    for _, writer in idle:
        writer.close()
        await writer.wait_closed()
