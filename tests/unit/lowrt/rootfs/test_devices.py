"""Which nodes, and which /dev/null is one."""

import os
import stat
from pathlib import Path

from lowrt.rootfs.devices import SetUpDev, is_null, nodes_of
from lowrt.spec.model import Spec


def test_the_default_nodes_are_always_there() -> None:
    nodes = nodes_of(Spec({}, "/"))
    assert [node.path for node in nodes] == [f"/dev/{n}" for n in ("null", "random", "full", "tty", "zero", "urandom")]
    assert nodes[0].number == os.makedev(1, 3)
    assert nodes[0].mode == stat.S_IFCHR | 0o666


def test_the_specification_overrides_and_adds() -> None:
    devices = [
        {"path": "/dev//null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o20600, "uid": 5, "gid": 6},
        {"path": "/dev/pipe", "type": "p"},
        {"path": "/dev/disk/a", "type": "b", "major": 8, "minor": 0},
        {"path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2},
    ]
    nodes = {node.path: node for node in nodes_of(Spec({"linux": {"devices": devices}}, "/"))}
    assert (nodes["/dev/null"].mode, nodes["/dev/null"].uid, nodes["/dev/null"].gid) == (stat.S_IFCHR | 0o600, 5, 6)
    assert (nodes["/dev/pipe"].mode, nodes["/dev/pipe"].number) == (stat.S_IFIFO | 0o666, 0)
    assert stat.S_ISBLK(nodes["/dev/disk/a"].mode)
    assert "/dev/ptmx" not in nodes
    assert list(nodes).count("/dev/null") == 1


def test_the_operation_says_how_nodes_come_about() -> None:
    operation = SetUpDev(nodes_of(Spec({}, "/")), bind=True, verify=False, kcore=False)
    assert operation.describe().startswith("bind devices /dev/null ")


def test_only_the_null_device_is_null(tmp_path: Path) -> None:
    assert is_null(os.stat("/dev/null"))
    assert not is_null(os.stat("/dev/zero"))
    assert not is_null(os.stat(tmp_path))
