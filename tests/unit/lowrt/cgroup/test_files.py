"""Reading, writing and removing, on an ordinary folder in cgroupfs's place."""

import errno
from pathlib import Path

import pytest

from lowrt.cgroup import files
from lowrt.cgroup.files import CgroupError


def test_a_value_is_written_into_a_file_that_exists(tmp_path: Path) -> None:
    (tmp_path / "pids.max").touch()
    files.write(str(tmp_path), "pids.max", "5")
    assert files.read(str(tmp_path), "pids.max") == "5"


def test_a_missing_file_is_told_with_its_path_and_errno(tmp_path: Path) -> None:
    with pytest.raises(CgroupError, match=r"^open .*/nope: no such file or directory$") as caught:
        files.write(str(tmp_path), "nope", "5")
    assert caught.value.errno == errno.ENOENT
    assert not (tmp_path / "nope").exists()


def test_what_the_kernel_refuses_is_told_with_the_value() -> None:
    with pytest.raises(CgroupError, match=r'^failed to write "5": write /dev/full: no space left on device$'):
        files.write("/dev", "full", "5")


@pytest.mark.parametrize(("text", "number"), [("7\n", 7), ("max\n", (1 << 64) - 1), ("-1\n", 0)])
def test_numbers_are_counted_as_runc_counts_them(tmp_path: Path, text: str, number: int) -> None:
    (tmp_path / "n").write_text(text)
    assert files.read_int(str(tmp_path), "n") == number


def test_a_missing_file_may_have_a_default(tmp_path: Path) -> None:
    assert files.read_or(str(tmp_path), "n", "0") == "0"


def test_pids_are_collected_from_every_level(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text("1\n2\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "cgroup.procs").write_text("3\n")
    (tmp_path / "going").mkdir()
    assert files.pids(str(tmp_path)) == [1, 2]
    assert sorted(files.all_pids(str(tmp_path))) == [1, 2, 3]


def test_making_is_done_with_parents_and_twice_is_fine(tmp_path: Path) -> None:
    for _ in range(2):
        files.make(str(tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").is_dir()


def test_removing_takes_the_inner_ones_first_and_twice_is_fine(tmp_path: Path) -> None:
    files.make(str(tmp_path / "a" / "b" / "c"))
    for _ in range(2):
        files.remove(str(tmp_path / "a"))
    assert not (tmp_path / "a").exists()


def test_what_cannot_be_removed_is_told(tmp_path: Path) -> None:
    files.make(str(tmp_path / "a"))
    (tmp_path / "a" / "file").touch()
    with pytest.raises(CgroupError, match=r"rmdir .*/a: directory not empty"):
        files.remove(str(tmp_path / "a"))
