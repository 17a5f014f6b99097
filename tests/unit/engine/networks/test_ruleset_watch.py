"""What the kernel's announcements mean for us."""

import struct

import pytest

from engine.networks.netlink import attribute
from engine.networks.ruleset_watch import is_disturbing

OURS, OTHER = 77, 99
NEWTABLE, DELTABLE, NEWCHAIN, NEWRULE, DELRULE = 0, 2, 3, 6, 8


def announced(change: int, table: str, chain: str = "", sender: int = OTHER, subsystem: int = 10) -> bytes:
    parts = attribute(1, table)
    if chain:
        parts += attribute(3 if change == NEWCHAIN else 2, chain)
    payload = struct.pack(">BBH", 2, 0, 0) + parts
    return struct.pack("=IHHII", 16 + len(payload), subsystem << 8 | change, 0, 0, sender) + payload


def disturbing(*messages: bytes) -> bool:
    return is_disturbing(b"".join(messages), (OURS,), {"wherry_br0"})


@pytest.mark.parametrize(
    "message",
    [
        announced(DELTABLE, "wherry_br0"),
        announced(DELRULE, "wherry_br0", "forward"),
        announced(NEWRULE, "wherry_br0", "forward"),
        announced(NEWCHAIN, "filter", "DOCKER-USER"),
        announced(NEWCHAIN, "filter", "FORWARD"),
        announced(DELRULE, "filter", "DOCKER-USER"),
    ],
)
def test_what_others_do_to_our_rules_disturbs(message: bytes) -> None:
    assert disturbing(announced(NEWTABLE, "other"), message)


@pytest.mark.parametrize(
    "message",
    [
        announced(DELTABLE, "wherry_br0", sender=OURS),
        announced(DELTABLE, "wherry_br1"),
        announced(NEWTABLE, "wherry_br0"),
        announced(NEWRULE, "filter", "DOCKER-USER"),
        announced(DELRULE, "filter", "INPUT"),
        announced(DELTABLE, "wherry_br0", subsystem=1),
        b"",
        b"\0" * 20,
    ],
)
def test_what_we_do_and_what_others_do_elsewhere_does_not(message: bytes) -> None:
    assert not disturbing(message)
