"""A server and a channel to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from engine.supervisor_client.channel import Channel
from tests.fakes.engine_supervisor import FakeSupervisor


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[FakeSupervisor]:
    """Started."""
    made = FakeSupervisor()
    await made.start(tmp_path)
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def channel(server: FakeSupervisor) -> Channel:
    """To the server."""
    assert server.channel is not None
    return server.channel
