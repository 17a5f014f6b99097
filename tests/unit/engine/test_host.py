"""The host."""

from engine import host


def test_the_host_is_known() -> None:
    found = host.look()
    assert found.kernel >= (4, 0)
    assert found.machine
    assert host.bounding_set() >= 0
