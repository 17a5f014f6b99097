"""What containers ask of networks."""

import pytest

from engine.networks.request import Attachment, Wanted, read
from proto.errdefs import InvalidArgument, Unimplemented


@pytest.mark.parametrize(
    ("text", "mode"),
    [("none", "none"), ("host", "host"), ("container:abc", "container"), ("default", "networks"), ("x", "networks")],
)
def test_the_mode_says_what_kind_of_network_it_is(text: str, mode: str) -> None:
    assert read({}, {"NetworkMode": text}, {}).mode == mode


def test_a_disabled_network_is_none() -> None:
    assert read({"NetworkDisabled": True}, {"NetworkMode": "bridge"}, {}).mode == "none"


def test_the_default_is_the_bridge() -> None:
    assert read({}, {"NetworkMode": "default"}, {}).attachments == (Attachment("bridge"),)
    asked = read({"MacAddress": "02:42:ac:11:00:09"}, {"NetworkMode": "default"}, {"default": {"GwPriority": 3}})
    assert asked.attachments == (Attachment("bridge", "", "02:42:ac:11:00:09", (), 3),)


def test_an_alias_is_for_a_users_network() -> None:
    assert read({}, {"NetworkMode": "n"}, {"n": {"Aliases": ["a"]}}).attachments[0].aliases == ("a",)
    with pytest.raises(
        InvalidArgument, match="network-scoped alias is supported only for containers in user defined networks"
    ):
        read({}, {"NetworkMode": "default"}, {"default": {"Aliases": ["a"]}})


def test_an_endpoints_options_are_its_interfaces_name_and_sysctls() -> None:
    options = {
        "com.docker.network.endpoint.ifname": "wan0",
        "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.forwarding=1,net.ipv6.conf.ifname.accept_ra=0",
    }
    (asked,) = read({}, {"NetworkMode": "n"}, {"n": {"DriverOpts": options}}).attachments
    assert asked.interface == "wan0"
    assert asked.sysctls == ("net.ipv4.conf.IFNAME.forwarding=1", "net.ipv6.conf.ifname.accept_ra=0")


def test_a_link_is_another_container_and_what_it_is_called() -> None:
    host_config = {"NetworkMode": "default", "Links": ["db:sql", "/cache:/web/c", "plain"]}
    (asked,) = read({}, host_config, {}).attachments
    assert asked.links == (("db", "sql"), ("cache", "c"), ("plain", "plain"))
    assert read({}, {"NetworkMode": "n"}, {"n": {"Links": ["db:sql"]}}).attachments[0].links == (("db", "sql"),)
    with pytest.raises(InvalidArgument, match="can't be used with links"):
        read({}, {**host_config, "NetworkMode": "host"}, {})
    for wrong in ("", "a:", ":b", "a:b:c"):
        with pytest.raises(InvalidArgument, match="bad format for links"):
            read({}, {"NetworkMode": "default", "Links": [wrong]}, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sysctls", "net.ipv4.conf.eth0.forwarding=1"),
        ("sysctls", "net.core.conf.IFNAME.forwarding=1"),
        ("sysctls", "net.ipv4.conf.IFNAME.../../../kernel/core_pattern=x"),
        ("sysctls", "net.ipv4.conf.IFNAME.forwarding"),
        ("ifname", "lo"),
        ("ifname", "a/b"),
        ("ifname", ".."),
        ("ifname", "x" * 16),
    ],
)
def test_options_that_make_no_sense_are_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidArgument):
        read({}, {"NetworkMode": "n"}, {"n": {"DriverOpts": {f"com.docker.network.endpoint.{name}": value}}})


def test_further_networks_come_after_the_modes_own() -> None:
    asked = read({}, {"NetworkMode": "one"}, {"two": {}, "one": {"IPAMConfig": {"IPv4Address": "10.0.0.5"}}})
    assert [one.network for one in asked.attachments] == ["one", "two"]
    assert asked.attachments[0].address == "10.0.0.5"


def test_ports_are_published_as_bound() -> None:
    bindings = {
        "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}],
        "53/udp": [{"HostPort": "5300-5310"}],
        "90": None,
    }
    assert read({}, {"NetworkMode": "default", "PortBindings": bindings}, {}).ports == (
        Wanted(80, "tcp", "127.0.0.1", 8080, 8080),
        Wanted(53, "udp", "", 5300, 5310),
        Wanted(90, "tcp", "", 0, 0),
    )


def test_publish_all_publishes_what_is_exposed_and_not_bound() -> None:
    config = {"ExposedPorts": {"80/tcp": {}, "81/tcp": {}}}
    host_config = {"NetworkMode": "default", "PublishAllPorts": True, "PortBindings": {"80/tcp": [{"HostPort": "1"}]}}
    assert [wanted.port for wanted in read(config, host_config, {}).ports] == [80, 81]


def test_on_the_hosts_network_ports_need_no_publishing() -> None:
    assert read({}, {"NetworkMode": "host", "PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}, {}).ports == ()


@pytest.mark.parametrize(
    "host_config",
    [
        {"PortBindings": {"x/tcp": []}},
        {"PortBindings": {"80/xyz": []}},
        {"PortBindings": {"0/tcp": []}},
        {"PortBindings": {"80/tcp": [{"HostPort": "abc"}]}},
        {"PortBindings": {"80/tcp": [{"HostPort": "9-8"}]}},
        {"PortBindings": {"80/tcp": [{"HostPort": "70000"}]}},
        {"PortBindings": {"80/tcp": [{"HostIp": "nowhere"}]}},
        {"Dns": ["nowhere"]},
        {"ExtraHosts": ["x"]},
    ],
)
def test_what_makes_no_sense_is_refused_at_create(host_config: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument):
        read({}, {"NetworkMode": "default", **host_config}, {})


@pytest.mark.parametrize(
    "endpoint",
    [
        {"MacAddress": "xx"},
        {"IPAMConfig": {"IPv4Address": "1.2.3"}},
        {"IPAMConfig": {"IPv4Address": "fd00::1"}},
        {"IPAMConfig": {"IPv6Address": "10.0.0.1"}},
        {"IPAMConfig": {"IPv6Address": "fe80::1%eth0"}},
    ],
)
def test_addresses_must_be_some(endpoint: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument):
        read({}, {"NetworkMode": "n"}, {"n": endpoint})


@pytest.mark.parametrize(
    ("host_config", "endpoint", "name"),
    [
        ({"PortBindings": {"80/tcp": [{"HostIp": "::1"}]}}, {}, "IPv6 loopback"),
        ({}, {"DriverOpts": {"com.docker.network.speed": "9"}}, "com.docker.network.speed"),
    ],
)
def test_what_is_not_built_is_refused_by_its_name(
    host_config: dict[str, object], endpoint: dict[str, object], name: str
) -> None:
    with pytest.raises(Unimplemented, match=name):
        read({}, {"NetworkMode": "n", **host_config}, {"n": endpoint})


def test_link_local_addresses_have_dockerds_lengths() -> None:
    asked = {"mine": {"IPAMConfig": {"LinkLocalIPs": ["169.254.8.8", "fe80::8"]}}}
    (found,) = read({}, {"NetworkMode": "mine"}, asked).attachments
    assert found.link_local == ("169.254.8.8/16", "fe80::8/64")
    for wrong in ("x", "::", "fe80::1%eth0"):
        with pytest.raises(InvalidArgument, match="invalid link-local IP address"):
            read({}, {"NetworkMode": "mine"}, {"mine": {"IPAMConfig": {"LinkLocalIPs": [wrong]}}})
