"""A context that comes by a request of its own meets the build that waits for it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.buildkit.uploads import Uploads
from proto.errdefs import AlreadyExists, NotFound


async def _body() -> AsyncIterator[bytes]:
    yield b"a"
    yield b"b"


async def test_the_build_may_come_first() -> None:
    uploads = Uploads()
    taking = asyncio.create_task(uploads.take("x"))
    await asyncio.sleep(0)
    offering = asyncio.create_task(uploads.offer("x", _body()))
    upload = await taking
    assert b"".join([piece async for piece in upload.body]) == b"ab"
    assert not offering.done()
    upload.done.set()
    await offering


async def test_the_upload_may_come_first_and_there_is_one_of_it() -> None:
    uploads = Uploads()
    offering = asyncio.create_task(uploads.offer("x", _body()))
    await asyncio.sleep(0)
    with pytest.raises(AlreadyExists):
        await uploads.offer("x", _body())
    (await uploads.take("x")).done.set()
    await offering


async def test_a_build_without_an_upload_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.buildkit.uploads._PATIENCE", 0.01)
    with pytest.raises(NotFound, match="no context was uploaded"):
        await Uploads().take("x")
