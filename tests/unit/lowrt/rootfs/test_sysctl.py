"""A procfs that is one, and writes through it."""

import os

import pytest

from lowrt.errors import Fault
from lowrt.rootfs.sysctl import open_proc, write_sysctls


def test_only_the_root_of_a_procfs_is_taken_for_one() -> None:
    os.close(open_proc())
    with pytest.raises(Fault, match="/tmp is not a procfs"):
        open_proc("/tmp")
    with pytest.raises(Fault, match="/proc/sys is not a procfs"):
        open_proc("/proc/sys")


def test_a_sysctl_that_is_not_there_is_told_with_its_name() -> None:
    proc = open_proc()
    try:
        with pytest.raises(Fault, match=r"^open sysctl net\.ipv4\.nope file: no such file or directory$"):
            write_sysctls([proc], {"net.ipv4.nope": "1"})
    finally:
        os.close(proc)
