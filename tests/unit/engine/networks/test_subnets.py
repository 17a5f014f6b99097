"""The subnets of a new network (what is refused: test_definitions)."""

import ipaddress

import pytest

from engine.networks import subnets
from engine.networks.subnets import Taken
from proto.errdefs import Internal, InvalidArgument, PermissionDenied

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


SEVERAL = {
    "Config": [{"Subnet": "10.1.0.0/24"}, {"Subnet": "fd77::/64"}, {"Subnet": "10.2.0.0/24", "Gateway": "10.2.0.9"}]
}


def test_further_subnets_come_behind_the_first_of_their_family() -> None:
    fields = subnets.plan(SEVERAL, POOLS, NOTHING, (4, 6), several=True)
    assert (fields["subnet"], fields["gateway"], fields["subnet6"]) == ("10.1.0.0/24", "10.1.0.1", "fd77::/64")
    assert fields["more"] == [{"subnet": "10.2.0.0/24", "gateway": "10.2.0.9", "ip_range": "", "gateway_shown": True}]
    assert fields["gateways_shown"] == []


def test_a_bridge_has_one_of_each_family() -> None:
    with pytest.raises(PermissionDenied, match="bridge driver doesn't support multiple subnets"):
        subnets.plan(SEVERAL, POOLS, NOTHING, (4, 6))


def test_the_subnets_of_one_request_may_not_overlap() -> None:
    document = {"Config": [{"Subnet": "10.1.0.0/24"}, {"Subnet": "10.1.0.0/25"}]}
    with pytest.raises(PermissionDenied, match="Pool overlaps with other one on this address space"):
        subnets.plan(document, POOLS, NOTHING, (4,), several=True)


def test_an_auxiliary_address_is_not_the_gateways() -> None:
    document = {"Config": [{"Subnet": "10.1.0.0/24", "AuxiliaryAddresses": {"a": "10.1.0.1"}}]}
    with pytest.raises(Internal, match=r"failed to allocate secondary ip address \(a:10.1.0.1\): Address already in"):
        subnets.plan(document, POOLS, NOTHING, (4,))
