"""The kernel's memory of connections, by ctnetlink: what leads to somebody who is gone is forgotten.

A connection is translated as its first packet was, for as long as it is remembered. So one that was let in by a port
that is no longer published goes on, a datagram's client that was there before a port is answered by nobody, and a
container that gets the address of another inherits its callers. Formats: linux/netfilter/nfnetlink_conntrack.h.
"""

import errno
import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from engine.networks.netlink import Message, Netlink, attribute, attributes

_NETLINK_NETFILTER = 12
_SUBSYSTEM, _GET, _DELETE = 1 << 8, 1, 2
_FAMILY_HEADER = struct.Struct(">BBH")  # struct nfgenmsg
_TUPLE_ORIGINAL, _TUPLE_REPLY, _ID, _FILTER = 1, 2, 12, 25
_IP, _PROTOCOL = 1, 2
_SOURCE4, _SOURCE6 = 1, 3
_NUMBER, _DESTINATION_PORT = 1, 3
_FILTER_ORIGINAL, _FILTER_REPLY, _BY_SOURCE = 1, 2, 1 << 0
_AF_INET, _AF_INET6 = 2, 10

_COUNT = "/proc/sys/net/netfilter/nf_conntrack_count"
_FEW = 1000  # connections that are quicker looked through here than by another walk of the kernel

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Gone:
    """Which connections are to be forgotten: those to which all applies that is said."""

    address: Address | None = None  # who began it, or answers
    protocol: int = 0
    port: int = 0  # whom the first packet was for, before any translation
    either: Sequence[int] = (4, 6)

    @property
    def versions(self) -> Sequence[int]:
        return (self.address.version,) if self.address is not None else self.either


@dataclass(frozen=True, slots=True)
class Connection:
    """What matters of one connection."""

    source: bytes
    answers: bytes  # who does, by address
    protocol: int
    port: int

    def is_gone(self, gone: Gone) -> bool:
        if gone.address is not None and gone.address.packed not in (self.source, self.answers):
            return False
        return gone.protocol in (0, self.protocol) and gone.port in (0, self.port)


class Conntrack:
    """The connections of the namespace that the socket was made in.

    The kernel looks through all of its table for each question, ten milliseconds on a large host.
    """

    def __init__(self) -> None:
        self._netlink = Netlink(_NETLINK_NETFILTER)

    def forget(self, wanted: Sequence[Gone]) -> int:
        """Forget connections; answers how many."""
        known = _count()
        if not wanted or known == 0:
            return 0
        asked = together(wanted) if known < _FEW else [(one, [gone]) for gone in wanted for one in questions(gone)]
        meant: dict[bytes, Message] = {}
        for question, gones in asked:
            try:
                found = self._netlink.dump(question)
            except OSError as error:
                if error.errno in (errno.EOPNOTSUPP, errno.EINVAL):
                    return 0  # a kernel without ctnetlink
                raise
            for payload in found:
                connection = read(payload)
                if any(connection.is_gone(gone) for gone in gones):
                    deletion = _deletion(payload)
                    meant[deletion.payload] = deletion
        return sum(self._delete(message) for message in meant.values())

    def close(self) -> None:
        self._netlink.close()

    def _delete(self, message: Message) -> int:
        try:
            self._netlink.request(message)
        except FileNotFoundError:  # it ended by itself meanwhile
            return 0
        return 1


def together(wanted: Sequence[Gone]) -> list[tuple[Message, Sequence[Gone]]]:
    """One question for each version of IP, whose answers are sorted out here."""
    versions = sorted({version for gone in wanted for version in gone.versions})
    return [(question, wanted) for question in questions(Gone(either=versions))]


def questions(gone: Gone) -> list[Message]:
    """What to ask the kernel for; it sorts out by address, so that a busy host need not tell of all it knows."""
    if gone.address is None:
        families = [_AF_INET if version == 4 else _AF_INET6 for version in gone.versions]
        return [Message(_SUBSYSTEM | _GET, _FAMILY_HEADER.pack(family, 0, 0)) for family in families]
    version = gone.address.version
    family, source = (_AF_INET, _SOURCE4) if version == 4 else (_AF_INET6, _SOURCE6)
    head = _FAMILY_HEADER.pack(family, 0, 0)
    return [
        Message(
            _SUBSYSTEM | _GET,
            head
            + attribute(which, [attribute(_IP, [attribute(source, gone.address.packed)])])
            + attribute(
                _FILTER,
                [
                    attribute(_FILTER_ORIGINAL, _BY_SOURCE if which == _TUPLE_ORIGINAL else 0),
                    attribute(_FILTER_REPLY, _BY_SOURCE if which == _TUPLE_REPLY else 0),
                ],
            ),
        )
        for which in (_TUPLE_ORIGINAL, _TUPLE_REPLY)
    ]


def read(payload: bytes) -> Connection:
    """One connection of a dump."""
    values = dict(attributes(payload[_FAMILY_HEADER.size :]))
    first, answer = (dict(attributes(values.get(which, b""))) for which in (_TUPLE_ORIGINAL, _TUPLE_REPLY))
    source, answers = (dict(attributes(one.get(_IP, b""))) for one in (first, answer))
    protocol = dict(attributes(first.get(_PROTOCOL, b"")))
    return Connection(
        source=source.get(_SOURCE4) or source.get(_SOURCE6) or b"",
        answers=answers.get(_SOURCE4) or answers.get(_SOURCE6) or b"",
        protocol=protocol.get(_NUMBER, b"\0")[0],
        port=int.from_bytes(protocol.get(_DESTINATION_PORT, b""), "big"),
    )


def _deletion(payload: bytes) -> Message:
    """By its first direction and its number, so that no younger one is meant."""
    values = dict(attributes(payload[_FAMILY_HEADER.size :]))
    parts = attribute(_TUPLE_ORIGINAL, [values[_TUPLE_ORIGINAL]]) + attribute(_ID, values[_ID])
    return Message(_SUBSYSTEM | _DELETE, payload[: _FAMILY_HEADER.size] + parts)


def _count() -> int:
    """How many connections the namespace has."""
    try:
        with open(_COUNT) as file:
            return int(file.read())
    except FileNotFoundError:
        return 0
