"""A folder to unpack into, as mounts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.core.digests import Descriptor
from supervisor.core.snapshots import Mount
from supervisor.diff.apply import apply_tar


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


@pytest.fixture
def unpack(target: Path) -> Callable[[bytes], Descriptor]:
    return lambda data: apply_tar(iter([data]), [Mount("bind", str(target), ("rbind", "rw"))])
