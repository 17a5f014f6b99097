"""What a snapshot driver owes to whoever uses it; every driver runs all of it, on real mounts."""

import contextlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proto.errdefs import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from supervisor.core.snapshots import Info, Kind, Mount, Snapshotter
from supervisor.diff.mounts import open_root
from supervisor.metadata.db import Database
from supervisor.snapshots.native import NativeSnapshotter
from supervisor.snapshots.overlay import OverlaySnapshotter
from tests import needs

pytestmark = [needs.root, needs.overlay]

Write = Callable[[Path], object]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    one = Database(str(tmp_path / "meta" / "meta.db"))
    yield one
    one.close()


@pytest.fixture(params=[OverlaySnapshotter, NativeSnapshotter])
def driver(request: pytest.FixtureRequest, tmp_path: Path, db: Database) -> Snapshotter:
    made: Snapshotter = request.param(str(tmp_path / "driver"), db)
    return made


@contextlib.contextmanager
def mounted(mounts: list[Mount]) -> Iterator[Path]:
    """The mounts' root, reachable through an open folder alone: nothing is left when it is closed."""
    fd = open_root(mounts)
    try:
        yield Path(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def layer(driver: Snapshotter, name: str, parent: str, write: Write) -> str:
    """A committed snapshot made by writing onto its parent."""
    with mounted(driver.prepare(f"{name}-active", parent)) as root:
        write(root)
    driver.commit(name, f"{name}-active")
    return name


def seen(driver: Snapshotter, parent: str) -> dict[str, str]:
    """What a view shows: files by path with their text, folders with a slash."""
    found = {}
    key = f"look-{parent}-{len(list(driver.walk()))}"
    with mounted(driver.view(key, parent)) as root:
        for folder, folders, files in os.walk(root):
            for name in folders:
                found[f"{os.path.relpath(os.path.join(folder, name), root)}/"] = ""
            for name in files:
                found[os.path.relpath(os.path.join(folder, name), root)] = Path(folder, name).read_text()
    driver.remove(key)
    return found


def test_layers_build_on_each_other(driver: Snapshotter) -> None:
    """Each sees its parents' files and its own changes, and changes no parent."""
    one = layer(driver, "one", "", lambda root: (root / "a").write_text("1"))
    two = layer(driver, "two", one, lambda root: ((root / "a").write_text("2"), (root / "b").write_text("2")))
    three = layer(driver, "three", two, lambda root: (root / "b").unlink())
    assert seen(driver, one) == {"a": "1"}
    assert seen(driver, two) == {"a": "2", "b": "2"}
    assert seen(driver, three) == {"a": "2"}


def test_a_replaced_folder_hides_what_was_below(driver: Snapshotter) -> None:
    """Removed and made anew, it is empty."""

    def fill(root: Path) -> None:
        (root / "d" / "e").mkdir(parents=True)
        (root / "d" / "e" / "f").write_text("old")

    def renew(root: Path) -> None:
        (root / "d" / "e" / "f").unlink()
        (root / "d" / "e").rmdir()
        (root / "d").rmdir()
        (root / "d").mkdir()
        (root / "d" / "g").write_text("new")

    layer(driver, "two", layer(driver, "one", "", fill), renew)
    assert seen(driver, "two") == {"d/": "", "d/g": "new"}


def test_owner_and_mode_of_a_file_survive_the_next_layer(driver: Snapshotter) -> None:
    """Set-id bits too, and the root folder's own looks."""

    def make(root: Path) -> None:
        file = root / "tool"
        file.write_text("x")
        os.chown(file, 12, 34)
        os.chmod(file, 0o4751)
        os.chmod(root, 0o711)

    def touch(root: Path) -> None:
        with open(root / "tool", "a") as file:
            file.write("y")
        os.chmod(root / "tool", 0o4751)

    layer(driver, "two", layer(driver, "one", "", make), touch)
    with mounted(driver.view("v", "two")) as root:
        status = os.stat(root / "tool")
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (12, 34, 0o4751)
        assert (root / "tool").read_text() == "xy"
    with mounted(driver.view("w", "one")) as root:
        assert os.stat(root).st_mode & 0o7777 == 0o711


def test_a_new_snapshots_root_is_open_to_everybody(driver: Snapshotter) -> None:
    """A container's processes need not be root."""
    with mounted(driver.prepare("k")) as root:
        assert os.stat(root).st_mode & 0o7777 == 0o755


def test_a_view_cannot_be_written(driver: Snapshotter) -> None:
    """With one layer below and with several."""
    layer(driver, "one", "", lambda root: (root / "a").write_text("1"))
    layer(driver, "two", "one", lambda root: (root / "b").write_text("1"))
    for parent in ("one", "two"):
        mounts = driver.view(f"v-{parent}", parent)
        assert driver.stat(f"v-{parent}").kind is Kind.VIEW
        assert "ro" in mounts[0].options or not any(option.startswith("upperdir=") for option in mounts[0].options)
        with mounted(mounts) as root, pytest.raises(OSError, match="Read-only file system"):
            (root / "c").write_text("no")


def test_an_active_snapshot_is_found_again_by_its_key(driver: Snapshotter) -> None:
    """The same mounts as when it was prepared."""
    layer(driver, "one", "", lambda root: None)
    mounts = driver.prepare("k", "one")
    assert driver.mounts("k") == mounts
    info = driver.stat("k")
    assert (info.kind, info.parent, info.name) == (Kind.ACTIVE, "one", "k")


def test_a_commit_renames_and_replaces_the_labels(driver: Snapshotter) -> None:
    """The active one is gone; its labels are not inherited."""
    driver.prepare("k", "", {"containerd.io/snapshot/a": "1"})
    driver.commit("n", "k", {"containerd.io/snapshot/b": "2"})
    info = driver.stat("n")
    assert (info.kind, info.labels) == (Kind.COMMITTED, {"containerd.io/snapshot/b": "2"})
    with pytest.raises(NotFound):
        driver.stat("k")


def test_an_orphan_can_be_given_a_parent_at_commit(driver: Snapshotter) -> None:
    """Layers may be unpacked side by side and chained when they are done."""
    layer(driver, "one", "", lambda root: (root / "a").write_text("1"))
    with mounted(driver.prepare("k")) as root:
        (root / "b").write_text("2")
    driver.commit("two", "k", parent="one")
    assert driver.stat("two").parent == "one"
    driver.prepare("other", "one")
    with pytest.raises(InvalidArgument, match="cannot change parent"):
        driver.commit("three", "other", parent="two")


def test_names_are_unique_and_parents_committed(driver: Snapshotter) -> None:
    """Each mistake in its own class."""
    driver.prepare("k")
    for make in (driver.prepare, driver.view):
        with pytest.raises(AlreadyExists):
            make("k")
        with pytest.raises(InvalidArgument):
            make("child", "k")
        with pytest.raises(NotFound):
            make("child", "nope")
    driver.commit("n", "k")
    driver.prepare("m")
    with pytest.raises(AlreadyExists):
        driver.commit("n", "m")
    driver.view("v", "n")
    with pytest.raises(FailedPrecondition):
        driver.commit("x", "v")
    with pytest.raises(FailedPrecondition):
        driver.mounts("n")
    with pytest.raises(NotFound):
        driver.commit("y", "nope")


def test_a_parent_stays_while_it_has_children(driver: Snapshotter) -> None:
    """From the leaves down."""
    layer(driver, "one", "", lambda root: None)
    layer(driver, "two", "one", lambda root: None)
    driver.prepare("k", "two")
    for name in ("one", "two"):
        with pytest.raises(FailedPrecondition):
            driver.remove(name)
    for name in ("k", "two", "one"):
        driver.remove(name)
        with pytest.raises(NotFound):
            driver.remove(name)
    assert list(driver.walk()) == []


def test_removal_takes_the_files_with_it(driver: Snapshotter, tmp_path: Path) -> None:
    """Nothing of it is left on disk."""
    with mounted(driver.prepare("k")) as root:
        (root / "d").mkdir()
        (root / "d" / "f").write_text("x")
    driver.remove("k")
    assert os.listdir(tmp_path / "driver" / "snapshots") == []


def test_cleanup_removes_strays_only(driver: Snapshotter, tmp_path: Path) -> None:
    """What a crash left, not what somebody has."""
    driver.prepare("k")
    kept = os.listdir(tmp_path / "driver" / "snapshots")
    for stray in ("new-xyz", "rm-7", "999"):
        (tmp_path / "driver" / "snapshots" / stray / "fs").mkdir(parents=True)
    driver.cleanup()
    assert os.listdir(tmp_path / "driver" / "snapshots") == kept


def test_usage_counts_what_the_snapshot_itself_holds(driver: Snapshotter) -> None:
    """A hundred kilobytes of file are at least that, for an active one as well as for a committed one."""
    with mounted(driver.prepare("k")) as root:
        (root / "f").write_bytes(b"x" * 100_000)
        os.link(root / "f", root / "g")
    active = driver.usage("k")
    assert 100_000 <= active.size < 200_000
    assert active.inodes == 2
    driver.commit("n", "k")
    assert driver.usage("n") == active
    assert driver.usage("n") == active


def test_labels_change_and_nothing_else_does(driver: Snapshotter) -> None:
    """By mask or as a whole."""
    driver.prepare("k", "", {"a": "1", "b": "2"})
    updated = driver.update(Info("k", labels={"a": "9"}), ["labels.a"])
    assert updated.labels == {"a": "9", "b": "2"}
    assert driver.update(Info("k", labels={"c": "3"})).labels == driver.stat("k").labels == {"c": "3"}
    with pytest.raises(InvalidArgument):
        driver.update(Info("k"), ["parent"])
    with pytest.raises(NotFound):
        driver.update(Info("nope"))


def test_walk_shows_all_of_them(driver: Snapshotter) -> None:
    """With parents by name, and asking each again is allowed meanwhile."""
    layer(driver, "one", "", lambda root: None)
    driver.prepare("k", "one")
    driver.view("v", "one")
    assert {(info.name, info.kind, info.parent) for info in driver.walk()} == {
        ("one", Kind.COMMITTED, ""),
        ("k", Kind.ACTIVE, "one"),
        ("v", Kind.VIEW, "one"),
    }
    assert all(driver.stat(info.name) == info for info in driver.walk())


def test_a_rename_across_layers_works(driver: Snapshotter) -> None:
    """A folder of a lower layer moves as a whole."""

    def fill(root: Path) -> None:
        (root / "dir").mkdir()
        (root / "dir" / "f").write_text("x")

    layer(driver, "one", "", fill)
    layer(driver, "two", "one", lambda root: shutil.move(root / "dir", root / "moved"))
    assert seen(driver, "two") == {"moved/": "", "moved/f": "x"}


def test_many_layers_mount(driver: Snapshotter) -> None:
    """More than one page of mount options can name."""
    parent = ""
    for number in range(300):
        driver.prepare(f"k{number}", parent)
        driver.commit(f"n{number}", f"k{number}")
        parent = f"n{number}"
    with mounted(driver.prepare("top", parent)) as root:
        (root / "f").write_text("x")
        assert (root / "f").read_text() == "x"


def test_a_number_given_back_by_a_crash_is_used_again(driver: Snapshotter, db: Database, tmp_path: Path) -> None:
    """The folder of an undone transaction does not stand in the way."""
    driver.prepare("k")
    with db.write() as connection:
        connection.execute("DELETE FROM driver_snapshots")
        connection.execute("UPDATE sequences SET value = 0")
    with mounted(driver.prepare("again")) as root:
        assert list(root.iterdir()) == []
    driver.cleanup()
    assert os.listdir(tmp_path / "driver" / "snapshots") == ["1"]


def test_many_threads_get_a_snapshot_each(driver: Snapshotter, tmp_path: Path) -> None:
    """And cleaning up beside them harms none."""
    layer(driver, "one", "", lambda root: (root / "a").write_text("1"))
    done = threading.Event()

    def clean() -> None:
        while not done.is_set():
            driver.cleanup()

    cleaner = threading.Thread(target=clean)
    cleaner.start()
    workers = [
        threading.Thread(target=lambda n=n: [driver.prepare(f"k{n}-{i}", "one") for i in range(10)]) for n in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    done.set()
    cleaner.join()
    assert len(os.listdir(tmp_path / "driver" / "snapshots")) == 41
    assert len({driver.mounts(f"k{n}-{i}")[0] for n in range(4) for i in range(10)}) == 40
