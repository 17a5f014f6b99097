"""First content."""

import os
import struct
from pathlib import Path

import pytest

from engine.volumes.copy_up import copy_up
from tests import needs


def test_a_tree_is_copied_links_and_all(tmp_path: Path) -> None:
    source, target = tmp_path / "root" / "data", tmp_path / "volume"
    (source / "sub").mkdir(parents=True)
    target.mkdir()
    (source / "sub" / "f").write_text("x")
    (source / "sub" / "f").chmod(0o640)
    (source / "link").symlink_to("/etc/passwd")
    copy_up(str(tmp_path / "root"), "/data", str(target))
    assert (target / "sub" / "f").read_text() == "x"
    assert (target / "sub" / "f").stat().st_mode & 0o777 == 0o640
    assert os.readlink(target / "link") == "/etc/passwd"


def test_a_path_cannot_leave_the_root(tmp_path: Path) -> None:
    (tmp_path / "root" / "etc").mkdir(parents=True)
    (tmp_path / "root" / "etc" / "mine").write_text("x")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "theirs").write_text("x")
    target = tmp_path / "volume"
    target.mkdir()
    copy_up(str(tmp_path / "root"), "/../etc", str(target))
    assert os.listdir(target) == ["mine"]


def test_a_volume_with_content_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "root" / "d").mkdir(parents=True)
    (tmp_path / "root" / "d" / "new").write_text("x")
    target = tmp_path / "volume"
    target.mkdir()
    (target / "old").write_text("y")
    copy_up(str(tmp_path / "root"), "/d", str(target))
    assert os.listdir(target) == ["old"]


@needs.root
def test_a_programs_capabilities_come_along_with_its_owner(tmp_path: Path) -> None:
    """chown(2) would take them away."""
    capability = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)  # version 2, effective: cap_net_bind_service
    (tmp_path / "root" / "d").mkdir(parents=True)
    program = tmp_path / "root" / "d" / "program"
    program.touch()
    os.chown(program, 7, 8)
    try:
        os.setxattr(program, "security.capability", capability)
    except OSError:
        pytest.skip("the file system has no capabilities")
    target = tmp_path / "volume"
    target.mkdir()
    copy_up(str(tmp_path / "root"), "/d", str(target))
    made = target / "program"
    assert (made.stat().st_uid, made.stat().st_gid) == (7, 8)
    assert os.getxattr(made, "security.capability") == capability
