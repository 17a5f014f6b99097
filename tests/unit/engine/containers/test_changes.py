"""`docker diff`: the upper folder against the layers below."""

import os
from pathlib import Path

import pytest

from engine.containers import changes
from engine.containers.changes import ADDED, DELETED, MODIFIED
from proto.containerd.types import mount_pb2
from proto.errdefs import Unimplemented
from tests import needs
from tests.fakes.engine_room import Bench


def tree(folder: Path, **files: str) -> Path:
    """A folder with these files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def found(upper: Path, *lower: Path) -> list[tuple[int, str]]:
    return [(entry["Kind"], entry["Path"]) for entry in changes.compare(str(upper), [str(path) for path in lower])]


def test_added_and_changed_files_with_their_folders(tmp_path: Path) -> None:
    """A folder counts as changed when something in it did."""
    lower = tree(tmp_path / "lower")
    tree(lower / "etc", passwd="a", group="b")
    upper = tree(tmp_path / "upper")
    tree(upper / "etc", passwd="changed", fresh="x")
    tree(upper / "new", file="y")
    assert found(upper, lower) == [
        (MODIFIED, "/etc"),
        (ADDED, "/etc/fresh"),
        (MODIFIED, "/etc/passwd"),
        (ADDED, "/new"),
        (ADDED, "/new/file"),
    ]


def test_a_folder_that_was_only_opened_is_no_change(tmp_path: Path) -> None:
    """Overlayfs copies folders up for less than a change; dockerd is silent too."""
    lower = tree(tmp_path / "lower")
    tree(lower / "etc", passwd="a")
    tree(tmp_path / "upper" / "etc")
    assert found(tmp_path / "upper", lower) == []
    (tmp_path / "upper" / "etc").chmod(0o700)
    assert found(tmp_path / "upper", lower) == [(MODIFIED, "/etc")]


def test_links_are_seen_and_never_followed(tmp_path: Path) -> None:
    """A container may point them anywhere on the host."""
    upper = tree(tmp_path / "upper")
    (upper / "out").symlink_to("/etc")
    assert found(upper, tree(tmp_path / "lower")) == [(ADDED, "/out")]


def test_the_uppermost_lower_layer_decides(tmp_path: Path) -> None:
    """It is enough that one of them has the name."""
    top, bottom = tree(tmp_path / "1"), tree(tmp_path / "2", file="old")
    assert found(tree(tmp_path / "upper", file="new"), top, bottom) == [(MODIFIED, "/file")]


@needs.root
def test_whiteouts_are_deletions(tmp_path: Path) -> None:
    """A character device 0:0; in a lower layer it means that the name was not there."""
    lower, upper, middle = tree(tmp_path / "lower", gone="x"), tree(tmp_path / "upper"), tree(tmp_path / "middle")
    os.mknod(upper / "gone", 0o020600, 0)
    assert found(upper, lower) == [(DELETED, "/gone")]
    os.mknod(middle / "gone", 0o020600, 0)
    (upper / "gone").unlink()
    tree(upper, gone="again")
    assert found(upper, middle, lower) == [(ADDED, "/gone")]


@needs.root
def test_in_an_opaque_folder_everything_is_new(tmp_path: Path) -> None:
    """Removed and made again."""
    lower, upper = tree(tmp_path / "lower"), tree(tmp_path / "upper")
    tree(lower / "d", old="x")
    tree(upper / "d", old="y")
    try:
        os.setxattr(upper / "d", "trusted.overlay.opaque", b"y")
    except OSError:
        pytest.skip("needs trusted xattrs")
    assert found(upper, lower) == [(MODIFIED, "/d"), (ADDED, "/d/old")]


async def test_only_overlay_snapshots_can_tell(bench: Bench, tmp_path: Path) -> None:
    """Another snapshotter is refused by name of what is missing."""
    live = await bench.create()
    with pytest.raises(Unimplemented, match="overlay"):
        await changes.changes(bench.room, live)
    upper, lower = tree(tmp_path / "u", file="x"), tree(tmp_path / "l")
    options = [f"workdir={tmp_path}/w", f"upperdir={upper}", f"lowerdir={lower}:{lower}"]

    async def mounts(key: str) -> list[mount_pb2.Mount]:
        return [mount_pb2.Mount(type="overlay", source="overlay", options=options)]

    bench.snapshots.mounts = mounts  # type: ignore[method-assign]
    assert await changes.changes(bench.room, live) == [{"Path": "/file", "Kind": ADDED}]


def test_a_lower_link_leads_nowhere(tmp_path: Path) -> None:
    """What the host has behind it says nothing about the container's file."""
    host, lower, deeper, upper = (tmp_path / name for name in ("host", "lower", "deeper", "upper"))
    (host / "w").mkdir(parents=True)
    (host / "w" / "file").touch()
    (upper / "w").mkdir(parents=True)
    (upper / "w" / "file").touch()
    lower.mkdir()
    deeper.mkdir()
    (deeper / "w").symlink_to(host / "w")
    assert list(changes.compare(str(upper), [str(lower), str(deeper)])) == [
        {"Path": "/w", "Kind": 0},
        {"Path": "/w/file", "Kind": 1},
    ]
    (lower / "w").mkdir()
    assert list(changes.compare(str(upper), [str(lower), str(deeper)]))[1] == {"Path": "/w/file", "Kind": 1}
