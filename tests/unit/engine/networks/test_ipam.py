"""Subnets and addresses."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.networks import ipam
from engine.networks.ipam import Address, Subnet
from proto.errdefs import InvalidArgument, ResourceExhausted


def test_the_first_subnet_that_overlaps_nothing_is_taken() -> None:
    assert ipam.choose_subnet(ipam.DEFAULT_POOLS, []) == Subnet("172.17.0.0/16")
    taken = [Subnet("172.17.5.0/24"), Subnet("172.18.0.0/15")]
    assert ipam.choose_subnet(ipam.DEFAULT_POOLS, taken) == Subnet("172.20.0.0/24")
    taken.append(Subnet("172.20.0.128/25"))
    assert ipam.choose_subnet(ipam.DEFAULT_POOLS, taken) == Subnet("172.20.1.0/24")


def test_there_are_thousands_of_subnets() -> None:
    taken = [Subnet("0.0.0.0/1"), Subnet("192.0.0.0/3")]
    for _ in range(1000):
        taken.append(ipam.choose_subnet(ipam.DEFAULT_POOLS, taken))
    assert len(set(taken)) == 1002


@given(st.sets(st.tuples(st.integers(0, 1023), st.integers(22, 32)), max_size=20))
def test_the_gap_that_is_found_is_the_first_there_is(used: set[tuple[int, int]]) -> None:
    taken = [
        Subnet((int(Address("10.0.0.0")) + number >> 32 - length << 32 - length, length)) for number, length in used
    ]
    free = [
        one for one in Subnet("10.0.0.0/22").subnets(new_prefix=26) if not any(one.overlaps(other) for other in taken)
    ]
    pools = [{"base": "10.0.0.0/22", "size": 26}]
    if free:
        assert ipam.choose_subnet(pools, taken) == free[0]
    else:
        with pytest.raises(ResourceExhausted):
            ipam.choose_subnet(pools, taken)


def test_a_pool_is_cut_into_its_size() -> None:
    pools = [{"base": "10.0.0.0/22", "size": 24}]
    assert ipam.choose_subnet(pools, [Subnet("10.0.0.0/24")]) == Subnet("10.0.1.0/24")


def test_when_every_subnet_is_taken_that_is_said() -> None:
    with pytest.raises(ResourceExhausted, match="could not find an available, non-overlapping IPv4 address pool"):
        ipam.choose_subnet(ipam.DEFAULT_POOLS, [Subnet("0.0.0.0/0")])


@given(st.integers(24, 30), st.sets(st.integers(0, 255)))
def test_an_address_is_free_inside_and_not_an_edge(prefix: int, used: set[int]) -> None:
    subnet = Subnet(f"10.0.0.0/{prefix}")
    taken = {Address("10.0.0.0") + number for number in used}
    found = ipam.first_free(subnet, subnet, taken)
    free = [address for address in subnet.hosts() if address not in taken]
    assert found == (free[0] if free else None)


def test_a_subnet_of_two_addresses_has_no_edges() -> None:
    subnet = Subnet("10.0.0.0/31")
    assert ipam.first_free(subnet, subnet, ()) == Address("10.0.0.0")


def test_addresses_come_from_the_range_where_there_is_one() -> None:
    subnet, within = Subnet("10.0.0.0/24"), Subnet("10.0.0.128/25")
    assert ipam.first_free(subnet, within, ()) == Address("10.0.0.128")
    assert ipam.gateway_of(subnet) == Address("10.0.0.1")


def test_the_hardware_address_is_derived_as_docker_derives_it() -> None:
    assert ipam.hardware_address(Address("172.17.0.2")) == "02:42:ac:11:00:02"


@given(st.integers(0, 2**32 - 1))
def test_a_derived_hardware_address_is_one(number: int) -> None:
    address = ipaddress.IPv4Address(number)
    assert ipam.parse_hardware_address(ipam.hardware_address(address)) == b"\x02\x42" + address.packed


@pytest.mark.parametrize("text", ["", "02:42", "02:42:ac:11:00:0g", "0242ac110002", "02:42:ac:11:00:02:03"])
def test_anything_else_is_no_hardware_address(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid MAC address"):
        ipam.parse_hardware_address(text)
