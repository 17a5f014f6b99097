"""Looking at paths inside a root."""

import os
import stat
from pathlib import Path

import pytest

from engine.containers import archive
from engine.containers.live import Live
from proto.errdefs import NotFound
from tests.fakes.engine_room import container


def test_modes_are_gos() -> None:
    assert archive.go_mode(stat.S_IFREG | 0o644) == 0o644
    assert archive.go_mode(stat.S_IFDIR | 0o755) == 1 << 31 | 0o755
    assert archive.go_mode(stat.S_IFLNK | 0o777) == 1 << 27 | 0o777
    assert archive.go_mode(stat.S_IFCHR | stat.S_ISVTX) == 1 << 26 | 1 << 21 | 1 << 20


def test_the_last_link_is_shown_unless_a_slash_follows(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "l").symlink_to("d")
    root = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    live = Live(container())
    found = archive.look(root, "/l", live)
    assert (found.name, found.link_target, bool(found.mode & 1 << 27)) == ("l", "/d", True)
    assert archive.look(root, "/l/", live).mode & 1 << 31
    assert archive.look(root, "/../../d", live).path == "/d"
    with pytest.raises(NotFound, match="Could not find the file /zz in container web"):
        archive.look(root, "/zz", live)
    os.close(root)


async def test_a_tar_streams(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("abc")
    root = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    data = b"".join([chunk async for chunk in archive.tar(root, "/f", "f")])
    os.close(root)
    assert b"abc" in data
