"""Walks of trees that are deeper than any path, and that are changed meanwhile."""

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import descent
from engine.containers import changes
from engine.containers.tar_out import TarWriter
from engine.descent import Descent
from engine.volumes.copy_up import copy_up
from tests import needs

D = "nested"  # a folder's name: so long that no path reaches the lowest
DEPTH = 1100  # more than frames of the interpreter, or open files


def dig(folder: Path, depth: int = DEPTH) -> Path:
    """A folder with folders nested in it, and a file in the lowest."""
    folder.mkdir(parents=True, exist_ok=True)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir(D, dir_fd=fd)
        below = os.open(D, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)
    return folder


def fill_in(folder: Path) -> None:
    """Delete such a tree: pytest cannot."""
    fd = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
    descent.remove_tree(fd, folder.name)
    os.close(fd)


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    folder = dig(tmp_path / "deep")
    yield folder
    fill_in(folder)


@pytest.fixture
def few_files() -> Iterator[None]:
    """Nobody has an fd for each of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(900, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("few_files")
def test_sizes_and_removal_reach_the_bottom(tmp_path: Path) -> None:
    folder = dig(tmp_path / "tree")
    with Descent(fd := os.open(folder, os.O_RDONLY)) as place:
        for _ in range(40):
            place.enter(D)
        bottom = os.open("more", os.O_CREAT | os.O_WRONLY, dir_fd=place.fd)
    os.write(bottom, b"12345")
    os.close(bottom)
    assert descent.size_of_files(fd) == 5
    os.close(fd)
    fill_in(folder)
    assert not folder.exists()


@pytest.mark.usefixtures("few_files")
def test_changes_of_a_deep_tree_are_told_to_the_bottom(tmp_path: Path, deep: Path) -> None:
    """Against a layer below that has the upper half of it."""
    lower = dig(tmp_path / "lower", DEPTH // 2)
    found = list(changes.compare(str(deep), [str(lower)]))
    fill_in(lower)
    assert len(found) == DEPTH + 1
    assert found[-1] == {"Path": f"/{D}" * DEPTH + "/file", "Kind": changes.ADDED}
    assert [one["Kind"] for one in found].index(changes.ADDED) == DEPTH // 2


@pytest.mark.usefixtures("few_files")
@pytest.mark.parametrize(("path", "name"), [("/", ""), (f"/{D}", D)])
def test_a_tar_of_a_deep_tree_is_whole(deep: Path, path: str, name: str) -> None:
    root = os.open(deep, os.O_PATH | os.O_DIRECTORY)
    ends = bytearray()

    class Last:
        """Keeps the end; the whole is a hundred megabytes of names."""

        def write(self, data: bytes) -> int:
            ends.extend(data[-20000:])
            del ends[:-40000]
            return len(data)

    TarWriter(root, Last()).write(path, name)  # type: ignore[arg-type]  # a sink is enough
    os.close(root)
    assert f"{D}/".encode() * (DEPTH - 1) + D.encode() in ends
    assert b"/file" in ends


@needs.root
@pytest.mark.usefixtures("few_files")
def test_a_volume_may_be_filled_from_a_deep_tree(tmp_path: Path, deep: Path) -> None:
    target = tmp_path / "volume"
    target.mkdir()
    copy_up(str(deep), f"/{D}", str(target))
    depth = 0
    with Descent(fd := os.open(target, os.O_RDONLY)) as place:
        while os.listdir(place.fd) == [D]:
            place.enter(D)
            depth += 1
    os.close(fd)
    fill_in(target)
    assert depth == DEPTH - 1


def test_a_folder_that_was_moved_away_leads_nowhere_else(tmp_path: Path) -> None:
    """Its `..` is another folder now: the walk ends."""
    folder = dig(tmp_path / "tree", 30)
    with Descent(fd := os.open(folder, os.O_RDONLY)) as place:
        for _ in range(30):
            place.enter(D)
        (tmp_path / "elsewhere").mkdir()
        (folder / "/".join([D] * 5)).rename(tmp_path / "elsewhere" / "moved")
        for _ in range(25):
            place.leave()
        with pytest.raises(OSError, match="moved") as caught:
            place.leave()
    os.close(fd)
    assert caught.value.errno == errno.ESTALE


def test_links_are_not_entered_and_not_followed_by_removals(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "link").symlink_to(tmp_path / "kept")
    with Descent(fd := os.open(tmp_path / "gone", os.O_RDONLY)) as place, pytest.raises(NotADirectoryError):
        place.enter("link")
    os.close(fd)
    fill_in(tmp_path / "gone")
    assert os.listdir(tmp_path) == ["kept"]
    assert os.listdir(tmp_path / "kept") == ["file"]
    fill_in(tmp_path / "gone")  # once more is no error
