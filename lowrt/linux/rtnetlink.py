"""rtnetlink(7), as much of it as moving an interface into a container takes. Messages are bytes; the socket is apart.

u32 length · u16 type · u16 flags · u32 sequence · u32 port │ ifinfomsg or ifaddrmsg │ attributes
attribute: u16 length · u16 type · value, padded to 4
"""

import _socket
import os
import struct

from lowrt.errors import Fault

_NETLINK_ROUTE = 0
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_RTM_NEWLINK, _RTM_GETLINK = 16, 18
_RTM_NEWADDR, _RTM_GETADDR = 20, 22
_REQUEST, _ACK, _DUMP = 0x1, 0x4, 0x300
_CREATE, _EXCL = 0x400, 0x200
_IFLA_IFNAME, _IFLA_NET_NS_FD = 3, 28
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST, _IFA_FLAGS = 1, 2, 4, 8
_IFF_UP = 0x1
_PERMANENT = 0x80
_UNIVERSE = 0

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_ATTRIBUTE = struct.Struct("=HH")


class Address:
    """An address of an interface, as much of it as can go along."""

    __slots__ = ("family", "flags", "prefix", "scope", "values")

    def __init__(self, family: int, prefix: int, flags: int, scope: int, values: dict[int, bytes]) -> None:
        self.family = family
        self.prefix = prefix
        self.flags = flags
        self.scope = scope
        self.values = values  # IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST

    @property
    def goes_along(self) -> bool:
        """What somebody has set, and what means something elsewhere: no lease, nothing of the link alone."""
        return bool(self.flags & _PERMANENT) and self.scope == _UNIVERSE

    def __str__(self) -> str:
        address = self.values.get(_IFA_LOCAL) or self.values.get(_IFA_ADDRESS) or b""
        return f"{_socket.inet_ntop(self.family, address)}/{self.prefix}" if address else "?"


def message(kind: int, flags: int, sequence: int, body: bytes, attributes: "list[tuple[int, bytes]]") -> bytes:
    """One request."""
    for number, value in attributes:
        body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), number) + value + bytes(-len(value) % 4)
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, sequence, 0) + body


def messages(data: bytes) -> "list[tuple[int, int, bytes]]":
    """(type, sequence, body) of each answer in a datagram."""
    found, position = [], 0
    while position + _HEADER.size <= len(data):
        length, kind, _, sequence, _ = _HEADER.unpack_from(data, position)
        if length < _HEADER.size or position + length > len(data):
            raise Fault("malformed answer from netlink")
        found.append((kind, sequence, data[position + _HEADER.size : position + length]))
        position += (length + 3) & ~3
    return found


def attributes_of(data: bytes) -> dict[int, bytes]:
    """The attributes after a message's head."""
    found, position = {}, 0
    while position + _ATTRIBUTE.size <= len(data):
        length, number = _ATTRIBUTE.unpack_from(data, position)
        if length < _ATTRIBUTE.size or position + length > len(data):
            raise Fault("malformed attribute from netlink")
        found[number & 0x3FFF] = data[position + _ATTRIBUTE.size : position + length]
        position += (length + 3) & ~3
    return found


def address_from(body: bytes) -> tuple[int, Address]:
    """(index of the interface, address) of an RTM_NEWADDR."""
    family, prefix, flags, scope, index = _ADDRESS.unpack_from(body)
    values = attributes_of(body[_ADDRESS.size :])
    if _IFA_FLAGS in values:
        flags = int.from_bytes(values[_IFA_FLAGS][:4], "little" if _HEADER.pack(1, 0, 0, 0, 0)[0] else "big")
    kept = {number: values[number] for number in (_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST) if number in values}
    return index, Address(family, prefix, flags, scope, kept)


class Route:
    """A netlink socket, in the network namespace in which it was made."""

    def __init__(self) -> None:
        kind = _socket.SOCK_RAW | _socket.SOCK_CLOEXEC
        self._socket = _socket.socket(_socket.AF_NETLINK, kind, _NETLINK_ROUTE)
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def index_of(self, name: str) -> int:
        """The interface of that name; OSError ENODEV where there is none."""
        head = _LINK.pack(0, 0, 0, 0, 0)
        answers = self._ask(_RTM_GETLINK, 0, head, [(_IFLA_IFNAME, name.encode() + b"\0")])
        return int(_LINK.unpack_from(answers[0])[2])

    def set_up(self, index: int, *, up: bool) -> None:
        self._ask(_RTM_NEWLINK, _ACK, _LINK.pack(0, 0, index, _IFF_UP if up else 0, _IFF_UP), [])

    def move(self, index: int, namespace_fd: int, name: str) -> None:
        """Into a network namespace, under that name there, in one step."""
        attributes = [(_IFLA_IFNAME, name.encode() + b"\0"), (_IFLA_NET_NS_FD, struct.pack("=I", namespace_fd))]
        self._ask(_RTM_NEWLINK, _ACK, _LINK.pack(0, 0, index, 0, 0), attributes)

    def addresses(self, index: int) -> list[Address]:
        """Those of one interface, of both families."""
        answers = self._ask(_RTM_GETADDR, _DUMP, _ADDRESS.pack(0, 0, 0, 0, 0), [])
        return [address for owner, address in map(address_from, answers) if owner == index]

    def add_address(self, index: int, address: Address) -> None:
        head = _ADDRESS.pack(address.family, address.prefix, 0, address.scope, index)
        self._ask(_RTM_NEWADDR, _ACK | _CREATE | _EXCL, head, list(address.values.items()))

    def _ask(self, kind: int, flags: int, head: bytes, attributes: "list[tuple[int, bytes]]") -> list[bytes]:
        """The answers' bodies; OSError is the kernel's no."""
        self._sequence += 1
        self._socket.send(message(kind, _REQUEST | flags, self._sequence, head, attributes))
        bodies: list[bytes] = []
        while True:
            for answer, sequence, body in messages(self._socket.recv(1 << 17)):
                if sequence != self._sequence:
                    continue
                if answer == _NLMSG_DONE:
                    return bodies
                if answer == _NLMSG_ERROR:
                    code = -struct.unpack_from("=i", body)[0]
                    if code:
                        raise OSError(code, f"rtnetlink: {os.strerror(code)}")
                    return bodies
                bodies.append(body)
            if bodies and not flags & (_DUMP | _ACK):
                return bodies
