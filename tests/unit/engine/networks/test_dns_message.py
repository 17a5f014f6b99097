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


def with_opt(message: bytes, size: int) -> bytes:
    """As a resolver of our time asks (RFC 6891)."""
    return message[:10] + b"\0\1" + message[12:] + struct.pack("!BHHIH", 0, 41, size, 0, 0)


def test_who_says_what_size_it_takes_is_told_the_same() -> None:
    found = dns.read(with_opt(ask("db"), 4096))
    assert found is not None
    assert found.size == 4096
    message = dns.answer(found, [ipaddress.IPv4Address("10.0.0.2")])
    assert struct.unpack_from("!6H", message)[5] == 1
    assert message.endswith(struct.pack("!BHHIH", 0, 41, 1232, 0, 0))
    tiny = dns.read(with_opt(ask("db"), 1))
    assert tiny is not None
    assert tiny.size == 512


@pytest.mark.parametrize(
    ("size", "stream", "expected"), [(0, False, 30), (1232, False, 75), (4096, False, 100), (0, True, 100)]
)
def test_an_answer_that_is_too_long_is_cut_and_says_so(size: int, stream: bool, expected: int) -> None:
    """By whole records; who wants the rest asks again by a stream."""
    found = dns.read(with_opt(ask("db"), size) if size else ask("db"))
    assert found is not None
    addresses = [ipaddress.IPv4Address("10.0.0.0") + number for number in range(100)]
    message = dns.answer(found, addresses, stream=stream)
    _, flags, _, answers, _, _ = struct.unpack_from("!6H", message)
    assert (answers, bool(flags & 0x0200)) == (expected, expected < 100)
    assert len(message) <= (65535 if stream else size or 512)


@pytest.mark.parametrize("name", ["x" * 64 + ".mine", "a..b", ".".join(["y" * 60] * 5), "z" * 300])
def test_a_name_that_dns_cannot_write_is_left_out(name: str) -> None:
    found = question("2.0.0.10.in-addr.arpa", dns.PTR)
    assert struct.unpack_from("!6H", dns.pointer(found, name))[3] == 0


def test_names_of_any_script_are_known() -> None:
    found = dns.read(b"\0\7\1\0\0\1" + bytes(6) + b"\x06" + "лес".encode() + b"\0\0\1\0\1")
    assert found is not None
    assert found.name == "лес"
    assert "лес".encode() in dns.pointer(question("2.0.0.10.in-addr.arpa", dns.PTR), "лес.mine")


def test_what_may_not_be_passed_on_is_refused() -> None:
    assert dns.refusal(ask("a", flags=0x2900)) == struct.pack(
        "!6H", 7, 0x8000 | 0x2900 | 0x80 | dns.REFUSED, 0, 0, 0, 0
    )
    assert dns.refusal(ask("a", flags=0x8000)) == dns.refusal(b"x") == b""


def test_only_an_answer_to_the_same_number_is_one() -> None:
    sent = ask("a")
    assert dns.is_answer(dns.failure(question("a")), sent)
    assert not dns.is_answer(sent, sent)
    assert not dns.is_answer(dns.failure(question("a")), ask("a", number=8))
    assert not dns.is_answer(sent[:5], sent)
    assert dns.is_refusal(dns.failure(question("a")))
    assert not dns.is_refusal(dns.nothing(question("a")))


def test_a_failure_says_so() -> None:
    assert struct.unpack_from("!H", dns.failure(question("db")), 2)[0] & 0xF == dns.SERVER_FAILURE


@pytest.mark.parametrize(
    "message",
    [b"", b"x" * 11, ask("a", flags=0x8000), ask("a", flags=0x0800), ask("a", domain=3), ask("a")[:-1], ask("a")[:13]],
)
def test_what_is_not_one_plain_question_is_passed_on(message: bytes) -> None:
    assert dns.read(message) is None


@given(st.one_of(st.binary(max_size=80), st.binary(max_size=60).map(lambda tail: ask("a")[:12] + tail)))
def test_any_bytes_are_a_question_or_none(message: bytes) -> None:
    """And whatever they are, there is an answer within its bounds."""
    assert len(dns.refusal(message)) in (0, 12)
    found = dns.read(message)
    if found is not None:
        addresses = [ipaddress.IPv4Address(number) for number in range(300)]
        for answered in (dns.answer(found, addresses), dns.pointer(found, found.name), dns.failure(found)):
            assert answered.startswith(message[:2])
            assert len(answered) <= (found.size or 512)
