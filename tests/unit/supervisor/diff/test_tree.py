import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.diff.tree import Tree


@pytest.fixture
def tree(target: Path) -> Iterator[Tree]:
    root = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
    one = Tree(root)
    yield one
    one.close()
    os.close(root)


def where(fd: int) -> str:
    return os.readlink(f"/proc/self/fd/{fd}")


def test_missing_folders_are_made_on_the_way(tree: Tree, target: Path) -> None:
    assert where(tree.folder((b"a", b"b", b"c"), create=True)) == str(target / "a/b/c")
    assert (target / "a").stat().st_mode & 0o7777 == 0o755


def test_without_create_a_missing_folder_is_an_error(tree: Tree) -> None:
    with pytest.raises(FileNotFoundError):
        tree.folder((b"a",), create=False)


def test_a_link_leads_to_its_target_inside(tree: Tree, target: Path) -> None:
    (target / "real").mkdir()
    (target / "link").symlink_to("/real")
    assert where(tree.folder((b"link", b"sub"), create=True)) == str(target / "real/sub")


def test_a_dangling_link_gets_its_target_made_inside(tree: Tree, target: Path) -> None:
    (target / "var").mkdir()
    (target / "var" / "run").symlink_to("/run")
    assert where(tree.folder((b"var", b"run", b"x"), create=True)) == str(target / "run/x")
    (target / "up").symlink_to("../../../elsewhere")
    assert where(tree.folder((b"up",), create=True)) == str(target / "elsewhere")


def test_links_in_a_circle_are_refused(tree: Tree, target: Path) -> None:
    (target / "a").symlink_to("b")
    (target / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        tree.folder((b"a", b"x"), create=True)


def test_new_folders_look_like_the_lower_layers_ones(target: Path, tmp_path: Path) -> None:
    lower = tmp_path / "lower"
    (lower / "etc").mkdir(parents=True)
    os.chmod(lower / "etc", 0o711)
    os.utime(lower / "etc", (1000, 1000))
    root = os.open(target, os.O_RDONLY | os.O_DIRECTORY)
    tree = Tree(root, [str(lower)])
    tree.folder((b"etc",), create=True)
    tree.close()
    os.close(root)
    status = (target / "etc").stat()
    assert (status.st_mode & 0o7777, status.st_mtime) == (0o711, 1000)


def test_clearing_removes_a_whole_tree_or_keeps_the_folder(tree: Tree, target: Path) -> None:
    (target / "d" / "e" / "f").mkdir(parents=True)
    (target / "d" / "e" / "file").write_text("x")
    root = tree.folder((), create=False)
    assert tree.clear(root, b"d", keep_folder=True)
    assert not tree.clear(root, b"d")
    assert os.listdir(target) == []
    assert not tree.clear(root, b"missing")


def test_clearing_a_link_leaves_what_it_names(tree: Tree, target: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (target / "l").symlink_to(tmp_path / "kept")
    tree.clear(tree.folder((), create=False), b"l")
    assert (tmp_path / "kept").is_dir()
    assert os.listdir(target) == []


def test_a_replaced_folder_is_not_used_from_the_cache(tree: Tree, target: Path) -> None:
    tree.folder((b"d", b"e"), create=True)
    tree.clear(tree.folder((), create=False), b"d")
    tree.settle()
    (target / "other").mkdir()
    (target / "d").symlink_to("other")
    assert where(tree.folder((b"d", b"e"), create=True)) == str(target / "other/e")
