"""Stores of one's own, for the services on top of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.core.collection import CollectionStats
from supervisor.metadata.db import Database
from tests.fakes.grpc_context import Context
from tests.fakes.supervisor_events import RecordingExchange


class CountingCollector:
    """A Collector that only counts."""

    def __init__(self) -> None:
        self.runs = 0

    async def collect(self) -> CollectionStats:
        self.runs += 1
        return CollectionStats()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    one = Database(str(tmp_path / "meta" / "meta.db"))
    yield one
    one.close()


@pytest.fixture
def exchange() -> RecordingExchange:
    return RecordingExchange()


@pytest.fixture
def collector() -> CountingCollector:
    return CountingCollector()


@pytest.fixture
def context() -> Context:
    return Context("ns")
