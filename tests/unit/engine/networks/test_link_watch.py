"""What the kernel's announcements of links and addresses mean for us."""

import asyncio
import socket
import struct
from collections.abc import Collection

import pytest

from engine.networks import links
from engine.networks.link_watch import LinkWatch, disturbed
from engine.networks.netlink import attribute

NAMES, GATEWAYS = {"br0", "veth1"}, {socket.inet_aton("10.9.0.1"): "br0"}


def message(kind: int, payload: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, 0, 0, 0) + payload


def link(kind: int, name: str, flags: int = links.IFF_UP, changed: int = 0) -> bytes:
    return message(kind, struct.pack("=BxHiII", 0, 1, 5, flags, changed) + attribute(links.IFLA_IFNAME, name))


def address(text: str, kind: int = 21) -> bytes:
    own = attribute(links.IFA_LOCAL, socket.inet_aton(text))
    return message(kind, struct.pack("=BBBBI", 2, 24, 0, 0, 5) + own)


def found(*messages: bytes) -> set[str]:
    return disturbed(b"".join(messages), lambda: NAMES, lambda: GATEWAYS)


def test_a_link_that_goes_or_is_set_down_is_told_by_its_name() -> None:
    assert found(link(links.RTM_DELLINK, "br0"), link(links.RTM_DELLINK, "eth7")) == {"br0"}
    assert found(link(links.RTM_NEWLINK, "veth1", 0, links.IFF_UP)) == {"veth1"}


def test_an_address_that_goes_is_told_by_its_bridge() -> None:
    assert found(address("10.9.0.1"), address("10.9.0.7")) == {"br0"}


@pytest.mark.parametrize(
    "data",
    [
        link(links.RTM_NEWLINK, "br0"),
        link(links.RTM_NEWLINK, "br0", 0, 0),
        link(links.RTM_NEWLINK, "br0", links.IFF_UP, links.IFF_UP),
        address("10.9.0.1", links.RTM_NEWADDR),
        message(links.RTM_DELLINK, b""),
        message(21, b"\0" * 5),
        b"\0" * 20,
        b"",
    ],
)
def test_all_else_disturbs_nobody(data: bytes) -> None:
    assert found(data) == set()


async def test_a_disturbance_is_repaired_and_one_that_could_not_be_read_means_everything() -> None:
    called: list[set[str]] = []
    done = asyncio.Event()

    async def repair(names: Collection[str]) -> None:
        called.append(set(names))
        done.set()

    watch = LinkWatch(lambda: NAMES, lambda: GATEWAYS, repair)
    watch.start()
    try:
        for announced in (link(links.RTM_DELLINK, "br0"), None):
            watch.hear(announced)
            async with asyncio.timeout(30):
                await done.wait()
            done.clear()
    finally:
        await watch.close()
    assert called == [{"br0"}, set()]
