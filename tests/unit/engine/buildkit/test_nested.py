"""A session inside of a call: the client's health is asked for through it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.buildkit import nested
from engine.buildkit.sessions import Sessions
from proto.buildkit.services.control_pb2 import BytesMessage
from proto.errdefs import InvalidArgument

ABOUT = (
    ("x-docker-expose-session-uuid", "one"),
    ("x-docker-expose-session-grpc-method", "/a/B"),
    ("x-docker-expose-session-grpc-method", "/a/C"),
)


async def test_bytes_go_both_ways_until_the_client_ends() -> None:
    sessions, ended = Sessions(), asyncio.Event()

    async def coming() -> AsyncIterator[BytesMessage]:
        yield BytesMessage(data=b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        await ended.wait()

    call = nested.join(sessions, ABOUT, coming())
    assert (await anext(call)).data.startswith(b"PRI * HTTP/2.0")
    caller = await sessions.get("one")
    assert caller.supports("/a/b")
    assert caller.supports("/a/C")
    ended.set()
    async for _ in call:
        pass
    assert caller.closed.is_set()
    sessions.require_free("one")


async def test_without_an_id_there_is_none() -> None:
    async def coming() -> AsyncIterator[BytesMessage]:
        yield BytesMessage()

    with pytest.raises(InvalidArgument):
        async for _ in nested.join(Sessions(), (), coming()):
            pass
