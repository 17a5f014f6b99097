"""A database of one's own, and the exchange that remembers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.metadata.db import Database
from tests.fakes.supervisor_events import RecordingExchange


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    one = Database(str(tmp_path / "meta" / "meta.db"))
    yield one
    one.close()


@pytest.fixture
def exchange() -> RecordingExchange:
    return RecordingExchange()
