"""A terminal only from a devpts."""

import os
import pty
import stat

import pytest

from lowrt.init import console


@pytest.mark.skipif(not os.path.exists("/dev/pts/ptmx"), reason="needs a devpts")
def test_the_multiplexer_is_looked_at_before_it_is_used() -> None:
    try:
        fd = console._open_ptmx()
    except PermissionError:
        pytest.skip("/dev/pts/ptmx is not for everybody here")
    assert stat.S_ISCHR(os.fstat(fd).st_mode)
    os.close(fd)


def test_any_other_pty_is_not_it() -> None:
    master, other = pty.openpty()
    assert os.fstat(other).st_rdev != console._PTMX
    os.close(master)
    os.close(other)
