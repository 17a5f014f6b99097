"""Mounts and their order."""

import pytest

from engine.containers.model import Mount
from engine.spec import mounts
from proto.errdefs import InvalidArgument
from tests.fakes.engine_room import host_config


def arranged(*own: dict, shm: str | None = None, **changes: object) -> dict[str, dict]:
    done = mounts.arrange(mounts.system_mounts(1 << 20), own, host_config(**changes), shm=shm)
    return {entry["destination"]: entry for entry in done}


def test_a_users_mount_replaces_the_systems() -> None:
    done = arranged(mounts.bind("/x", "/dev/shm"))
    assert done["/dev/shm"]["source"] == "/x"


def test_a_mount_on_dev_takes_what_is_below_with_it() -> None:
    assert "/dev/pts" not in arranged(mounts.bind("/dev", "/dev"))


def test_parents_come_before_children() -> None:
    done = list(arranged(mounts.bind("/1", "/a/b/c"), mounts.bind("/2", "/a")))
    assert done.index("/a") < done.index("/a/b/c")


def test_a_read_only_root_keeps_the_private_places_writable() -> None:
    done = arranged(ReadonlyRootfs=True)
    assert "ro" not in done["/dev"]["options"]
    assert "ro" in done["/sys"]["options"]


def test_shared_memory_is_a_tmpfs_a_folder_or_nothing() -> None:
    assert arranged()["/dev/shm"]["type"] == "tmpfs"
    assert arranged(shm="/mine")["/dev/shm"]["source"] == "/mine"
    assert "/dev/shm" not in arranged(shm="")


def test_binds_are_recursive_and_private_unless_told() -> None:
    assert mounts.from_mount(Mount("bind", "/a", "/b", writable=False))["options"] == ["rbind", "ro", "rprivate"]
    alone = mounts.from_mount(Mount("bind", "/a", "/b", options=["nonrecursive"]))
    assert alone["options"] == ["bind", "rprivate"]


def test_tmpfs_options_lose_what_was_undone() -> None:
    assert mounts.tmpfs_options("exec,size=64m") == ["nosuid", "nodev", "exec", "size=64m"]
    with pytest.raises(InvalidArgument, match="Invalid tmpfs option"):
        mounts.tmpfs_options("foo")
