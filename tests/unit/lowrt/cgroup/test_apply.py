"""Carrying out writes, minding their marks."""

from pathlib import Path

import pytest

from lowrt.cgroup.apply import carry_out
from lowrt.cgroup.files import CgroupError
from lowrt.cgroup.resources import Write


def test_values_land_in_their_files_in_order(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()
    carry_out(str(tmp_path), [Write("a", 1), Write("b", 2)])
    assert ((tmp_path / "a").read_text(), (tmp_path / "b").read_text()) == ("1", "2")


def test_an_optional_file_may_be_missing_another_may_not(tmp_path: Path) -> None:
    carry_out(str(tmp_path), [Write("a", 1, optional=True)])
    with pytest.raises(CgroupError):
        carry_out(str(tmp_path), [Write("a", 1)])


def test_the_other_file_is_used_where_the_first_is_missing(tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    carry_out(str(tmp_path), [Write("a", 1, otherwise=("b", "9"))])
    assert (tmp_path / "b").read_text() == "9"


def test_shares_that_the_kernel_clamped_are_an_error(tmp_path: Path) -> None:
    # A file that keeps the longer old text plays the kernel that has a mind of its own.
    (tmp_path / "cpu.shares").write_text("1024")
    with pytest.raises(CgroupError, match="the minimum allowed cpu-shares is 1024"):
        carry_out(str(tmp_path), [Write("cpu.shares", "1", confirm=True)])
