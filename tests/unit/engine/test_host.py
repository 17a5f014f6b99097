"""The host."""

import os

from engine import host
from engine.spec.capabilities import from_mask


def test_the_host_is_known() -> None:
    found = host.look()
    assert found.kernel >= (4, 0)
    assert found.machine
    assert host.bounding_set() >= 0


def test_what_we_have_not_we_cannot_give() -> None:
    """The names of our own bounding set."""
    assert host.look().capabilities == from_mask(host.bounding_set())


def test_the_kernel_is_two_numbers() -> None:
    """Whatever follows them."""
    major, minor = host.look().kernel
    assert os.uname().release.startswith(f"{major}.{minor}")
