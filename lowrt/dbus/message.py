"""D-Bus messages: a header, a body, and the cutting of a stream into them; no I/O.

byte   endianness 'l' or 'B' · byte type · byte flags · byte version 1 · u32 body length · u32 serial
array of (byte, variant)     header fields: path 1, interface 2, member 3, error name 4, reply serial 5,
                             destination 6, sender 7, signature 8, number of fds 9
padding to 8 · body
"""

import struct

from lowrt.dbus.wire import Reader, Variant, WireError, Writer, marshal, split, unmarshal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

METHOD_CALL, METHOD_RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_REPLY_EXPECTED = 1
MAX_MESSAGE = 1 << 27

_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_SERIAL, _DESTINATION, _SENDER, _SIGNATURE, _FDS = range(1, 10)
_NAMES = {
    _PATH: "path",
    _INTERFACE: "interface",
    _MEMBER: "member",
    _ERROR_NAME: "error_name",
    _REPLY_SERIAL: "reply_serial",
    _DESTINATION: "destination",
    _SENDER: "sender",
    _SIGNATURE: "signature",
}
_TYPES = {
    _PATH: "o",
    _INTERFACE: "s",
    _MEMBER: "s",
    _ERROR_NAME: "s",
    _REPLY_SERIAL: "u",
    _DESTINATION: "s",
    _SENDER: "s",
    _SIGNATURE: "g",
}
_REQUIRED = {
    METHOD_CALL: ("path", "member"),
    METHOD_RETURN: ("reply_serial",),
    ERROR: ("error_name", "reply_serial"),
    SIGNAL: ("path", "interface", "member"),
}


class Message:
    """One message; a field that it has not is empty, or 0."""

    __slots__ = (
        "body",
        "destination",
        "error_name",
        "flags",
        "interface",
        "kind",
        "member",
        "path",
        "reply_serial",
        "sender",
        "serial",
        "signature",
    )

    def __init__(self, kind: int, *, serial: int = 0, signature: str = "", body: "tuple[Any, ...]" = ()) -> None:
        self.kind = kind
        self.serial = serial
        self.flags = 0
        self.path = self.interface = self.member = self.error_name = self.destination = self.sender = ""
        self.reply_serial = 0
        self.signature = signature
        self.body = body

    def __repr__(self) -> str:
        fields = [f"{name}={getattr(self, name)!r}" for name in self.__slots__ if getattr(self, name)]
        return f"Message({', '.join(fields)})"

    def encode(self) -> bytes:
        """The bytes of the message."""
        body = marshal(self.signature, self.body) if self.signature else b""
        fields = [
            (code, Variant(_TYPES[code], getattr(self, name))) for code, name in _NAMES.items() if getattr(self, name)
        ]
        writer = Writer()
        writer.write("yyyyuua(yv)", [ord("l"), self.kind, self.flags, 1, len(body), self.serial, fields])
        writer.align(8)
        return bytes(writer.data) + body


class Parser:
    """Bytes in as they come, messages out as they are complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that these bytes complete."""
        self._buffer += data
        messages = []
        while (length := self._length()) and len(self._buffer) >= length:
            messages.append(decode(bytes(self._buffer[:length])))
            del self._buffer[:length]
        return messages

    def _length(self) -> int:
        """The first message's, 0 while its header is not there."""
        if len(self._buffer) < 16:
            return 0
        order = _order(self._buffer[0])
        body, _, fields = struct.unpack_from(f"{order}III", self._buffer, 4)
        length = 16 + fields + (-fields % 8) + body
        if length > MAX_MESSAGE:
            raise WireError(f"message of {length} bytes")
        return int(length)


def _order(mark: int) -> str:
    if mark not in b"lB":
        raise WireError(f"unknown endianness {mark:#x}")
    return "<" if mark == ord("l") else ">"


def decode(data: bytes) -> Message:
    """One whole message."""
    big_endian = _order(data[0]) == ">"
    reader = Reader(data, big_endian=big_endian)
    _, kind, flags, version, length, serial, fields = reader.read("yyyyuua(yv)")
    if version != 1 or not serial:
        raise WireError(f"message of version {version}, serial {serial}")
    reader.align(8)
    message = Message(kind, serial=serial)
    message.flags = flags
    for code, variant in fields:
        _set_field(message, code, variant)
    for name in _REQUIRED.get(kind, ()):
        if not getattr(message, name):
            raise WireError(f"message of type {kind} without {name}")
    body = data[reader.position :]
    if len(body) != length:
        raise WireError(f"body of {len(body)} bytes instead of {length}")
    split(message.signature)
    message.body = tuple(unmarshal(message.signature, body, big_endian=big_endian))
    return message


def _set_field(message: Message, code: int, variant: Variant) -> None:
    name = _NAMES.get(code)
    if name is None:
        return  # the specification has more to come, and says to pass over what one does not know
    if variant.signature != _TYPES[code]:
        raise WireError(f"header field {name} of type {variant.signature!r}")
    setattr(message, name, variant.value)
