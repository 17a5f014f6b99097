import os
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.diff.changes import changes

Compare = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("left", "right"):
        (tmp_path / name).mkdir()
    return tmp_path / "left", tmp_path / "right"


@pytest.fixture
def compared(sides: tuple[Path, Path]) -> Compare:
    def compare() -> list[tuple[str, str]]:
        fds = [os.open(side, os.O_RDONLY | os.O_DIRECTORY) for side in sides]
        try:
            return [(change.kind.value, change.path.decode()) for change in changes(*fds)]
        finally:
            for fd in fds:
                os.close(fd)

    return compare


def write(side: Path, name: str, text: str = "x", mtime: float = 1000) -> None:
    (side / name).parent.mkdir(parents=True, exist_ok=True)
    (side / name).write_text(text)
    os.utime(side / name, (mtime, mtime))


def test_equal_trees_have_no_changes(sides: tuple[Path, Path], compared: Compare) -> None:
    for side in sides:
        write(side, "d/f")
    assert compared() == []


def test_changes_come_in_the_order_of_a_walk(sides: tuple[Path, Path], compared: Compare) -> None:
    left, right = sides
    write(left, "gone/deep/f")
    write(left, "b")
    write(right, "b", "y")
    write(right, "new/f")
    write(right, "a")
    assert compared() == [("add", "a"), ("modify", "b"), ("delete", "gone"), ("add", "new"), ("add", "new/f")]


def test_whole_seconds_are_not_believed(sides: tuple[Path, Path], compared: Compare) -> None:
    write(sides[0], "f", "one")
    write(sides[1], "f", "two")
    assert compared() == [("modify", "f")]


def test_equal_times_with_fractions_are_believed(sides: tuple[Path, Path], compared: Compare) -> None:
    write(sides[0], "f", "one", 1000.25)
    write(sides[1], "f", "two", 1000.25)
    assert compared() == []


@pytest.mark.parametrize("what", ["mode", "time", "size"])
def test_each_difference_is_seen(sides: tuple[Path, Path], compared: Compare, what: str) -> None:
    for side in sides:
        write(side, "f")
    if what == "mode":
        os.chmod(sides[1] / "f", 0o600)
    else:
        write(sides[1], "f", "xx" if what == "size" else "x", 1000 if what == "size" else 2000)
    assert compared() == [("modify", "f")]


def test_a_folder_that_became_a_file_is_one_change_and_the_reverse_brings_its_contents(
    sides: tuple[Path, Path], compared: Compare
) -> None:
    write(sides[0], "a/x")
    write(sides[1], "a")
    write(sides[0], "b")
    write(sides[1], "b/x")
    assert compared() == [("modify", "a"), ("modify", "b"), ("add", "b/x")]


def test_a_link_with_another_target_is_a_change(sides: tuple[Path, Path], compared: Compare) -> None:
    for side, link in zip(sides, ("aa", "bb"), strict=True):
        (side / "l").symlink_to(link)
        os.utime(side / "l", (1000, 1000), follow_symlinks=False)
    assert compared() == [("modify", "l")]


def test_names_of_unchanged_files_with_several_names_are_told(sides: tuple[Path, Path], compared: Compare) -> None:
    for side in sides:
        write(side, "a")
        os.link(side / "a", side / "b")
    assert compared() == [("unmodified", "a"), ("unmodified", "b")]
