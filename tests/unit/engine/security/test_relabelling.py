"""Labels of trees. A kernel without SELinux keeps the attribute all the same, for root."""

import os
from pathlib import Path

import pytest

from engine.security import relabelling
from proto.errdefs import InvalidArgument
from tests import needs

LABEL = "system_u:object_r:container_file_t:s0:c1,c2"
SHARED = "system_u:object_r:container_file_t:s0"


def label(path: Path) -> str:
    try:
        return os.getxattr(path, "security.selinux", follow_symlinks=False).decode().rstrip("\0")
    except OSError:
        return ""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "outside").write_text("")
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "c").mkdir()
    (root / "a" / "b" / "file").write_text("")
    (root / "link").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "c" / "fifo")
    return root


@pytest.mark.parametrize(("mode", "found"), [("z", "z"), ("ro,Z", "Z"), ("rw", ""), ("", ""), ("nocopy", "")])
def test_what_a_mode_asks_for(mode: str, found: str) -> None:
    assert relabelling.wanted(mode) == found


@needs.root
@pytest.mark.parametrize(("for_all", "wanted"), [(False, LABEL), (True, SHARED)])
def test_everything_below_is_labelled_and_nothing_outside(tree: Path, for_all: bool, wanted: str) -> None:
    relabelling.relabel(str(tree), LABEL, for_all=for_all)
    assert {label(path) for path in (tree, *tree.rglob("*"))} == {wanted}
    assert label(tree.parent / "outside") == ""


@needs.root
def test_a_tree_that_was_labelled_is_looked_at_all_the_same(tree: Path) -> None:
    relabelling.relabel(str(tree), LABEL, for_all=False)
    (tree / "a" / "b" / "new").write_text("")
    relabelling.relabel(f"{tree}/", LABEL, for_all=False)
    assert label(tree / "a" / "b" / "new") == LABEL


@needs.root
def test_a_file_is_labelled_alone(tree: Path) -> None:
    relabelling.relabel(str(tree / "a" / "b" / "file"), LABEL, for_all=False)
    assert label(tree / "a" / "b" / "file") == LABEL
    assert label(tree / "a" / "b") == ""


@needs.root
def test_a_tree_deeper_than_any_path_is_labelled_to_its_end(tmp_path: Path) -> None:
    root = place = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    fds = [root]
    for _ in range(300):
        os.mkdir("x" * 200, dir_fd=place)
        place = os.open("x" * 200, os.O_RDONLY | os.O_DIRECTORY, dir_fd=place)
        fds.append(place)
    try:
        relabelling.relabel(str(tmp_path), LABEL, for_all=False)
        assert os.getxattr(place, "security.selinux").decode() == LABEL
    finally:
        for fd in reversed(fds[1:]):
            os.close(fd)
            fds.pop()
            os.rmdir("x" * 200, dir_fd=fds[-1])
        os.close(root)


@pytest.mark.parametrize("path", ["/", "/usr", "/etc/", "/var/lib/../lib"])
def test_the_hosts_own_folders_are_refused_in_dockerds_words(path: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^error setting label on mount source '/.*': SELinux relabeling of /"):
        relabelling.relabel(path, LABEL, for_all=True)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="no such file or directory"):
        relabelling.relabel(str(tmp_path / "none"), LABEL, for_all=True)
