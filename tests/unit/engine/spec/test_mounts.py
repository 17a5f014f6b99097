"""Mounts and their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_the_systems_mounts_are_dockers() -> None:
    """In order, with every option."""
    found = [
        (entry["destination"], entry["type"], entry["source"], ",".join(entry["options"]))
        for entry in mounts.system_mounts(67108864)
    ]
    assert found == [
        ("/proc", "proc", "proc", "nosuid,noexec,nodev"),
        ("/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"),
        ("/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"),
        ("/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"),
        ("/sys/fs/cgroup", "cgroup", "cgroup", "ro,nosuid,noexec,nodev"),
        ("/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"),
        ("/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=67108864"),
    ]


def test_a_privileged_container_writes_to_sys_and_its_cgroups() -> None:
    """The rest stays as it is."""
    done = arranged(Privileged=True)
    for place in ("/sys", "/sys/fs/cgroup"):
        assert "ro" not in done[place]["options"]


def test_a_privileged_container_with_a_read_only_root_still_writes_to_sys() -> None:
    """dockerd clears the flag after it has set it."""
    assert "ro" not in arranged(Privileged=True, ReadonlyRootfs=True)["/sys"]["options"]


def test_a_users_mount_is_not_made_read_only_by_the_root() -> None:
    """A volume is there to be written to."""
    done = arranged(mounts.bind("/x", "/data"), ReadonlyRootfs=True)
    assert "ro" not in done["/data"]["options"]


def test_a_place_that_only_begins_like_dev_is_not_below_it() -> None:
    """/devices is another folder."""
    done = arranged(mounts.bind("/dev", "/dev"), mounts.bind("/x", "/devices"))
    assert "/devices" in done
    assert not [place for place in done if place.startswith("/dev/")]


@given(st.lists(st.sampled_from(["/a", "/a/b", "/a/b/c", "/d", "/d/e", "/tmp"]), unique=True))
def test_a_mount_never_comes_before_its_parent(places: list[str]) -> None:
    """In whatever order they were asked for; the user's come after the system's."""
    own = [mounts.bind("/x", place) for place in places]
    done = mounts.arrange(mounts.system_mounts(1), own, host_config(), shm=None)
    order = [entry["destination"] for entry in done]
    for place in places:
        for other in places:
            if other.startswith(f"{place}/"):
                assert order.index(place) < order.index(other)
    assert sorted(order[7:]) == sorted(places)


def test_a_volume_and_a_tmpfs() -> None:
    """nocopy is the engine's business and no mount option."""
    volume = mounts.from_mount(Mount("volume", "/v/_data", "/data", "v", options=["nocopy"]))
    assert (volume["type"], volume["source"]) == ("bind", "/v/_data")
    assert "nocopy" not in volume["options"]
    tmpfs = mounts.from_mount(Mount("tmpfs", "", "/run", options=["noexec", "size=1m"]))
    assert tmpfs == {"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["noexec", "size=1m"]}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ["noexec", "nosuid", "nodev"]),
        ("rw", ["noexec", "nosuid", "nodev", "rw"]),
        ("exec,suid,dev", ["exec", "suid", "dev"]),
        ("noexec", ["nosuid", "nodev", "noexec"]),
        ("size=64m,mode=1770,uid=1000", ["noexec", "nosuid", "nodev", "size=64m", "mode=1770", "uid=1000"]),
    ],
)
def test_options_of_a_tmpfs(text: str, wanted: list[str]) -> None:
    """On top of Docker's three, each of which has an opposite."""
    assert mounts.tmpfs_options(text) == wanted


@pytest.mark.parametrize("text", ["foo", "size", "rw=1", "size=1,context=x", "lowerdir=/etc"])
def test_options_that_are_none_of_a_tmpfs(text: str) -> None:
    """Nothing else reaches mount(2)."""
    with pytest.raises(InvalidArgument, match="Invalid tmpfs option"):
        mounts.tmpfs_options(text)


@pytest.mark.parametrize(
    ("options", "recursive", "written"),
    [
        ([], True, ["rbind", "rro", "rprivate"]),
        ([], False, ["rbind", "ro", "rprivate"]),
        (["rro"], True, ["rbind", "rro", "rprivate"]),
        ([mounts.READ_ONLY_AT_ITS_TOP], True, ["rbind", "ro", "rprivate"]),
        (["nonrecursive"], True, ["bind", "rro", "rprivate"]),
    ],
)
def test_a_read_only_mount_is_so_all_the_way_down(options: list[str], recursive: bool, written: list[str]) -> None:
    """Where the kernel and the runtime can, and nobody asked for less."""
    mount = Mount("bind", "/a", "/b", writable=False, options=options)
    assert mounts.from_mount(mount, recursive=recursive)["options"] == written


@pytest.mark.parametrize(
    ("privileged", "asked", "writable"),
    [(False, None, False), (True, None, True), (False, True, True), (True, False, False)],
)
def test_cgroups_are_writable_when_asked_for_or_privileged(
    privileged: bool, asked: bool | None, writable: bool
) -> None:
    system = mounts.system_mounts(1)
    done = mounts.arrange(system, [], host_config(Privileged=privileged), shm=None, writable_cgroups=asked)
    options = next(entry["options"] for entry in done if entry["destination"] == "/sys/fs/cgroup")
    assert ("rw" in options, "ro" in options) == (writable, not writable)
