"""Folders."""

import os
import stat
from pathlib import Path

from engine.paths import Paths


def test_folders_are_made_closed_to_others(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path / "d"), str(tmp_path / "e"))
    paths.make()
    paths.make()
    assert stat.S_IMODE(os.stat(paths.data_root).st_mode) & 0o007 == 0
    assert os.path.isdir(paths.netns)


def test_a_containers_files_are_its_own() -> None:
    files = Paths("/d", "/e").container("abc")
    assert files.log == "/d/containers/abc/abc-json.log"
    assert files.attach_socket == "/e/containers/abc/attach.sock"
    assert files.fifo("init", "stdin") == "/e/containers/abc/init-stdin"
