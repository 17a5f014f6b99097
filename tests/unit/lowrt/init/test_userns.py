"""Id maps."""

import os
from pathlib import Path

import pytest

from lowrt.errors import Fault
from lowrt.init import userns


def test_a_map_is_a_line_each() -> None:
    mappings = [{"containerID": 0, "hostID": 1000, "size": 1}, {"containerID": 1, "hostID": 100000, "size": 65536}]
    assert userns.format_map(mappings) == "0 1000 1\n1 100000 65536\n"
    assert userns.format_map([]) == ""


def test_what_the_kernel_refuses_is_told_with_the_file() -> None:
    """Our own namespace has its map already."""
    with pytest.raises(Fault, match=rf"failed to update /proc/{os.getpid()}/uid_map: operation not permitted"):
        userns._write(os.getpid(), "uid_map", "0 0 1\n")


def test_the_setuid_helper_is_not_needed_for_ones_own_id() -> None:
    assert not userns._run_tool("newuidmap", os.getpid(), [{"containerID": 0, "hostID": 1000, "size": 1}])


def test_a_missing_helper_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert not userns._run_tool("newuidmap", os.getpid(), [{"size": 2}, {"size": 3}])


def test_groups_are_kept_where_a_helper_maps_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "newgidmap").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    own, more = {"containerID": 0, "hostID": 1000, "size": 1}, {"containerID": 1, "hostID": 100000, "size": 9}
    assert userns.keeps_groups([own, more])
    assert not userns.keeps_groups([own])
    monkeypatch.setenv("PATH", "/nonexistent")
    assert not userns.keeps_groups([own, more])
