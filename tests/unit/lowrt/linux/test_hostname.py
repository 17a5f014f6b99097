"""Names are set by those who may."""

import os
import socket

import pytest

from lowrt.linux import hostname


@pytest.mark.parametrize("call", [hostname.sethostname, hostname.setdomainname])
def test_a_name_that_is_too_long_is_refused_by_the_kernel(call: object) -> None:
    """EINVAL for root, EPERM for others; either way the host keeps its name."""
    before = socket.gethostname()
    with pytest.raises(OSError, match="name: ") as caught:
        call("x" * 65)  # type: ignore[operator]
    assert caught.value.errno == (22 if os.geteuid() == 0 else 1)
    assert socket.gethostname() == before
