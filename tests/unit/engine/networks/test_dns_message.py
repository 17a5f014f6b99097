"""DNS messages."""

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.networks import dns_message as dns


def ask(name: str, kind: int = dns.A, *, number: int = 7, flags: int = 0x0100, domain: int = 1) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", number, flags, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, domain)


def question(name: str, kind: int = dns.A) -> dns.Question:
    found = dns.read(ask(name, kind))
    assert found is not None
    return found


def test_a_question_is_read_in_small_letters() -> None:
    found = question("Db.Mine")
    assert (found.number, found.name, found.kind) == (7, "db.mine", dns.A)


def test_an_answer_repeats_the_question_and_gives_each_address() -> None:
    addresses = [ipaddress.IPv4Address("10.0.0.2"), ipaddress.IPv4Address("10.0.0.3")]
    message = dns.answer(question("db"), addresses)
    number, flags, questions, answers, _, _ = struct.unpack_from("!6H", message)
    assert (number, flags, questions, answers) == (7, 0x8180, 1, 2)
    assert message[12:20] == ask("db")[12:]
    assert message.endswith(addresses[1].packed)


def test_a_known_name_has_no_ipv6_but_is_known() -> None:
    message = dns.answer(question("db", dns.AAAA), [ipaddress.IPv4Address("10.0.0.2")])
    _, flags, _, answers, _, _ = struct.unpack_from("!6H", message)
    assert (flags & 0xF, answers) == (dns.NO_ERROR, 0)


def test_the_name_of_an_address_is_asked_backwards() -> None:
    found = question("2.0.0.10.in-addr.arpa", dns.PTR)
    assert found.address == ipaddress.IPv4Address("10.0.0.2")
    assert dns.pointer(found, "db.mine").endswith(b"\x02db\x04mine\x00")
    assert question("x.in-addr.arpa", dns.PTR).address is None
    assert question("2.0.0.10.in-addr.arpa").address is None


def test_a_failure_says_so() -> None:
    assert struct.unpack_from("!H", dns.failure(question("db")), 2)[0] & 0xF == dns.SERVER_FAILURE


@pytest.mark.parametrize(
    "message",
    [b"", b"x" * 11, ask("a", flags=0x8000), ask("a", flags=0x0800), ask("a", domain=3), ask("a")[:-1], ask("a")[:13]],
)
def test_what_is_not_one_plain_question_is_passed_on(message: bytes) -> None:
    assert dns.read(message) is None


@given(st.binary(max_size=80))
def test_any_bytes_are_a_question_or_none(message: bytes) -> None:
    found = dns.read(message)
    if found is not None:
        assert dns.answer(found, []).startswith(message[:2])
