"""The native driver's folders; the rest is in tests/contract/test_snapshotter.py."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from proto.errdefs import NotFound
from supervisor.core.snapshots import Mount, Usage
from supervisor.metadata.db import Database
from supervisor.snapshots.native import NativeSnapshotter


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[NativeSnapshotter]:
    db = Database(str(tmp_path / "meta.db"))
    yield NativeSnapshotter(str(tmp_path / "n"), db)
    db.close()


def test_an_active_snapshot_is_a_copy_of_its_parent(driver: NativeSnapshotter, tmp_path: Path) -> None:
    """And a view is the parent itself."""
    top = tmp_path / "n" / "snapshots"
    assert driver.prepare("k") == [Mount("bind", f"{top}/1", ("rbind", "rw"))]
    (top / "1" / "f").write_text("x")
    driver.commit("n", "k")
    assert driver.prepare("k2", "n") == driver.mounts("k2") == [Mount("bind", f"{top}/2", ("rbind", "rw"))]
    assert (top / "2" / "f").read_text() == "x"
    (top / "2" / "f").write_text("y")
    assert (top / "1" / "f").read_text() == "x"
    assert driver.view("v", "n") == [Mount("bind", f"{top}/1", ("rbind", "ro"))]
    assert sorted(os.listdir(top)) == ["1", "2"]
    assert driver.usage("v") == Usage()


def test_a_view_of_nothing_is_an_empty_folder(driver: NativeSnapshotter, tmp_path: Path) -> None:
    """Which goes with it."""
    assert driver.view("v") == [Mount("bind", f"{tmp_path}/n/snapshots/1", ("rbind", "ro"))]
    driver.remove("v")
    assert os.listdir(tmp_path / "n" / "snapshots") == []


def test_a_failed_copy_leaves_nothing(driver: NativeSnapshotter, tmp_path: Path) -> None:
    """No folder, no record."""
    with pytest.raises(NotFound):
        driver.prepare("k", "nope")
    assert os.listdir(tmp_path / "n" / "snapshots") == []
    assert list(driver.walk()) == []
