"""What a request says of its addresses, and how dockerd would say that it is wrong."""

import ipaddress

import pytest

from engine.networks import ipam_request
from engine.networks.ipam_request import Entry
from proto.errdefs import InvalidArgument, NotFound


def test_an_entry_is_read_as_it_is_meant() -> None:
    entry = {
        "Subnet": "fd62:0::/64",
        "IPRange": "fd62::1:0/112",
        "Gateway": "fd62:0::1",
        "AuxiliaryAddresses": {"a": "fd62::0:7"},
    }
    assert ipam_request.read({"Driver": "default", "Config": [entry, {}]}) == [
        Entry(ipaddress.ip_network("fd62::/64"), "fd62::1:0/112", "fd62::1", {"a": "fd62::7"})
    ]
    assert ipam_request.read({}) == []


@pytest.mark.parametrize(
    ("entry", "lines"),
    [
        ({"Subnet": "x"}, ["invalid subnet x: invalid CIDR block notation"]),
        ({"Subnet": "10.0.0.0"}, ["invalid subnet 10.0.0.0: invalid CIDR block notation"]),
        ({"Gateway": "10.0.0.1"}, ["invalid subnet : invalid CIDR block notation"]),
        ({"Subnet": "10.0.0.1/24"}, ["invalid subnet 10.0.0.1/24: it should be 10.0.0.0/24"]),
        (
            {"Subnet": "10.0.0.0/24", "Gateway": "10.1.0.1"},
            ["invalid gateway 10.1.0.1: parent subnet 10.0.0.0/24 doesn't contain this address"],
        ),
        ({"Subnet": "10.0.0.0/24", "Gateway": "fd00::1"}, ["invalid gateway fd00::1: parent subnet is an IPv4 block"]),
        ({"Subnet": "10.0.0.0/24", "Gateway": "x"}, ["invalid gateway x: invalid address"]),
        (
            {"Subnet": "10.0.0.0/24", "AuxiliaryAddresses": {"a": "10.1.0.1"}},
            ["invalid auxiliary address a: parent subnet 10.0.0.0/24 doesn't contain this address"],
        ),
        ({"Subnet": "10.0.0.0/24", "IPRange": "x"}, ["invalid ip-range x: invalid CIDR block notation"]),
        (
            {"Subnet": "10.0.0.0/24", "IPRange": "fd00::/64"},
            ["invalid ip-range fd00::/64: parent subnet is an IPv4 block"],
        ),
        (
            {"Subnet": "10.0.0.0/24", "IPRange": "10.0.0.3/25"},
            ["invalid ip-range 10.0.0.3/25: it should be 10.0.0.0/25"],
        ),
        (
            {"Subnet": "10.0.0.0/24", "IPRange": "10.1.0.0/16", "Gateway": "x"},
            [
                "invalid ip-range 10.1.0.0/16: CIDR block is bigger than its parent subnet 10.0.0.0/24",
                "invalid ip-range 10.1.0.0/16: parent subnet 10.0.0.0/24 doesn't contain ip-range",
                "invalid gateway x: invalid address",
            ],
        ),
    ],
)
def test_all_that_is_wrong_is_said_in_dockerds_words(entry: dict[str, object], lines: list[str]) -> None:
    with pytest.raises(InvalidArgument) as caught:
        ipam_request.read({"Config": [entry]})
    assert str(caught.value).splitlines() == ["invalid network config:", *lines]


def test_other_drivers_are_refused_and_options_taken_as_the_default_one_does() -> None:
    with pytest.raises(NotFound, match='plugin "dhcp" not found'):
        ipam_request.read({"Driver": "dhcp"})
    with pytest.raises(InvalidArgument, match="ipv4 pool is empty"):
        ipam_request.read({"Driver": "null"})
    assert ipam_request.read({"Options": {"x": "y"}}) == []


def test_a_daemons_own_subnet_is_checked_in_the_same_way() -> None:
    assert ipam_request.subnet("fd55::/64") == ipaddress.ip_network("fd55::/64")
    with pytest.raises(InvalidArgument, match="invalid subnet .--fixed-cidr-v6. fd55::1/64: it should be fd55::/64"):
        ipam_request.subnet("fd55::1/64", "subnet (--fixed-cidr-v6)")
