"""One bundle per test, and proof that nothing stays behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.lowrt.environment import Bundle, cgroup_folders


@pytest.fixture
def bundle(tmp_path: Path) -> Iterator[Bundle]:
    bundle = Bundle(tmp_path / "bundle")
    yield bundle
    left = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(tmp_path) in line]
    assert not left, left
    assert not cgroup_folders(bundle.cgroup)
