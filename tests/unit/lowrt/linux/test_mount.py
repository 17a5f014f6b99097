"""The mount calls, as far as an ordinary user gets: their errors and what they read."""

import os

import pytest

from lowrt.linux import mount as m


@pytest.fixture
def proc() -> int:
    return os.open("/proc", os.O_PATH)


def test_filesystems_are_told_by_their_magic(proc: int) -> None:
    assert m.filesystem_type(proc) == m.PROC_SUPER_MAGIC
    assert m.mount_flags(proc) >= 0
    os.close(proc)


def test_errors_name_the_call_and_the_path() -> None:
    with pytest.raises(OSError, match="umount2") as caught:
        m.umount2("/nowhere")
    assert caught.value.filename == "/nowhere"
    with pytest.raises(OSError, match="fsopen"):
        m.fsopen("no-such-filesystem")
    with pytest.raises(FileNotFoundError):
        m.open_tree(m.AT_FDCWD, "/nowhere", 0)
    with pytest.raises(OSError, match="mount_setattr"):
        m.mount_setattr(-1, m.MOUNT_ATTR_RDONLY)
    with pytest.raises(OSError, match="move_mount"):
        m.move_mount(-1, -1)
