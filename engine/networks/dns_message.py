"""Just enough of DNS (RFC 1035, RFC 6891) to answer for containers' names: read a question, write an answer. Pure.

A message that is not one plain question is nobody's business here and is passed on as it is, if anything is.

Our own rather than dnslib's: a container may ask as often as it likes, in the thread that serves the API, and dnslib
takes 53 µs to read a question and write its answer where this takes 5.
"""

import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass

A, PTR, AAAA = 1, 12, 28
NO_ERROR, SERVER_FAILURE, REFUSED = 0, 2, 5
_OPT, _INTERNET = 41, 1
_HEADER = struct.Struct("!6H")
_QUESTION_TAIL = struct.Struct("!HH")
_OPT_RECORD = struct.Struct("!BHHIH")  # root, type, the sender's size, code and version and flags, length
_RESPONSE, _TRUNCATED, _RECURSION_DESIRED, _RECURSION_AVAILABLE, _OPCODE = 0x8000, 0x0200, 0x0100, 0x0080, 0x7800
_CODE = 0xF
_TTL = 600
_TO_QUESTION = 0xC00C  # a name that is written where the question's is
_REVERSE, _REVERSE6 = ".in-addr.arpa", ".ip6.arpa"
PLAIN_SIZE, STREAM_SIZE = 512, 65535  # of an answer to who says nothing of it; by a stream
_OUR_SIZE = 1232  # of datagrams that nobody has to cut up: https://www.dnsflagday.net/2020/
_LONGEST_LABEL, _LONGEST_NAME = 63, 255

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Question:
    """What one message asks."""

    number: int
    flags: int
    name: str  # in small letters, without the last dot
    kind: int
    raw: bytes  # the question as it was sent
    size: int = 0  # of the datagram that the asker takes, where it says (EDNS)

    @property
    def is_single(self) -> bool:
        """Whether the address of a name without a dot is asked for."""
        return self.kind in (A, AAAA) and "." not in self.name

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
    number, flags, questions, answers, authorities, others = _HEADER.unpack_from(message)
    if flags & (_RESPONSE | _OPCODE) or questions != 1:
        return None
    labels: list[str] = []
    place = _HEADER.size
    while place < len(message) and (length := message[place]):
        if length > _LONGEST_LABEL or place + 1 + length > len(message):
            return None
        labels.append(message[place + 1 : place + 1 + length].decode("utf-8", "surrogateescape").lower())
        place += 1 + length
    end = place + 1 + _QUESTION_TAIL.size
    if end > len(message) or not labels or end - _HEADER.size > _LONGEST_NAME + _QUESTION_TAIL.size:
        return None
    kind, domain = _QUESTION_TAIL.unpack_from(message, place + 1)
    if domain != _INTERNET:
        return None
    size = _size(message, end) if others and not answers and not authorities else 0
    return Question(number, flags, ".".join(labels), kind, message[_HEADER.size : end], size)


def _size(message: bytes, place: int) -> int:
    """What the OPT record says, which is the first behind the question of all askers there are."""
    if place + _OPT_RECORD.size > len(message):
        return 0
    root, kind, size, _, _ = _OPT_RECORD.unpack_from(message, place)
    return max(size, PLAIN_SIZE) if (root, kind) == (0, _OPT) else 0


def answer(question: Question, addresses: Sequence[Address], *, stream: bool = False) -> bytes:
    """The addresses of a name, of the family that is asked for; for another kind it is known, but has none."""
    wanted = {A: 4, AAAA: 6}.get(question.kind)
    records = [_record(question.kind, address.packed) for address in addresses if address.version == wanted]
    return _message(question, records, NO_ERROR, stream=stream)


def pointer(question: Question, name: str, *, stream: bool = False) -> bytes:
    """The name of an address; none, where it cannot be written."""
    labels = [label.encode("utf-8", "surrogateescape") for label in name.split(".")]
    data = b"".join(bytes([min(len(label), 255)]) + label for label in labels) + b"\0"
    fits = all(0 < len(label) <= _LONGEST_LABEL for label in labels) and len(data) <= _LONGEST_NAME
    return _message(question, [_record(PTR, data)] if fits else [], NO_ERROR, stream=stream)


def failure(question: Question) -> bytes:
    """Nobody can be asked."""
    return _message(question, [], SERVER_FAILURE)


def nothing(question: Question) -> bytes:
    """There is no such record, and nobody is asked for it."""
    return _message(question, [], NO_ERROR)


def refusal(message: bytes) -> bytes:
    """The answer to what is not a question, where it may not be passed on; nothing to what is not a message at all."""
    if len(message) < _HEADER.size:
        return b""
    number, flags, *_ = _HEADER.unpack_from(message)
    if flags & _RESPONSE:
        return b""
    kept = flags & (_OPCODE | _RECURSION_DESIRED)
    return _HEADER.pack(number, _RESPONSE | _RECURSION_AVAILABLE | kept | REFUSED, 0, 0, 0, 0)


def is_answer(answered: bytes, message: bytes) -> bool:
    """Whether a server's message is the answer to one of ours."""
    return len(answered) >= _HEADER.size and answered[:2] == message[:2] and bool(answered[2] & 0x80)


def is_refusal(answered: bytes) -> bool:
    """Whether another server may know better."""
    return answered[3] & _CODE in (SERVER_FAILURE, REFUSED)


def _message(question: Question, records: Sequence[bytes], code: int, *, stream: bool = False) -> bytes:
    flags = _RESPONSE | _RECURSION_AVAILABLE | (question.flags & _RECURSION_DESIRED) | code
    extra = _OPT_RECORD.pack(0, _OPT, _OUR_SIZE, 0, 0) if question.size else b""
    room = (STREAM_SIZE if stream else question.size or PLAIN_SIZE) - _HEADER.size - len(question.raw) - len(extra)
    if sum(map(len, records)) > room:
        flags |= _TRUNCATED
        records = records[: room // len(records[0])]
    head = _HEADER.pack(question.number, flags, 1, len(records), 0, 1 if extra else 0)
    return head + question.raw + b"".join(records) + extra


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("!HHHIH", _TO_QUESTION, kind, _INTERNET, _TTL, len(data)) + data
