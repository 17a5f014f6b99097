"""The checks, and that their words are runc's."""

from pathlib import Path

import pytest

from lowrt.spec.model import Spec, SpecError
from lowrt.spec.validate import validate

ALL = [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]


def spec_of(tmp_path: Path, document: dict[str, object], linux: dict[str, object] | None = None) -> Spec:
    """A valid configuration, changed."""
    root = tmp_path / "rootfs"
    root.mkdir(exist_ok=True)
    base: dict[str, object] = {"root": {"path": str(root)}, "linux": {"namespaces": ALL} | (linux or {})}
    return Spec(base | document, str(tmp_path))


def refused(spec: Spec) -> str:
    with pytest.raises(SpecError) as caught:
        validate(spec)
    return str(caught.value)


def test_a_plain_configuration_is_fine(tmp_path: Path) -> None:
    validate(spec_of(tmp_path, {"hostname": "box"}))


def test_the_root_must_be_given_exist_and_not_be_a_symlink(tmp_path: Path) -> None:
    assert refused(spec_of(tmp_path, {"root": None})) == "root must be specified"
    missing = refused(spec_of(tmp_path, {"root": {"path": "/nowhere/at/all"}}))
    assert missing == "invalid rootfs: stat /nowhere/at/all: no such file or directory"
    (tmp_path / "link").symlink_to(tmp_path / "rootfs")
    linked = refused(spec_of(tmp_path, {"root": {"path": str(tmp_path / "link")}}))
    assert linked == "invalid rootfs: not an absolute path, or a symlink"


@pytest.mark.parametrize("field", ["hostname", "domainname"])
def test_names_need_a_uts_namespace(tmp_path: Path, field: str) -> None:
    spec = spec_of(tmp_path, {field: "box"}, {"namespaces": [{"type": "mount"}]})
    assert refused(spec) == f"unable to set {field} without a private UTS namespace"


def test_masked_paths_need_a_mount_namespace(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, {}, {"namespaces": [], "maskedPaths": ["/proc/kcore"]})
    assert refused(spec) == "unable to restrict sys entries without a private MNT namespace"


def test_unified_needs_cgroup_v2(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, {}, {"resources": {"unified": {"memory.high": "1"}}})
    assert refused(spec) == "invalid configuration: cannot use unified on cgroup v1"
    validate(spec, cgroup2=True)


@pytest.mark.parametrize(
    ("mount", "words"),
    [
        (
            {"destination": "/a", "options": ["bind", "size=1"]},
            "bind mounts cannot have any filesystem-specific options",
        ),
        ({"destination": "/a", "type": "tmpfs", "options": ["idmap"]}, "only supported for bind-mounts"),
        ({"destination": "/a", "options": ["bind", "idmap"]}, "must have both uid and gid mappings specified"),
        ({"destination": "/a"}, "type must be specified"),
        ({"destination": ""}, "destination must not be empty"),
    ],
)
def test_impossible_mounts_are_refused(tmp_path: Path, mount: dict[str, object], words: str) -> None:
    assert words in refused(spec_of(tmp_path, {"mounts": [mount]}))


@pytest.mark.parametrize(
    ("process", "words"),
    [
        ({"scheduler": {}}, "scheduler policy is required"),
        ({"scheduler": {"policy": "SCHED_OTHER", "nice": 20}}, "invalid scheduler.nice: 20"),
        ({"scheduler": {"policy": "SCHED_OTHER", "priority": 1}}, "can only be specified for SchedFIFO or SchedRR"),
        ({"scheduler": {"policy": "SCHED_FIFO", "runtime": 1}}, "only be specified for SchedDeadline policy"),
        ({"scheduler": {"policy": "SCHED_LAZY"}}, "invalid scheduler policy"),
        ({"ioPriority": {"priority": 8}}, "invalid ioPriority.Priority: 8"),
        ({"ioPriority": {"priority": 1, "class": "FAST"}}, 'invalid ioPriority.Class: "FAST"'),
    ],
)
def test_impossible_scheduling_is_refused(tmp_path: Path, process: dict[str, object], words: str) -> None:
    assert words in refused(spec_of(tmp_path, {"process": process}))


@pytest.mark.parametrize(
    ("linux", "words"),
    [
        ({"devices": [{"type": "q", "path": "/dev/q"}]}, 'invalid device type "q"'),
        ({"resources": {"devices": [{"allow": True}]}}, "device access at 0 field cannot be empty"),
        ({"resources": {"devices": [{"access": "rx"}]}}, 'invalid device access "rx"'),
        ({"rootfsPropagation": "open"}, "rootfsPropagation=open is not supported"),
        ({"personality": {"domain": "LINUX64"}}, "invalid personality domain LINUX64"),
        ({"personality": {"domain": "LINUX", "flags": ["X"]}}, "personality flags are not supported"),
        ({"intelRdt": {"closID": "a"}}, "intelRdt is specified in config, but Intel RDT is not enabled"),
        ({"netDevices": {"a/b": {}}}, 'invalid network device name "a/b"'),
        ({"netDevices": {"eth1": {"name": "x" * 16}}}, f'invalid network device name "{"x" * 16}"'),
        ({"mountLabel": "x"}, "selinux is disabled or not supported"),
    ],
)
def test_impossible_linux_settings_are_refused(tmp_path: Path, linux: dict[str, object], words: str) -> None:
    assert words in refused(spec_of(tmp_path, {}, linux))


def test_what_is_only_odd_is_a_warning(tmp_path: Path) -> None:
    spec = spec_of(
        tmp_path,
        {"mounts": [{"destination": "a", "type": "tmpfs"}]},
        {"resources": {"memory": {"kernel": 1}}},
    )
    warnings: list[str] = []
    validate(spec, warn=warnings.append)
    assert "mount destination a is not absolute" in warnings[0]
    assert warnings[1] == "Kernel memory settings are ignored and will be removed"
