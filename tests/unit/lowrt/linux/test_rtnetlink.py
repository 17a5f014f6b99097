"""Messages of rtnetlink as bytes, and a look at the loopback device, which everybody may ask about."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowrt.errors import Fault
from lowrt.linux.rtnetlink import Address, Route, address_from, attributes_of, message, messages


def test_a_request_has_its_length_and_padded_attributes() -> None:
    made = message(18, 1, 7, b"HEAD", [(3, b"lo\0")])
    assert made == struct.pack("=IHHII", 28, 18, 1, 7, 0) + b"HEAD" + struct.pack("=HH", 7, 3) + b"lo\0\0"


def test_answers_are_cut_from_a_datagram() -> None:
    data = message(2, 0, 1, b"abcd", []) + message(3, 0, 1, b"", [])
    assert messages(data) == [(2, 1, b"abcd"), (3, 1, b"")]


def test_an_address_is_permanent_by_its_long_flags_too() -> None:
    head = struct.pack("=BBBBI", socket.AF_INET6, 64, 0, 0, 5)
    body = message(0, 0, 0, head, [(1, b"x" * 16), (8, struct.pack("=I", 0x80)), (6, b"cacheinfo")])[16:]
    index, address = address_from(body)
    assert (index, address.prefix, address.goes_along) == (5, 64, True)
    assert address.values == {1: b"x" * 16}


@pytest.mark.parametrize(("flags", "scope", "goes"), [(0x80, 0, True), (0, 0, False), (0x80, 253, False)])
def test_leases_and_addresses_of_the_link_stay(flags: int, scope: int, goes: bool) -> None:
    address = Address(socket.AF_INET, 24, flags, scope, {2: b"\n\0\0\1"})
    assert address.goes_along == goes
    assert str(address) == "10.0.0.1/24"


@given(st.binary(max_size=100))
def test_no_bytes_are_read_beyond_their_end(data: bytes) -> None:
    for read in (messages, attributes_of):
        try:
            read(data)
        except Fault:
            continue


def test_the_loopback_device_is_found_and_its_address_with_it() -> None:
    route = Route()
    try:
        index = route.index_of("lo")
        assert index >= 1
        assert all(not address.goes_along or address.prefix for address in route.addresses(index))
        with pytest.raises(OSError, match="rtnetlink"):
            route.index_of("wherry-no-such")
    finally:
        route.close()
