"""The laboratory, empty but for an outside, or as a whole town; nothing of either stays."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import network_lab
from tests.network_lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path)
    yield made
    made.close()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Lab]:
    made = network_lab.town(tmp_path)
    yield made
    made.close()
