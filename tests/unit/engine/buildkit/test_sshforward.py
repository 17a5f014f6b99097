"""Connections to a client's agent."""

import asyncio
from pathlib import Path

import pytest

from engine.buildkit import sshforward
from proto.buildkit.services.ssh_pb2_grpc import add_SSHServicer_to_server
from proto.errdefs import NotFound
from tests.fakes.buildkit_session import Agent, session


async def test_two_connections_each_have_a_way_of_their_own(tmp_path: Path) -> None:
    tasks: set[asyncio.Task[None]] = set()
    async with session(tmp_path, lambda server: add_SSHServicer_to_server(Agent(), server)) as caller:
        assert await sshforward.has_agent(caller, "default")
        assert not await sshforward.has_agent(caller, "other")
        first, second = [await sshforward.agent(caller, "default", tasks) for _ in range(2)]
        assert await first.stream.write_out(b"abc")
        assert await second.stream.write_out(b"xyz")
        assert await second.stream.reader.readexactly(3) == b"zyx"
        assert await first.stream.reader.readexactly(3) == b"cba"
        first.ended.set()
        second.ended.set()
        await asyncio.gather(*tasks)
    assert not tasks


async def test_an_agent_that_goes_is_the_end_of_its_connections(tmp_path: Path) -> None:
    tasks: set[asyncio.Task[None]] = set()
    async with session(tmp_path, lambda server: add_SSHServicer_to_server(Agent(), server)) as caller:
        waiting = await sshforward.agent(caller, "default", tasks)
        caller.close()
        assert await waiting.stream.reader.read() == b""
        assert not await waiting.stream.write_out(b"late")
        waiting.ended.set()
        await asyncio.gather(*tasks)


async def test_a_client_without_an_agent_lends_none(tmp_path: Path) -> None:
    async with session(tmp_path) as caller:
        caller._methods.clear()
        assert not await sshforward.has_agent(caller, "default")
        with pytest.raises(NotFound, match="--ssh"):
            await sshforward.agent(caller, "default", set())
