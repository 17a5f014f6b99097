"""Device nodes and rules."""

from pathlib import Path

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


def test_the_default_rules_are_dockers() -> None:
    """Everything forbidden, then null, zero, full and friends; the last closes /dev/fuse again."""
    shown = [
        (rule["allow"], rule.get("type"), rule.get("major"), rule.get("minor"), rule["access"])
        for rule in devices.DEFAULT_RULES
    ]
    assert shown == [
        (False, None, None, None, "rwm"),
        (True, "c", 1, 5, "rwm"),
        (True, "c", 1, 3, "rwm"),
        (True, "c", 1, 9, "rwm"),
        (True, "c", 1, 8, "rwm"),
        (True, "c", 5, 0, "rwm"),
        (True, "c", 5, 1, "rwm"),
        (False, "c", 10, 229, "rwm"),
    ]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a *:* rwm", {"allow": True, "type": "a", "access": "rwm"}),
        ("b 8:* r", {"allow": True, "type": "b", "major": 8, "access": "r"}),
        ("c *:3 wm", {"allow": True, "type": "c", "minor": 3, "access": "wm"}),
    ],
)
def test_a_star_is_every_number(text: str, rule: dict) -> None:
    """Left out of the spec, which says the same."""
    assert devices.parse_rule(text) == rule


@pytest.mark.parametrize(
    "text",
    ["", "c 1:2", "c 1:2 rwmr", "c 1:2  r", " c 1:2 r", "d 1:2 r", "c -1:2 r", "c 1:2 r\nb 8:0 rwm"],
)
def test_rules_that_are_none(text: str) -> None:
    """Nothing is written to a cgroup file that dockerd would not write."""
    with pytest.raises(InvalidArgument, match="invalid device cgroup rule format"):
        devices.parse_rule(text)


def test_a_line_feed_at_the_end_is_no_part_of_a_rule() -> None:
    """Go's dollar sign is the end of the text."""
    for call in (
        lambda: devices.parse_rule("c 1:2 r\n"),
        lambda: devices.check_mapping({"PathOnHost": "/dev/null", "CgroupPermissions": "rw\n"}),
    ):
        with pytest.raises(InvalidArgument):
            call()


@pytest.mark.parametrize("mode", ["rwmx", "R", "rr rw"])
def test_permissions_that_are_none(mode: str) -> None:
    """r, w and m."""
    with pytest.raises(InvalidArgument, match="invalid device mode"):
        devices.check_mapping({"PathOnHost": "/dev/null", "CgroupPermissions": mode})


def test_what_is_not_said_is_the_same_path_and_everything() -> None:
    """`--device /dev/null`."""
    nodes, rules = devices.mapped([{"PathOnHost": "/dev/null"}])
    assert nodes[0]["path"] == "/dev/null"
    assert rules[0]["access"] == "rwm"


def test_a_link_stands_for_its_device_and_a_folder_for_all_of_them(tmp_path: Path) -> None:
    """/dev/disk/by-id is full of links; at the container's end they have the names asked for."""
    (tmp_path / "link").symlink_to("/dev/null")
    nodes, _ = devices.mapped([{"PathOnHost": str(tmp_path / "link"), "PathInContainer": "/dev/x"}])
    assert [(node["path"], node["major"], node["minor"]) for node in nodes] == [("/dev/x", 1, 3)]
    nodes, rules = devices.mapped([{"PathOnHost": "/dev/pts", "PathInContainer": "/dev/terminals"}])
    assert all(node["path"].startswith("/dev/terminals/") for node in nodes)
    assert len(nodes) == len(rules)
