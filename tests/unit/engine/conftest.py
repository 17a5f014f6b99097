"""A bench per test: the containers' room over fakes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.fakes.engine_room import Bench


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Closed at the end."""
    made = Bench(tmp_path)
    yield made
    await made.close()
