"""Opening inside a root."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import kernel


def test_links_and_dots_stay_inside(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "f").write_text("mine")
    (tmp_path / "l").symlink_to("/etc")
    root = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    for path in ("etc/f", "/etc/f", "../../etc/f", "l/f"):
        fd = kernel.openat2(root, path, os.O_RDONLY)
        assert os.read(fd, 10) == b"mine"
        os.close(fd)
    with pytest.raises(FileNotFoundError):
        kernel.openat2(root, "etc/passwd", os.O_RDONLY)
    os.close(root)


def test_folders_are_made_inside(tmp_path: Path) -> None:
    (tmp_path / "l").symlink_to("/there")
    (tmp_path / "there").mkdir()
    root = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    os.close(kernel.make_folder(root, "/l/a/b"))
    assert (tmp_path / "there" / "a" / "b").is_dir()
    os.close(root)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    """A root with a secret beside it, and links to it."""
    (tmp_path / "secret").write_text("x")
    inside = tmp_path / "root"
    (inside / "etc").mkdir(parents=True)
    for name, target in (("abs", "/secret"), ("up", "../secret"), ("magic", "/proc/self/root"), ("loop", "loop")):
        (inside / name).symlink_to(target)
    fd = os.open(inside, os.O_PATH | os.O_DIRECTORY)
    yield fd
    os.close(fd)


@pytest.mark.parametrize("path", ["abs", "up", "../secret", "/../../secret", "etc/../../secret", "magic/etc/passwd"])
def test_nothing_outside_is_found(root: int, path: str) -> None:
    """It is not there."""
    with pytest.raises(FileNotFoundError):
        kernel.openat2(root, path, os.O_RDONLY)


def test_errors_are_the_kernels_and_name_the_path(root: int) -> None:
    """Loops and files that are no folders."""
    with pytest.raises(OSError, match="loop") as caught:
        kernel.openat2(root, "loop", os.O_RDONLY)
    assert caught.value.errno == errno.ELOOP


def test_links_can_be_refused_altogether(root: int, tmp_path: Path) -> None:
    """For files whose place must be plain."""
    (tmp_path / "root" / "alias").symlink_to("etc")
    with pytest.raises(OSError, match="alias") as caught:
        kernel.openat2(root, "alias", os.O_RDONLY, resolve=kernel.RESOLVE_IN_ROOT | kernel.RESOLVE_NO_SYMLINKS)
    assert caught.value.errno == errno.ELOOP


def test_an_fd_of_a_look_up_is_not_inherited(root: int) -> None:
    """No child of ours gets into a container's tree."""
    fd = kernel.openat2(root, "etc", os.O_PATH)
    assert not os.get_inheritable(fd)
    os.close(fd)


def test_folders_are_made_where_links_lead_inside_and_never_outside(root: int, tmp_path: Path) -> None:
    """WORKDIR of an image is such a path (CVE-2026-55686)."""
    (tmp_path / "root" / "out").symlink_to("../../made")
    (tmp_path / "root" / "made").mkdir()
    os.close(kernel.make_folder(root, "/out/deep/er"))
    assert (tmp_path / "root" / "made" / "deep" / "er").is_dir()
    os.close(kernel.make_folder(root, "/../../a/./b"))
    assert (tmp_path / "root" / "a" / "b").is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["root", "secret"]


def test_a_file_in_the_way_is_no_folder(root: int, tmp_path: Path) -> None:
    """And stays."""
    (tmp_path / "root" / "f").write_text("x")
    with pytest.raises(NotADirectoryError):
        kernel.make_folder(root, "/f/a")
    assert (tmp_path / "root" / "f").read_text() == "x"


def test_a_dangling_link_in_the_way_leads_nowhere(root: int, tmp_path: Path) -> None:
    """What it names is not made."""
    (tmp_path / "root" / "dangling").symlink_to("/nowhere")
    with pytest.raises(OSError, match="dangling"):
        kernel.make_folder(root, "/dangling/a")
    assert not (tmp_path / "root" / "nowhere").exists()


def test_no_fd_stays_open(root: int) -> None:
    """However it ends."""
    before = len(os.listdir("/proc/self/fd"))
    for path in ("/x/y/z", "/loop/x", "/abs/x", "/up/x"):
        with contextlib.suppress(OSError):
            os.close(kernel.make_folder(root, path))
    assert len(os.listdir("/proc/self/fd")) <= before  # garbage of other tests may be closed meanwhile


def test_an_oom_score_is_written_for_this_process_alone() -> None:
    """Raising it needs no privilege; zero leaves it as it is."""
    pid = os.fork()
    if pid == 0:
        before = Path("/proc/self/oom_score_adj").read_text().strip()
        kernel.adjust_oom_score(0)
        same = Path("/proc/self/oom_score_adj").read_text().strip() == before
        kernel.adjust_oom_score(900)
        os._exit(0 if same and Path("/proc/self/oom_score_adj").read_text().strip() == "900" else 1)
    assert os.waitpid(pid, 0)[1] == 0
