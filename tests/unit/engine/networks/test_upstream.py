"""The servers outside: asked in turn, until one helps."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from engine.networks.upstream import Upstream

ASKED = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + b"\x01a\0" + struct.pack("!HH", 1, 1)


def answered(code: int, message: bytes = ASKED) -> bytes:
    return message[:2] + struct.pack("!H", 0x8180 | code) + message[4:]


class Servers:
    """Datagram servers on one port and several addresses of the loopback."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[str] = []
        self._sockets: list[socket.socket] = []

    def add(self, address: str, reply: Callable[[bytes], list[bytes]]) -> None:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        made.bind((address, self.port))
        self.port = made.getsockname()[1]
        self._sockets.append(made)

        def read() -> None:
            message, caller = made.recvfrom(65535)
            self.asked.append(address)
            for one in reply(message):
                made.sendto(one, caller)

        asyncio.get_running_loop().add_reader(made, read)

    def close(self) -> None:
        for one in self._sockets:
            asyncio.get_running_loop().remove_reader(one)
            one.close()


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    made = Servers()
    yield made
    made.close()


@pytest.mark.parametrize("code", [2, 5])
async def test_one_that_fails_or_refuses_is_followed_by_the_next(servers: Servers, code: int) -> None:
    servers.add("127.0.0.81", lambda message: [answered(code)])
    servers.add("127.0.0.82", lambda message: [answered(3)])
    found = await Upstream(["127.0.0.81", "127.0.0.82"], port=servers.port, patience=30).by_datagram(ASKED)
    assert found == answered(3), "that there is no such name helps"
    assert servers.asked == ["127.0.0.81", "127.0.0.82"]


async def test_where_all_refuse_so_do_we(servers: Servers) -> None:
    servers.add("127.0.0.81", lambda message: [answered(5)])
    assert await Upstream(["127.0.0.81"], port=servers.port, patience=30).by_datagram(ASKED) == answered(5)


async def test_a_silent_one_is_followed_and_three_are_asked_at_most(servers: Servers) -> None:
    for number in (81, 82, 83, 84):
        servers.add(f"127.0.0.{number}", lambda message: [])
    upstream = Upstream([f"127.0.0.{number}" for number in (81, 82, 83, 84)], port=servers.port, patience=0.05)
    with pytest.raises(TimeoutError):
        await upstream.by_datagram(ASKED)
    assert servers.asked == ["127.0.0.81", "127.0.0.82", "127.0.0.83"]
    with pytest.raises(OSError, match="no server to ask"):
        await Upstream([]).by_datagram(ASKED)


async def test_what_is_not_the_answer_is_waited_past_and_a_long_one_comes_whole(servers: Servers) -> None:
    long = answered(0) + bytes(9000)
    servers.add("127.0.0.81", lambda message: [b"x", answered(0, b"\0\1" + message[2:]), ASKED, long])
    assert await Upstream(["127.0.0.81"], port=servers.port, patience=30).by_datagram(ASKED) == long


@pytest.mark.parametrize(("sent", "helps"), [(answered(0), True), (ASKED, False), (b"", False)])
async def test_by_stream(sent: bytes, helps: bool) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(2 + len(ASKED)) == len(ASKED).to_bytes(2, "big") + ASKED
        if sent:
            writer.write(len(sent).to_bytes(2, "big") + sent)
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.81", 0)
    async with server:
        upstream = Upstream(["127.0.0.81"], port=server.sockets[0].getsockname()[1], patience=30)
        if helps:
            assert await upstream.by_stream(ASKED) == sent
        else:
            with pytest.raises(OSError, match="answers something else|hung up"):
                await upstream.by_stream(ASKED)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(server.wait_closed(), 30)
