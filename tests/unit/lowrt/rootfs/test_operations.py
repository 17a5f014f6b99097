"""Flags on their way into the kernel."""

import pytest

from lowrt.linux import mount as m
from lowrt.rootfs.operations import BindMount, MountFilesystem, Operation, attributes_of, split_data
from lowrt.rootfs.target import MountError
from lowrt.spec.mount_options import parse

CLEARABLE = (
    m.MOUNT_ATTR_RDONLY | m.MOUNT_ATTR_NOSUID | m.MOUNT_ATTR_NODEV | m.MOUNT_ATTR_NOEXEC | m.MOUNT_ATTR_NOSYMFOLLOW
)


@pytest.mark.parametrize(
    ("flags", "attr_set", "attr_clear"),
    [
        (0, 0, CLEARABLE),
        (m.MS_RDONLY, m.MOUNT_ATTR_RDONLY, CLEARABLE & ~m.MOUNT_ATTR_RDONLY),
        (m.MS_NOATIME, m.MOUNT_ATTR_NOATIME, CLEARABLE | m.MOUNT_ATTR__ATIME | m.MOUNT_ATTR_NODIRATIME),
        (m.MS_RELATIME, 0, CLEARABLE | m.MOUNT_ATTR__ATIME | m.MOUNT_ATTR_NODIRATIME),
        (
            m.MS_STRICTATIME | m.MS_NODIRATIME,
            m.MOUNT_ATTR_STRICTATIME | m.MOUNT_ATTR_NODIRATIME,
            CLEARABLE | m.MOUNT_ATTR__ATIME,
        ),
    ],
)
def test_a_bind_mount_gets_the_flags_asked_for_and_no_others(flags: int, attr_set: int, attr_clear: int) -> None:
    assert attributes_of(flags) == (attr_set, attr_clear)


@pytest.mark.parametrize(
    ("fstype", "destination", "late"), [("tmpfs", "/run", True), ("ext4", "/dev", True), ("proc", "/proc", False)]
)
def test_what_is_still_to_be_filled_is_mounted_writable(fstype: str, destination: str, late: bool) -> None:
    operation = MountFilesystem(fstype, "x", destination, parse(["ro", "nosuid"]))
    assert operation.flags == m.MS_NOSUID | (0 if late else m.MS_RDONLY)


def test_a_bind_source_that_is_not_there_is_told_as_dockers_users_know_it() -> None:
    operation = BindMount("/nowhere", "/data", parse(["bind"]))
    with pytest.raises(MountError) as caught:
        operation.open_source()
    assert str(caught.value) == (
        'error mounting "/nowhere" to rootfs at "/data": open_tree /nowhere: no such file or directory'
    )


def test_a_comma_in_a_label_divides_no_options() -> None:
    data = 'mode=755,context="system_u:object_r:t:s0:c1,c2",size=1m'
    assert split_data(data) == ["mode=755", "context=system_u:object_r:t:s0:c1,c2", "size=1m"]
    assert split_data("") == []


def test_operations_describe_themselves() -> None:
    assert BindMount("/a", "/b", parse(["rbind", "rro"])).describe() == "bind /a on /b flags=MS_BIND|MS_REC"
    with pytest.raises(NotImplementedError):
        Operation().describe()
