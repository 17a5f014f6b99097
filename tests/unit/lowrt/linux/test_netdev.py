"""Devices by name."""

import pytest

from lowrt.linux import netdev


def test_a_device_that_is_not_there_is_an_error() -> None:
    with pytest.raises(OSError, match="No such device"):
        netdev.bring_up("nodev0")


def test_the_request_has_the_kernels_size() -> None:
    """struct ifreq."""
    assert netdev._IFREQ.size == 40
