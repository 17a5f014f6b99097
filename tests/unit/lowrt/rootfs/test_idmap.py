"""Id maps as text, and namespaces by path."""

import os

import pytest

from lowrt.errors import Fault
from lowrt.rootfs.idmap import Mapping, map_lines


def test_maps_are_written_a_line_each() -> None:
    maps = [{"containerID": 0, "hostID": 1000, "size": 1}, {"containerID": 1, "hostID": 5000, "size": 10}]
    assert map_lines(maps) == "0 1000 1\n1 5000 10\n"


def test_a_mount_that_cannot_be_mapped_is_told() -> None:
    fd = os.open("/", os.O_PATH)
    try:
        with pytest.raises(Fault, match="failed to set MOUNT_ATTR_IDMAP"):
            Mapping("/proc/self/ns/user", [], []).apply(fd, recursive=False)
        with pytest.raises(FileNotFoundError):
            Mapping("/nowhere", [], []).apply(fd, recursive=False)
    finally:
        os.close(fd)
