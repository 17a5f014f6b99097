"""What is asked of the kernel's memory of connections, and what of its answers is meant."""

import errno
import ipaddress
import struct
from pathlib import Path

import pytest

from engine.networks import conntrack
from engine.networks.conntrack import Connection, Conntrack, Gone
from engine.networks.netlink import Message, attribute

OWN, CALLER = bytes([10, 9, 0, 2]), bytes([192, 0, 2, 2])


def told(source: bytes, answers: bytes, protocol: int, port: int, number: int = 1) -> bytes:
    """A connection as the kernel tells of it."""
    ends = attribute(2, [attribute(1, bytes([protocol])), attribute(3, struct.pack(">H", port))])
    first = attribute(1, [attribute(1, [attribute(1, source), attribute(2, bytes(4))]), ends])
    answer = attribute(2, [attribute(1, [attribute(1, answers), attribute(2, source)]), ends])
    return struct.pack(">BBH", 2, 0, 0) + first + answer + attribute(12, struct.pack(">I", number))


class FakeNetlink:
    """A socket whose dumps are given, and whose requests are kept."""

    def __init__(self, *payloads: bytes, refuse: int = 0) -> None:
        self.payloads = payloads
        self.refuse = refuse
        self.deleted: list[Message] = []

    def dump(self, message: Message) -> list[bytes]:
        if self.refuse:
            raise OSError(self.refuse, "no")
        return list(self.payloads)

    def request(self, message: Message) -> None:
        self.deleted.append(message)
        if len(self.deleted) > 1:
            raise FileNotFoundError(errno.ENOENT, "gone")


@pytest.fixture(autouse=True)
def connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the kernel's count of them."""
    path = tmp_path / "count"
    path.write_text("3\n")
    monkeypatch.setattr(conntrack, "_COUNT", str(path))
    return path


def made(*payloads: bytes, refuse: int = 0) -> tuple[Conntrack, FakeNetlink]:
    found, fake = Conntrack.__new__(Conntrack), FakeNetlink(*payloads, refuse=refuse)
    found._netlink = fake  # type: ignore[assignment]
    return found, fake


def test_a_connection_is_read() -> None:
    assert conntrack.read(told(CALLER, OWN, 6, 8080)) == Connection(CALLER, OWN, 6, 8080)
    assert conntrack.read(b"") == Connection(b"", b"", 0, 0)


@pytest.mark.parametrize(
    ("gone", "meant"),
    [
        (Gone(ipaddress.ip_address("10.9.0.2")), True),
        (Gone(ipaddress.ip_address("192.0.2.2")), True),
        (Gone(ipaddress.ip_address("10.9.0.3")), False),
        (Gone(ipaddress.ip_address("10.9.0.2"), 6, 8080), True),
        (Gone(ipaddress.ip_address("10.9.0.2"), 17, 8080), False),
        (Gone(None, 6, 8081), False),
        (Gone(None, 6, 8080), True),
    ],
)
def test_all_that_is_said_must_apply(gone: Gone, meant: bool) -> None:
    assert Connection(CALLER, OWN, 6, 8080).is_gone(gone) == meant


def test_by_an_address_the_kernel_is_asked_for_both_ends_and_without_for_all() -> None:
    four, six = Gone(ipaddress.ip_address("10.9.0.2")), Gone(ipaddress.ip_address("fd09::2"))
    assert [one.payload[0] for one in conntrack.questions(four)] == [2, 2]
    assert [one.payload[0] for one in conntrack.questions(six)] == [10, 10]
    assert [one.payload for one in conntrack.questions(Gone(None, 17, 53))] == [
        bytes([2, 0, 0, 0]),
        bytes([10, 0, 0, 0]),
    ]
    assert len(conntrack.questions(Gone(None, 17, 53, (4,)))) == 1


def test_where_there_are_few_connections_all_are_told_of_in_one_question() -> None:
    wanted = [Gone(ipaddress.ip_address("10.9.0.2")), Gone(ipaddress.ip_address("10.9.0.3"))]
    assert [(one.payload, gones) for one, gones in conntrack.together(wanted)] == [(bytes([2, 0, 0, 0]), wanted)]
    wanted.append(Gone(None, 17, 53))
    assert [one.payload[0] for one, _ in conntrack.together(wanted)] == [2, 10]


def test_what_is_meant_is_deleted_once_and_one_that_ended_meanwhile_is_no_error() -> None:
    tracked, netlink = made(told(CALLER, OWN, 6, 8080), told(CALLER, OWN, 6, 8081), told(CALLER, OWN, 6, 8080, 2))
    assert tracked.forget([Gone(ipaddress.ip_address("10.9.0.2"), 6, 8080)]) == 1
    assert [one.kind for one in netlink.deleted] == [258, 258]
    assert netlink.deleted[0].payload != netlink.deleted[1].payload


def test_a_kernel_that_cannot_tell_is_no_error() -> None:
    assert made(refuse=errno.EOPNOTSUPP)[0].forget([Gone(None, 6, 80)]) == 0
    with pytest.raises(PermissionError):
        made(refuse=errno.EPERM)[0].forget([Gone(None, 6, 80)])


def test_where_there_are_none_nothing_is_asked(connections: Path) -> None:
    wanted = [Gone(ipaddress.ip_address("10.9.0.2"))]
    connections.write_text("0\n")
    assert made(refuse=errno.EPERM)[0].forget(wanted) == 0
    connections.unlink()
    assert made(refuse=errno.EPERM)[0].forget(wanted) == 0, "a kernel without connection tracking"
    connections.write_text("99999\n")
    assert made(told(CALLER, OWN, 6, 8080))[0].forget(wanted) == 1
