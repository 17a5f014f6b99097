"""Mounts and namespaces from outside, as criu is told of them."""

import os
from pathlib import Path
from typing import Any

import pytest

from lowrt.checkpoint import external
from lowrt.checkpoint.external import Mount
from lowrt.errors import Fault
from lowrt.spec.model import Spec

Json = dict[str, Any]
BIND: Json = {"destination": "/data/", "source": "data", "options": ["rbind"]}
CGROUP: Json = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}
PATHS = {"pids": "/sys/fs/cgroup/pids/box", "": "/sys/fs/cgroup/unified/box"}


def spec_of(mounts: list[Json] = [], namespaces: list[Json] = [], **linux: Any) -> Spec:  # noqa: B006 only read
    return Spec({"root": {"path": "rootfs"}, "mounts": mounts, "linux": {"namespaces": namespaces, **linux}}, "/bundle")


def pairs(mounts: list[Mount]) -> list[tuple[str, str]]:
    return [(mount.place, mount.source) for mount in mounts]


def test_bind_mounts_are_external_and_file_systems_are_not() -> None:
    spec = spec_of([{"destination": "/proc", "type": "proc"}, BIND])
    assert pairs(external.external_mounts(spec, {}, unified=False)) == [("/data", "/bundle/data")]


def test_cgroups_of_v1_are_a_bind_mount_per_hierarchy() -> None:
    found = external.external_mounts(spec_of([CGROUP]), PATHS, unified=False)
    assert pairs(found) == [("/sys/fs/cgroup/pids", "/sys/fs/cgroup/pids/box")]


@pytest.mark.parametrize(("unified", "namespaces"), [(True, []), (False, [{"type": "cgroup"}])])
def test_real_cgroup_mounts_are_dumped(unified: bool, namespaces: list[Json]) -> None:
    assert external.external_mounts(spec_of([CGROUP], namespaces), PATHS, unified=unified) == []


def test_places_follow_links_of_the_image(tmp_path: Path) -> None:
    (tmp_path / "real" / "conf").mkdir(parents=True)
    (tmp_path / "conf").symlink_to("/real/conf")
    (tmp_path / "out").symlink_to("../../../../..")
    mounts = [Mount("/conf", "/a"), Mount("/conf/not/there", "/b"), Mount("/out/etc-of-nobody", "/c")]
    places = ["/real/conf", "/real/conf/not/there", "/etc-of-nobody"]
    assert external.dumped(mounts, str(tmp_path)) == [{"key": place, "val": place} for place in places]
    assert external.restored(mounts, str(tmp_path)) == [
        {"key": place, "val": source} for place, source in zip(places, ("/a", "/b", "/c"), strict=True)
    ]


def test_masked_files_come_from_outside_and_masked_directories_do_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    paths = [f"{tmp_path}/file", str(tmp_path), f"{tmp_path}/missing", f"{tmp_path}/file/below"]
    assert external.dumped_masks(paths, os.getpid()) == [{"key": f"{tmp_path}/file", "val": "/dev/null"}]
    assert external.restored_masks(paths) == [{"key": "/dev/null", "val": "/dev/null"}]
    assert external.restored_masks([]) == []


def test_device_nodes_may_be_mounts() -> None:
    assert ("/dev/null", "/dev/null") in pairs(external.device_mounts(spec_of()))


def test_namespaces_joined_by_path_are_external_with_runcs_keys() -> None:
    spec = spec_of(namespaces=[{"type": "network", "path": "/n"}, {"type": "pid", "path": "/p"}, {"type": "ipc"}])
    numbers = {kind: os.stat(f"/proc/self/ns/{kind}").st_ino for kind in ("net", "pid")}
    assert external.dumped_namespaces(spec, os.getpid()) == [
        f"net[{numbers['net']}]:extRootNetNS",
        f"pid[{numbers['pid']}]:extRootPidNS",
    ]


def test_a_restore_inherits_some_and_joins_others() -> None:
    namespaces = [
        {"type": "network", "path": "/proc/self/ns/net"},
        {"type": "mount"},
        {"type": "uts", "path": "/u"},
        {"type": "pid", "path": "/proc/self/ns/pid"},
    ]
    opened: list[int] = []
    try:
        told = external.restored_namespaces(spec_of(namespaces=namespaces), 4, opened)
        assert told["inherit_fd"] == [{"key": "extRootNetNS", "fd": 4}, {"key": "extRootPidNS", "fd": 5}]
        assert told["join_ns"] == [{"ns": "uts", "ns_file": "/u"}]
        assert [os.readlink(f"/proc/self/fd/{fd}").partition(":")[0] for fd in opened] == ["net", "pid"]
    finally:
        for fd in opened:
            os.close(fd)


@pytest.mark.parametrize(
    ("namespace", "error"),
    [
        ({"type": "network", "path": "/nowhere"}, "Requested network namespace /nowhere does not exist"),
        ({"type": "cgroup", "path": "/c"}, "Do not know how to handle namespace cgroup"),
    ],
)
def test_a_namespace_that_cannot_be_had_is_named(namespace: Json, error: str) -> None:
    with pytest.raises(Fault, match=error):
        external.restored_namespaces(spec_of(namespaces=[namespace]), 4, [])


def test_an_old_criu_is_refused_for_a_joined_namespace() -> None:
    spec = spec_of(namespaces=[{"type": "pid", "path": "/p"}])
    external.check_version(spec, 31500, "checkpointing process")
    with pytest.raises(Fault, match="criu lacks support for external pid namespace during checkpointing process"):
        external.check_version(spec, 31400, "checkpointing process")
