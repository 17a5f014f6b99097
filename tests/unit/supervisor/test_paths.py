"""Where things are kept."""

import os
import stat
from pathlib import Path

from supervisor.paths import Paths


def test_root_is_closed_and_state_passable(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path / "root"), str(tmp_path / "state"))
    paths.create()
    assert stat.S_IMODE(os.stat(paths.root).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(paths.state).st_mode) == 0o711


def test_folders_have_containerds_names() -> None:
    paths = Paths("/r", "/s")
    assert paths.content == "/r/io.containerd.content.v1.content"
    assert paths.snapshotter("overlayfs") == "/r/io.containerd.snapshotter.v1.overlayfs"
    assert paths.bundles == "/s/io.containerd.runtime.v2.task"
    assert paths.work == "/r/io.containerd.runtime.v2.task"
