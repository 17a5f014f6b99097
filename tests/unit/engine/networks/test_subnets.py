"""The subnets of a new network (what is refused: test_definitions)."""

import ipaddress

import pytest

from engine.networks import subnets
from engine.networks.subnets import Taken
from proto.errdefs import InvalidArgument

POOLS = [{"base": "10.0.0.0/8", "size": 24}, {"base": "fd00:1::/48", "size": 64}]
NOTHING = Taken((), ())


def test_each_family_takes_the_next_free_subnet() -> None:
    taken = Taken([ipaddress.IPv4Network("10.0.0.0/24")], [ipaddress.IPv6Network("fd00:1::/64")])
    fields = subnets.plan({}, POOLS, taken, (4, 6))
    assert (fields["subnet"], fields["subnet6"]) == ("10.0.1.0/24", "fd00:1:0:1::/64")
    assert (fields["gateway"], fields["gateway6"]) == ("10.0.1.1", "fd00:1:0:1::1")


def test_without_ipv6_there_is_none() -> None:
    assert "subnet6" not in subnets.plan({}, POOLS, NOTHING, (4,))


def test_one_family_may_be_said_and_the_other_found() -> None:
    fields = subnets.plan({"Config": [{"Subnet": "fd77::/64"}]}, POOLS, NOTHING, (4, 6))
    assert (fields["subnet"], fields["subnet6"], fields["gateway6"]) == ("10.0.0.0/24", "fd77::/64", "fd77::1")


@pytest.mark.parametrize(
    "entry",
    [
        {"Subnet": "fd77::/64", "Gateway": "fd78::1"},
        {"Subnet": "fd77::/64", "Gateway": "x"},
        {"Subnet": "fd77::/64", "IPRange": "10.0.0.0/24"},
        {"Subnet": "fd77::1/64"},
    ],
)
def test_what_does_not_fit_is_refused(entry: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument):
        subnets.plan({"Config": [entry]}, POOLS, NOTHING, (4, 6))


def test_a_family_that_is_off_has_no_subnet_and_may_not_be_given_one() -> None:
    fields = subnets.plan({}, POOLS, NOTHING, (6,))
    assert "subnet" not in fields
    assert fields["subnet6"] == "fd00:1::/64"
    with pytest.raises(InvalidArgument, match="IPv4 subnet 10.9.0.0/24 needs IPv4 to be enabled"):
        subnets.plan({"Config": [{"Subnet": "10.9.0.0/24"}]}, POOLS, NOTHING, (6,))
