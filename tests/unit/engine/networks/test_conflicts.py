"""What goes not together with another container's network, or with the host's."""

import pytest

from engine.networks.conflicts import check
from proto.errdefs import InvalidArgument

JOINED = {"NetworkMode": "container:other"}


@pytest.mark.parametrize(
    ("config", "host_config", "reason"),
    [
        ({"Hostname": "x"}, {}, "hostname and the network mode"),
        ({}, {"Links": ["a:b"]}, "container type network can't be used with links. This would result in undefined"),
        ({}, {"Dns": ["1.1.1.1"]}, "dns and the network mode"),
        ({}, {"ExtraHosts": ["a:1.1.1.1"]}, "custom host-to-IP mapping and the network mode"),
        ({}, {"PortBindings": {"80/tcp": []}}, "port publishing and the container type network mode"),
        ({}, {"PublishAllPorts": True}, "port publishing and the container type network mode"),
        ({"ExposedPorts": {"80/tcp": {}}}, {}, "port exposing and the container type network mode"),
    ],
)
def test_who_shares_anothers_network_says_nothing_of_it(
    config: dict[str, object], host_config: dict[str, object], reason: str
) -> None:
    with pytest.raises(InvalidArgument, match=f"^conflicting options: {reason}"):
        check(config, {**JOINED, **host_config})
    check(config, {**host_config, "NetworkMode": "default"})


def test_who_says_nothing_may_share() -> None:
    check({"Hostname": "", "ExposedPorts": None}, {**JOINED, "PortBindings": {}, "Dns": [], "Links": None})


def test_on_the_hosts_network_there_are_no_links() -> None:
    with pytest.raises(InvalidArgument, match="host type networking can't be used with links"):
        check({}, {"NetworkMode": "host", "Links": ["a:b"]})
