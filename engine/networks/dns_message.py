"""Just enough of DNS (RFC 1035) to answer for containers' names: read a question, write an answer. Pure.

A message that is not one plain question is nobody's business here and is passed on as it is.
"""

import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass

A, PTR, AAAA = 1, 12, 28
NO_ERROR, SERVER_FAILURE = 0, 2
_INTERNET = 1
_HEADER = struct.Struct("!6H")
_QUESTION_TAIL = struct.Struct("!HH")
_RESPONSE, _RECURSION_DESIRED, _RECURSION_AVAILABLE, _OPCODE = 0x8000, 0x0100, 0x0080, 0x7800
_TTL = 600
_TO_QUESTION = 0xC00C  # a name that is written where the question's is
_REVERSE, _REVERSE6 = ".in-addr.arpa", ".ip6.arpa"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Question:
    """What one message asks."""

    number: int
    flags: int
    name: str  # in small letters, without the last dot
    kind: int
    raw: bytes  # the question as it was sent

    @property
    def address(self) -> Address | None:
        """The address whose name is asked for."""
        if self.kind != PTR:
            return None
        labels = list(reversed(self.name.split(".")[:-2]))
        try:
            if self.name.endswith(_REVERSE):
                return ipaddress.IPv4Address(".".join(labels))
            if self.name.endswith(_REVERSE6) and len(labels) == 32:
                return ipaddress.IPv6Address(bytes.fromhex("".join(labels)))
        except ValueError:
            pass  # it only looks like one
        return None


def read(message: bytes) -> Question | None:
    """The question of a message; None where it is not one plain question."""
    if len(message) < _HEADER.size:
        return None
    number, flags, questions, *_ = _HEADER.unpack_from(message)
    if flags & (_RESPONSE | _OPCODE) or questions != 1:
        return None
    labels: list[str] = []
    place = _HEADER.size
    while place < len(message) and (length := message[place]):
        if length > 63 or place + 1 + length > len(message):
            return None
        labels.append(message[place + 1 : place + 1 + length].decode("latin-1").lower())
        place += 1 + length
    end = place + 1 + _QUESTION_TAIL.size
    if end > len(message) or not labels:
        return None
    kind, domain = _QUESTION_TAIL.unpack_from(message, place + 1)
    if domain != _INTERNET:
        return None
    return Question(number, flags, ".".join(labels), kind, message[_HEADER.size : end])


def answer(question: Question, addresses: Sequence[Address]) -> bytes:
    """The addresses of a name, of the family that is asked for; for another kind it is known, but has none."""
    wanted = {A: 4, AAAA: 6}.get(question.kind)
    records = [_record(question.kind, address.packed) for address in addresses if address.version == wanted]
    return _message(question, records, NO_ERROR)


def pointer(question: Question, name: str) -> bytes:
    """The name of an address."""
    data = b"".join(bytes([len(label)]) + label.encode("latin-1") for label in name.split(".")) + b"\0"
    return _message(question, [_record(PTR, data)], NO_ERROR)


def failure(question: Question) -> bytes:
    """Nobody can be asked."""
    return _message(question, [], SERVER_FAILURE)


def _message(question: Question, records: Sequence[bytes], code: int) -> bytes:
    flags = _RESPONSE | _RECURSION_AVAILABLE | (question.flags & _RECURSION_DESIRED) | code
    return _HEADER.pack(question.number, flags, 1, len(records), 0, 0) + question.raw + b"".join(records)


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("!HHHIH", _TO_QUESTION, kind, _INTERNET, _TTL, len(data)) + data
