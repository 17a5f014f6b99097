"""Networks of run and create."""

from typing import Any

import pytest

from engine.cli import network_flags
from engine.cli.errors import CommandFailed


def flags(*networks: str, **more: Any) -> dict[str, Any]:
    rest = {"network_alias": (), "ip": None, "ip6": None, "mac_address": None, "link_local_ip": ()}
    return {"network": networks, **rest, **more}


def test_without_a_word_there_is_the_default_one() -> None:
    assert (network_flags.mode(flags()), network_flags.networking(flags())) == ("default", {})
    assert (network_flags.mode(flags("web")), network_flags.networking(flags("web"))) == ("web", {})


def test_several_are_all_told_and_the_first_is_the_mode() -> None:
    said = flags("web", "name=db,alias=a,alias=b,ip=10.0.0.2,gw-priority=3,driver-opt=KEY=v", network_alias=("w",))
    assert network_flags.mode(said) == "web"
    assert network_flags.networking(said) == {
        "EndpointsConfig": {
            "web": {"Aliases": ["w"]},
            "db": {
                "Aliases": ["a", "b"],
                "IPAMConfig": {"IPv4Address": "10.0.0.2"},
                "GwPriority": 3,
                "DriverOpts": {"key": "v"},
            },
        }
    }
    assert network_flags.networking(flags("one", "two")) == {"EndpointsConfig": {"one": {}, "two": {}}}


def test_the_short_flags_are_the_firsts() -> None:
    said = flags(ip="10.0.0.2", ip6="fd00::2", mac_address="02:42:0a:00:00:02", link_local_ip=("169.254.1.1",))
    assert network_flags.networking(said) == {
        "EndpointsConfig": {
            "default": {
                "MacAddress": "02:42:0a:00:00:02",
                "IPAMConfig": {
                    "IPv4Address": "10.0.0.2", "IPv6Address": "fd00::2", "LinkLocalIPs": ["169.254.1.1"],
                },
            }
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (flags("name=n,color=red"), "invalid field key color in --network"),
        (flags("name=n,gw-priority=x"), 'invalid gw-priority .."x"..: must be an integer'),
        (flags("name=n,driver-opt=x"), "invalid key value pair format in driver options"),
        (flags("name=n,alias=a", network_alias=("b",)), "cannot specify both --network-alias and per-network alias"),
        (flags("name=n,ip=1.2.3.4", ip="1.2.3.5"), "cannot specify both --ip and per-network IPv4 address"),
        (flags("one", "one"), "network is specified multiple times"),
    ],
)
def test_what_is_wrong_is_refused_with_125(said: dict[str, Any], words: str) -> None:
    with pytest.raises(CommandFailed, match=words.replace("..", ".")) as caught:
        network_flags.networking(said)
    assert caught.value.exit_code == 125
