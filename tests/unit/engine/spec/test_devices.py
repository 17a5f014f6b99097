"""Device nodes and rules."""

import pytest

from engine.spec import devices
from proto.errdefs import InvalidArgument, NotFound


def test_a_host_device_becomes_a_node_and_a_rule() -> None:
    nodes, rules = devices.mapped([{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "r"}])
    assert (nodes[0]["path"], nodes[0]["type"], nodes[0]["major"], nodes[0]["minor"]) == ("/dev/x", "c", 1, 3)
    assert rules == [{"allow": True, "access": "r", "type": "c", "major": 1, "minor": 3}]


def test_what_is_no_device_is_refused() -> None:
    with pytest.raises(NotFound, match="no such file or directory"):
        devices.mapped([{"PathOnHost": "/dev/no-such"}])
    with pytest.raises(NotFound, match="not a device node"):
        devices.mapped([{"PathOnHost": "/etc/passwd"}])


def test_rules_in_words() -> None:
    assert devices.parse_rule("c 1:* mr") == {"allow": True, "type": "c", "access": "mr", "major": 1}
    for text in ("x", "c 1 r", "c 1:2 q"):
        with pytest.raises(InvalidArgument, match="invalid device cgroup rule"):
            devices.parse_rule(text)


def test_a_bad_mode_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="invalid device mode: q"):
        devices.check_mapping({"CgroupPermissions": "q"})


def test_the_hosts_devices_have_no_terminals_among_them() -> None:
    names = [node["path"] for node in devices.host_devices()]
    assert "/dev/null" in names
    assert not [name for name in names if name.startswith("/dev/pts")]
