"""Whether overlays can be mounted, found out by trying."""

import os
from pathlib import Path

from proto.errdefs import Fault
from supervisor.snapshots import support


def test_the_answer_leaves_nothing_behind(tmp_path: Path) -> None:
    """With or without the right to mount."""
    fault = support.overlay_fault(str(tmp_path / "o"))
    assert fault is None or str(fault).startswith("failed to mount overlay: ")
    assert os.listdir(tmp_path / "o") == []
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


def test_a_file_system_that_cannot_is_told_with_its_reason(tmp_path: Path) -> None:
    """Here a name that the mount option cannot have: a colon parts lower folders."""
    fault = support.overlay_fault(str(tmp_path / ("x" * 200 + ":" + "y" * 40)))
    assert isinstance(fault, Fault)
