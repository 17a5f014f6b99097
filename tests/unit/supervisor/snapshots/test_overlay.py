"""The overlay driver's folders and mount options; the mounts themselves are in tests/contract/test_snapshotter.py."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from proto.errdefs import InvalidArgument
from supervisor.core.snapshots import Kind, Mount, Usage
from supervisor.diff.mounts import parse_options
from supervisor.metadata.db import Database
from supervisor.snapshots.overlay import OverlaySnapshotter, can_remap, in_user_namespace, mapped_root

OPTIONS = ("index=off", "userxattr")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    one = Database(str(tmp_path / "meta.db"))
    yield one
    one.close()


@pytest.fixture
def driver(tmp_path: Path, db: Database) -> OverlaySnapshotter:
    return OverlaySnapshotter(str(tmp_path / "o"), db, OPTIONS)


def layers(driver: OverlaySnapshotter, count: int) -> str:
    for number in range(1, count + 1):
        driver.prepare(f"k{number}", f"n{number - 1}" if number > 1 else "")
        driver.commit(f"n{number}", f"k{number}")
    return f"n{count}"


def test_folders_lie_as_containerds(driver: OverlaySnapshotter, tmp_path: Path) -> None:
    """`work` only where something is written."""
    driver.prepare("k")
    driver.commit("n", "k")
    driver.view("v", "n")
    top = tmp_path / "o" / "snapshots"
    assert {name: sorted(os.listdir(top / name)) for name in os.listdir(top)} == {"1": ["fs", "work"], "2": ["fs"]}
    assert os.stat(top / "1" / "fs").st_mode & 0o777 == 0o755
    assert os.stat(top).st_mode & 0o777 == os.stat(top / "1").st_mode & 0o777 == 0o700


def test_mounts_are_as_containerds(driver: OverlaySnapshotter, tmp_path: Path) -> None:
    """A bind where an overlay would have one layer only."""
    top = tmp_path / "o" / "snapshots"
    assert driver.prepare("alone") == [Mount("bind", f"{top}/1/fs", ("rw", "rbind"))]
    assert driver.view("alone-view") == [Mount("bind", f"{top}/2/fs", ("ro", "rbind"))]
    driver.commit("one", "alone")
    assert driver.view("view-of-one", "one") == [Mount("bind", f"{top}/1/fs", ("ro", "rbind"))]
    written = driver.prepare("k", "one")
    options = (f"workdir={top}/4/work", f"upperdir={top}/4/fs", f"lowerdir={top}/1/fs", *OPTIONS)
    assert written == driver.mounts("k") == [Mount("overlay", "overlay", options)]
    driver.commit("two", "k")
    assert driver.view("view-of-two", "two") == [
        Mount("overlay", "overlay", (f"lowerdir={top}/4/fs:{top}/1/fs", *OPTIONS))
    ]


def test_configured_options_are_not_overridden(tmp_path: Path, db: Database) -> None:
    """The kernel takes the last one: nothing may follow `index=on`."""
    driver = OverlaySnapshotter(str(tmp_path / "x"), db, ("index=on", "metacopy=off"))
    mounts = driver.prepare("k", layers(driver, 1))
    assert [option for option in mounts[0].options if option.startswith(("index", "metacopy"))] == [
        "index=on",
        "metacopy=off",
    ]


def test_where_a_layer_lies_is_a_label_where_it_is_asked_for(tmp_path: Path, db: Database) -> None:
    driver = OverlaySnapshotter(str(tmp_path / "x"), db, upperdir_label=True)
    driver.prepare("k")
    expected = f"{tmp_path}/x/snapshots/1/fs"
    infos = [driver.stat("k"), driver.update(driver.stat("k"), ["labels.a"]), *driver.walk()]
    assert {info.labels["containerd.io/snapshot/overlay.upperdir"] for info in infos} == {expected}


def test_a_view_uses_nothing(driver: OverlaySnapshotter) -> None:
    """Its folder is empty, and is not looked at."""
    driver.view("v", layers(driver, 1))
    assert driver.usage("v") == Usage()


@pytest.mark.parametrize(("mapping", "host"), [("0:100000:65536", 100000), ("1:5:10,0:7:1", 7), ("0:0:4294967295", 0)])
def test_the_mapped_root_owns_a_new_layer(mapping: str, host: int) -> None:
    """From labels in the form container:host:length."""
    labels = {"containerd.io/snapshot/uidmapping": mapping, "containerd.io/snapshot/gidmapping": "0:9:1"}
    assert mapped_root(labels) == (host, 9)
    assert mapped_root({}) is None


def test_mapped_owners_are_told_to_whoever_mounts(driver: OverlaySnapshotter, tmp_path: Path) -> None:
    """On a kernel that can show them; our own readers look at what lies on disk."""
    driver._remaps = True
    mine = f"0:{os.geteuid()}:1", f"0:{os.getegid()}:1"
    labels = {"containerd.io/snapshot/uidmapping": mine[0], "containerd.io/snapshot/gidmapping": mine[1]}
    told = (f"uidmap={mine[0]}", f"gidmap={mine[1]}")
    assert driver.prepare("alone", "", labels)[0].options == (*told, "rw", "rbind")
    assert driver.view("view", layers(driver, 1), labels)[0].options == (*told, "ro", "rbind")
    options = driver.prepare("k", "n1", labels)[0].options
    assert options[:2] == told
    assert options[2].startswith("workdir=")
    assert parse_options(options)[1].startswith("workdir=")
    driver._remaps = False
    assert driver.mounts("alone")[0].options == ("rw", "rbind")


def test_kernels_that_can_map_an_overlays_lower_layers() -> None:
    assert [can_remap(release) for release in ("5.18.19", "5.19.0-rc1", "6.1.0-9-amd64", "6.18", "x.y", "")] == [
        *(False, True, True, True),
        *(False, False),
    ]


@pytest.mark.parametrize("mapping", ["", "x", "0:1", "1:1:1", "0:1:0"])
def test_a_mapping_without_root_is_refused(driver: OverlaySnapshotter, mapping: str) -> None:
    """And leaves nothing behind."""
    labels = {"containerd.io/snapshot/uidmapping": mapping, "containerd.io/snapshot/gidmapping": "0:0:1"}
    with pytest.raises(InvalidArgument):
        driver.prepare("k", "", labels)
    assert list(driver.walk()) == []


def test_a_failure_leaves_no_folder(driver: OverlaySnapshotter, tmp_path: Path) -> None:
    """Nor a number."""
    driver.prepare("k")
    with pytest.raises(Exception, match="already exists"):
        driver.prepare("k")
    assert os.listdir(tmp_path / "o" / "snapshots") == ["1"]
    assert driver.stat("k").kind is Kind.ACTIVE


def test_the_user_namespace_is_recognized() -> None:
    """A full map of ids is the host's."""
    with open("/proc/self/uid_map") as file:
        assert in_user_namespace() == (file.read().split() != ["0", "0", "4294967295"])
