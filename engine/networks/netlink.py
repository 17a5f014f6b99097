"""Netlink by hand: messages and attributes as bytes, and a socket that sends a batch and reads its acknowledgements.

Packed here rather than by a library, because a container's start pays for every call: a veth with address and route is
five messages, a millisecond in all, where pyroute2 takes that long for each and 150 ms to be imported. Formats:
netlink(7), rtnetlink(7), https://docs.kernel.org/userspace-api/netlink/intro.html
"""

import contextlib
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLA_F_NESTED = 0x8000
_NLA_TYPE_MASK = 0x3FFF
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_ERROR = struct.Struct("=i")
_RECEIVE = 1 << 16
_SOL_NETLINK, _NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK = 270, 10, 11, 12
_NLM_F_CAPPED, _NLM_F_ACK_TLVS = 0x100, 0x200
_NLMSGERR_ATTR_MSG = 1
_SO_SNDBUFFORCE = 32


def attribute(kind: int, value: bytes | int | str | Iterable[bytes]) -> bytes:
    """One attribute: bytes as they are, an int as u32, text with its zero, several attributes as a nest."""
    if isinstance(value, int):
        data = struct.pack("=I", value)
    elif isinstance(value, str):
        data = value.encode() + b"\0"
    elif isinstance(value, bytes):
        data = value
    else:
        data, kind = b"".join(value), kind | NLA_F_NESTED
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(data), kind) + data + bytes(-len(data) % 4)


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes in a message's or a nest's bytes."""
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            return
        yield kind & _NLA_TYPE_MASK, data[offset + _ATTRIBUTE.size : offset + length]
        offset += length + (-length % 4)


@dataclass(frozen=True, slots=True)
class Message:
    """One request: its type, flags beside REQUEST, and payload (family header and attributes)."""

    kind: int
    payload: bytes
    flags: int = 0
    acknowledged: bool = True

    def pack(self, sequence: int) -> bytes:
        flags = NLM_F_REQUEST | self.flags | (NLM_F_ACK if self.acknowledged else 0)
        length = _HEADER.size + len(self.payload)
        return _HEADER.pack(length, self.kind, flags, sequence, 0) + self.payload + bytes(-len(self.payload) % 4)


class Received(NamedTuple):
    """One message of the kernel's."""

    kind: int
    sequence: int
    sender: int  # the number of the socket that it answers, or whose change it announces
    payload: bytes


class Netlink:
    """A netlink socket in the network namespace of the thread that made it."""

    def __init__(self, protocol: int, *, send_buffer: int = 0) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.bind((0, 0))
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_EXT_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_CAP_ACK, 1)
        with contextlib.suppress(OSError):  # of Linux 4.20: dumps of what was asked for, and nothing else
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)
        if send_buffer:
            with contextlib.suppress(PermissionError):
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, send_buffer)
        self._sequence = 0

    @property
    def sender(self) -> int:
        """The number by which the kernel knows this socket."""
        return int(self._socket.getsockname()[0])

    def request(self, *messages: Message) -> None:
        """Send messages in one go; the first refusal is raised as OSError, after all answers have been read."""
        waiting: dict[int, Message] = {}
        packed = []
        for message in messages:
            self._sequence += 1
            packed.append(message.pack(self._sequence))
            if message.acknowledged:
                waiting[self._sequence] = message
        first, last = self._sequence - len(messages) + 1, self._sequence
        self._socket.send(b"".join(packed))
        refusal: OSError | None = None
        while waiting:
            for kind, sequence, _, payload in self._receive():
                if kind != NLMSG_ERROR or not first <= sequence <= last:
                    continue
                error = _refusal(payload)
                if error is not None:
                    refusal = refusal or error
                    if sequence not in waiting:
                        waiting.clear()  # the batch as a whole was refused (nfnetlink answers its frame)
                waiting.pop(sequence, None)
        if refusal is not None:
            raise refusal

    def dump(self, message: Message) -> list[bytes]:
        """Send a dump request; answers the payload of each message of it."""
        self._sequence += 1
        asked = Message(message.kind, message.payload, message.flags | NLM_F_DUMP, acknowledged=False)
        self._socket.send(asked.pack(self._sequence))
        found: list[bytes] = []
        while True:
            for kind, sequence, _, payload in self._receive():
                if sequence != self._sequence:
                    continue
                if kind == NLMSG_DONE:
                    return found
                if kind == NLMSG_ERROR:
                    error = _refusal(payload)
                    if error is not None:
                        raise error
                found.append(payload)

    def get(self, message: Message) -> bytes:
        """Send a request for one object; answers its payload."""
        self._sequence += 1
        self._socket.send(Message(message.kind, message.payload, acknowledged=False).pack(self._sequence))
        while True:
            for kind, sequence, _, payload in self._receive():
                if sequence != self._sequence:
                    continue
                error = _refusal(payload) if kind == NLMSG_ERROR else None
                if error is not None:
                    raise error
                return payload

    def close(self) -> None:
        self._socket.close()

    def _receive(self) -> Iterator[Received]:
        return parse(self._socket.recv(_RECEIVE))


def parse(data: bytes) -> Iterator[Received]:
    """Each message in what was received."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, sequence, sender = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        payload = data[offset + _HEADER.size : offset + length]
        if kind == NLMSG_ERROR and flags & _NLM_F_ACK_TLVS:
            payload = payload[: _ERROR.size] + _tail(payload, flags)
        yield Received(kind, sequence, sender, payload)
        offset += length + (-length % 4)


def _tail(payload: bytes, flags: int) -> bytes:
    """The attributes behind an error: after the request's header, and its body where that was sent back too."""
    offset = _ERROR.size + _HEADER.size
    if not flags & _NLM_F_CAPPED:
        (length,) = struct.unpack_from("=I", payload, _ERROR.size)
        offset = _ERROR.size + length + (-length % 4)
    return payload[offset:]


def _refusal(payload: bytes) -> OSError | None:
    (code,) = _ERROR.unpack_from(payload)
    if code == 0:
        return None
    texts = [value for kind, value in attributes(payload[_ERROR.size :]) if kind == _NLMSGERR_ATTR_MSG]
    reason = f": {texts[0].rstrip(bytes(1)).decode(errors='replace')}" if texts else ""
    return OSError(-code, os.strerror(-code) + reason)
