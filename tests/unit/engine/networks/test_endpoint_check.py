"""What a container may ask of a network, and how dockerd says that it may not."""

import pytest

from engine.networks.endpoint_check import check
from engine.networks.model import Network
from proto.errdefs import InvalidArgument
from tests.fakes.engine_networks import bridge_network

USERS = bridge_network("mine", ipam_given=True)
FOUND = bridge_network("auto")
ONLY_USERS = "user specified IP address is supported on user defined networks only"
NOT_CHOSEN = "user specified IP address is supported only when connecting to networks with user configured subnets"
ALIAS = "network-scoped alias is supported only for containers in user defined networks"


def asked(address: str = "", address6: str = "", *link_local: str) -> dict[str, object]:
    return {"IPAMConfig": {"IPv4Address": address, "IPv6Address": address6, "LinkLocalIPs": list(link_local)}}


def test_what_can_be_is_let_through() -> None:
    check(USERS, "mine", {**asked("10.9.0.9", "", "169.254.1.1", "fe80::9"), "Aliases": ["a"]})
    check(bridge_network("six", subnet6="fd09::/64", ipam_given6=True), "six", asked("", "fd09::9"))
    check(None, "later", asked("10.1.1.1"))
    check(bridge_network(), "default", {"IPAMConfig": None, "Aliases": [], "DriverOpts": None})
    options = "net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.ifname.forwarding=0"
    check(USERS, "mine", {"DriverOpts": {"com.docker.network.endpoint.sysctls": options}})


@pytest.mark.parametrize(
    ("network", "name", "entry", "lines"),
    [
        (USERS, "mine", asked("10.8.0.9"), ["no configured subnet or ip-range contain the IP address 10.8.0.9"]),
        (USERS, "mine", asked("", "fd09::9"), [NOT_CHOSEN]),
        (FOUND, "auto", asked("10.9.0.9"), [NOT_CHOSEN]),
        (bridge_network(), "default", asked("10.9.0.9"), [ONLY_USERS]),
        (
            bridge_network(),
            "bridge",
            {**asked("10.1.1.1"), "Aliases": ["a"]},
            [f"* {ONLY_USERS}", f"* {ALIAS}", "* no configured subnet or ip-range contain the IP address 10.1.1.1"],
        ),
        (Network("h", "host", "host", ""), "host", asked("10.1.1.1"), [f"* {ONLY_USERS}", f"* {NOT_CHOSEN}"]),
        (
            None,
            "later",
            asked("fd00::1", "10.1.1.1", "x"),
            [
                "* invalid IPv4 address: fd00::1",
                "* invalid IPv6 address: 10.1.1.1",
                "* invalid link-local IP address: x",
            ],
        ),
        (None, "later", asked("0.0.0.0"), ["invalid IPv4 address: 0.0.0.0"]),
        (None, "later", asked("", "fe80::1%eth0"), ["invalid IPv6 address: fe80::1%eth0"]),
        (
            None,
            "later",
            {"DriverOpts": {"com.docker.network.endpoint.sysctls": "net.ipv4.conf.eth0.forwarding=1"}},
            [
                "unrecognised network interface sysctl 'net.ipv4.conf.eth0.forwarding=1'; represent 'net.X.Y.ethN.Z=V'"
                " as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'"
            ],
        ),
    ],
)
def test_all_that_is_wrong_is_said_at_once(
    network: Network | None, name: str, entry: dict[str, object], lines: list[str]
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check(network, name, entry)
    assert str(caught.value).splitlines() == ["invalid endpoint settings:", *lines]
