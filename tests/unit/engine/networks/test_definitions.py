"""Which networks there are, and what a new one may be."""

from pathlib import Path

import pytest

from engine.config import Config
from engine.networks.definitions import Definitions
from engine.networks.links import Interface4, Network4
from engine.networks.store import Store
from proto.errdefs import Fault, InvalidArgument, NotFound, PermissionDenied, Unimplemented
from tests.fakes.engine_networks import FakeBridges, FakeLinks, endpoint

NET = {"Subnet": "10.0.0.0/24"}


class Place:
    """Definitions on a store and a kernel in memory."""

    def __init__(self, folder: Path, **config: object) -> None:
        self.store = Store(str(folder / "networks.db"))
        self.host = FakeLinks()
        self.bridges = FakeBridges()
        self.definitions = Definitions(self.store, self.host, self.bridges, Config(**config))  # type: ignore[arg-type]

    def default(self) -> tuple[str, str]:
        (one,) = [network for network in self.store.networks() if network.name == "bridge"]
        return one.subnet, one.gateway


@pytest.fixture
def place(tmp_path: Path):
    made = Place(tmp_path)
    yield made
    made.store.close()


def test_three_networks_are_always_there(place: Place) -> None:
    place.definitions.open()
    place.definitions.open()
    assert sorted(one.name for one in place.store.networks()) == ["bridge", "host", "none"]
    assert place.bridges.made == ["wherry0", "wherry0"]
    assert place.default() == ("172.17.0.0/16", "172.17.0.1")


def test_the_default_bridge_avoids_what_the_host_routes(place: Place) -> None:
    place.host.known_routes = [Network4("172.17.0.0/16")]
    place.definitions.open()
    assert place.default() == ("172.18.0.0/24", "172.18.0.1")


def test_bip_says_the_address(tmp_path: Path) -> None:
    place = Place(tmp_path, bip="10.5.0.9/24", bridge="mine0")
    place.definitions.open()
    assert place.default() == ("10.5.0.0/24", "10.5.0.9")
    assert place.bridges.made == ["mine0"]
    place.store.close()


@pytest.mark.parametrize("bip", ["10.5.0.9", "x", "10.5.0.0/24"])
def test_a_bip_without_a_network_is_refused(tmp_path: Path, bip: str) -> None:
    place = Place(tmp_path, bip=bip)
    with pytest.raises(InvalidArgument, match="--bip"):
        place.definitions.open()
    place.store.close()


def test_a_bridge_that_is_there_keeps_its_address(place: Place) -> None:
    link = place.host.add("wherry0", "bridge")
    place.host.by_index[link.index] = [Interface4("10.6.0.1/24")]
    place.definitions.open()
    assert place.default() == ("10.6.0.0/24", "10.6.0.1")


def test_without_the_bridge_there_are_two(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.definitions.open()
    again = Definitions(place.store, place.host, place.bridges, Config(bridge="none"))  # type: ignore[arg-type]
    again.open()
    assert sorted(one.name for one in place.store.networks()) == ["host", "none"]
    assert place.bridges.removed == ["wherry0"]
    place.store.close()


def test_a_users_network_gets_the_next_subnet_and_a_bridge_named_after_it(place: Place) -> None:
    place.definitions.open()
    one = place.definitions.create({"Name": "mine", "Labels": {"k": "v"}})
    assert (one.subnet, one.gateway, one.link) == ("172.18.0.0/24", "172.18.0.1", f"br-{one.id[:12]}")
    assert not one.ipam_given
    place.definitions.remove(one)
    assert place.bridges.removed == [one.link]


def test_addresses_may_be_said(place: Place) -> None:
    place.definitions.open()
    entry = {
        "Subnet": "10.7.0.0/16",
        "IPRange": "10.7.5.0/24",
        "Gateway": "10.7.5.254",
        "AuxiliaryAddresses": {"a": "10.7.5.1"},
    }
    one = place.definitions.create({"Name": "mine", "IPAM": {"Config": [entry]}})
    assert (one.subnet, one.ip_range, one.gateway, one.reserved) == (
        "10.7.0.0/16",
        "10.7.5.0/24",
        "10.7.5.254",
        {"a": "10.7.5.1"},
    )


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ({"Name": ""}, InvalidArgument, "name is empty"),
        ({"Name": " a"}, InvalidArgument, "invalid network name"),
        ({"Name": "bridge"}, PermissionDenied, "operation is not permitted on predefined bridge network"),
        ({"Name": "m", "Driver": "host"}, PermissionDenied, 'only one instance of "host" network is allowed'),
        ({"Name": "m", "Driver": "overlay"}, Unimplemented, "network driver overlay"),
        ({"Name": "m", "Driver": "macvlan", "Options": {"parent": "lo"}}, InvalidArgument, "loopback interface"),
        ({"Name": "m", "Driver": "macvlan", "Options": {"parent": "x", "y": "z"}}, Unimplemented, "option y is not"),
        ({"Name": "m", "Driver": "ipvlan", "Options": {"parent": "x", "ipvlan_mode": "9"}}, InvalidArgument, "'9'"),
        ({"Name": "m", "Options": {"com.docker.network.bridge.gateway_mode_ipv4": "x"}}, InvalidArgument, "mode x"),
        ({"Name": "m", "Options": {"com.docker.network.bridge.gateway_mode_ipv4": "isolated"}}, InvalidArgument,
         "gateway mode 'isolated' can only be used for an internal network"),
        ({"Name": "m", "EnableIPv4": False}, InvalidArgument, "IPv4 or IPv6 must be enabled"),
        ({"Name": "m", "Driver": "nope"}, NotFound, 'plugin "nope" not found'),
        ({"Name": "m", "Ingress": True}, PermissionDenied, "Ingress network can only be global scope network"),
        ({"Name": "m", "Scope": "swarm"}, PermissionDenied, "cannot create a swarm scoped network when swarm is not"),
        ({"Name": "m", "Scope": "x"}, Unimplemented, "scope x"),
        ({"Name": "m", "Options": {"x": "y"}}, Unimplemented, "option x"),
        ({"Name": "m", "Options": {"com.docker.network.driver.mtu": "x"}}, InvalidArgument, "mtu"),
        ({"Name": "m", "Options": {"com.docker.network.bridge.enable_icc": "x"}}, InvalidArgument, "enable_icc"),
        ({"Name": "m", "IPAM": {"Driver": "dhcp"}}, NotFound, 'plugin "dhcp" not found'),
        ({"Name": "m", "IPAM": {"Config": [{"Subnet": "x"}]}}, InvalidArgument, "invalid subnet"),
        ({"Name": "m", "IPAM": {"Config": [{"Subnet": "fd00::/64"}]}}, InvalidArgument, "needs IPv6 to be enabled"),
        ({"Name": "m", "IPAM": {"Config": [NET, {"Subnet": "10.1.0.0/24"}]}}, PermissionDenied, "multiple subnets"),
        ({"Name": "m", "IPAM": {"Config": [{"Gateway": "10.0.0.1"}]}}, InvalidArgument, "invalid subnet :"),
        ({"Name": "m", "IPAM": {"Config": [{"Subnet": "172.17.0.0/24"}]}}, PermissionDenied, "Pool overlaps"),
        ({"Name": "m", "IPAM": {"Config": [{**NET, "Gateway": "10.1.0.1"}]}}, InvalidArgument, "invalid gateway"),
        ({"Name": "m", "IPAM": {"Config": [{**NET, "IPRange": "10.1.0.0/25"}]}}, InvalidArgument, "invalid ip-range"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_leaves_nothing(
    place: Place, body: dict[str, object], kind: type[Fault], message: str
) -> None:
    place.definitions.open()
    with pytest.raises(kind, match=message):
        place.definitions.create(body)
    assert len(place.store.networks()) == 3


def test_a_network_in_use_or_predefined_stays(place: Place) -> None:
    place.definitions.open()
    one = place.definitions.create({"Name": "mine"})
    place.store.put_endpoint(endpoint(1, one))
    with pytest.raises(PermissionDenied, match="network mine has active endpoints"):
        place.definitions.remove(one)
    (default,) = [network for network in place.store.networks() if network.name == "bridge"]
    with pytest.raises(PermissionDenied, match="bridge is a pre-defined network and cannot be removed"):
        place.definitions.remove(default)


def test_a_default_gateway_is_whom_the_default_bridges_containers_send_to(tmp_path: Path) -> None:
    place = Place(tmp_path, bip="10.5.0.1/24", default_gateway="10.5.0.254")
    place.definitions.open()
    (one,) = [network for network in place.store.networks() if network.name == "bridge"]
    assert (one.gateway, one.router) == ("10.5.0.1", "10.5.0.254")
    for wrong in ("10.6.0.1", "x"):
        again = Definitions(place.store, place.host, place.bridges, Config(bip="10.5.0.1/24", default_gateway=wrong))  # type: ignore[arg-type]
        with pytest.raises(InvalidArgument, match="--default-gateway"):
            again.open()
    place.store.close()


def test_a_bridges_options_say_where_ports_are_published_and_how_interfaces_are_called(place: Place) -> None:
    place.definitions.open()
    options = {
        "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
        "com.docker.network.container_iface_prefix": "wan",
    }
    one = place.definitions.create({"Name": "mine", "Options": options})
    assert (one.host_ip, one.prefix, one.options) == ("127.0.0.1", "wan", options)
    for name in options:
        with pytest.raises(InvalidArgument, match="failed to parse"):
            place.definitions.create({"Name": "other", "Options": {name: "a/b"}})


def test_a_network_with_ipv6_gets_a_subnet_of_this_engines_own(place: Place) -> None:
    place.definitions.open()
    one = place.definitions.create({"Name": "mine", "EnableIPv6": True})
    two = place.definitions.create({"Name": "other", "EnableIPv6": True})
    assert one.subnet6.startswith("fd")
    assert one.pool6 is not None
    assert one.pool6.prefixlen == 64
    assert one.gateway6 == str(one.pool6[1])
    assert two.subnet6 != one.subnet6


def test_both_families_may_be_said(place: Place) -> None:
    place.definitions.open()
    six = {"Subnet": "fd77::/64", "IPRange": "fd77::100/120", "AuxiliaryAddresses": {"router": "fd77::101"}}
    one = place.definitions.create({"Name": "mine", "EnableIPv6": True, "IPAM": {"Config": [NET, six]}})
    assert (one.subnet, one.subnet6, one.gateway6) == ("10.0.0.0/24", "fd77::/64", "fd77::100")
    assert one.reserved == {"router": "fd77::101"}
    with pytest.raises(PermissionDenied, match="Pool overlaps"):
        place.definitions.create({"Name": "other", "EnableIPv6": True, "IPAM": {"Config": [six]}})


def test_the_default_bridge_may_have_ipv6(tmp_path: Path) -> None:
    place = Place(tmp_path, ipv6=True, fixed_cidr_v6="fd55::/64")
    place.definitions.open()
    (one,) = [network for network in place.store.networks() if network.name == "bridge"]
    assert (one.subnet6, one.gateway6) == ("fd55::/64", "fd55::1")
    without = Definitions(place.store, place.host, place.bridges, Config(fixed_cidr_v6="fd55::/64"))  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="--fixed-cidr-v6 needs --ipv6"):
        without.open()
    place.store.close()


def test_a_network_may_be_routed(place: Place) -> None:
    place.definitions.open()
    options = {"com.docker.network.bridge.gateway_mode_ipv6": "routed"}
    assert place.definitions.create({"Name": "mine", "EnableIPv6": True, "Options": options}).routed == [6]


def test_a_network_may_be_without_ipv4(place: Place) -> None:
    place.definitions.open()
    one = place.definitions.create({"Name": "mine", "EnableIPv4": False, "EnableIPv6": True})
    assert (one.subnet, one.pool, one.gateway6) == ("", None, str(one.pool6[1] if one.pool6 else ""))
    said = {"com.docker.network.enable_ipv4": "false", "com.docker.network.enable_ipv6": "true"}
    two = place.definitions.create({"Name": "other", "Options": said})
    assert (two.subnet, two.options) == ("", {})


def test_an_isolated_bridge_has_no_address(place: Place) -> None:
    place.definitions.open()
    options = {f"com.docker.network.bridge.gateway_mode_ipv{version}": "isolated" for version in (4, 6)}
    one = place.definitions.create({"Name": "mine", "Internal": True, "EnableIPv6": True, "Options": options})
    assert (one.gateway, one.gateway6) == ("", "")
    assert one.subnet
    assert one.subnet6


def test_an_unprotected_network_is_said_so(place: Place) -> None:
    place.definitions.open()
    options = {"com.docker.network.bridge.gateway_mode_ipv4": "nat-unprotected"}
    assert place.definitions.create({"Name": "mine", "Options": options}).unprotected == [4]


def test_a_bridge_that_was_there_is_not_its_networks(place: Place) -> None:
    place.definitions.open()
    place.bridges.there = {"br9"}
    options = {"com.docker.network.bridge.name": "br9"}
    assert place.definitions.create({"Name": "mine", "Options": options}).link_found


def test_macvlans_share_a_parent_and_the_last_takes_away_what_was_made_for_it(place: Place) -> None:
    place.definitions.open()
    body = {"Name": "lan", "Driver": "macvlan", "Options": {"parent": "eth9.7"}, "IPAM": {"Config": [NET]}}
    one = place.definitions.create(body)
    assert (one.driver, one.parent, one.parent_mode, one.link) == ("macvlan", "eth9.7", "bridge", "")
    place.bridges.there = {"eth9.7"}
    two = place.definitions.create({**body, "Name": "other", "IPAM": {}})
    assert one.parent_made
    assert two.parent_made
    with pytest.raises(PermissionDenied, match="cannot use mode passthru"):
        place.definitions.create({**body, "Name": "n", "Options": {"parent": "eth9.7", "macvlan_mode": "passthru"}})
    place.definitions.remove(one)
    assert place.bridges.removed == []
    place.definitions.remove(two)
    assert place.bridges.removed == [""]


def test_a_network_on_a_parent_that_fails_leaves_no_record(place: Place) -> None:
    place.definitions.open()
    place.bridges.parents.refuse = Unimplemented("network driver ipvlan is not in this kernel")
    with pytest.raises(Unimplemented, match="not in this kernel"):
        place.definitions.create({"Name": "lan", "Driver": "ipvlan"})
    assert len(place.store.networks()) == 3
    assert place.bridges.removed == [""]


PLAN = {"EnableIPv6": True, "IPAM": {"Config": [{"Subnet": "fd41::/64"}, {**NET, "Gateway": "10.0.0.9"}]},
        "Options": {"com.docker.network.bridge.enable_icc": "false"}, "Labels": {"x": "y"}}  # fmt: skip


def test_a_configuration_makes_nothing_and_takes_no_addresses(place: Place) -> None:
    place.definitions.open()
    before = set(place.host.links)
    plan = place.definitions.create({"Name": "plan", "Driver": "nope", "ConfigOnly": True, **PLAN})
    assert (plan.driver, plan.config_only, plan.pools(4, 6)) == ("null", True, [])
    assert set(place.host.links) == before
    other = place.definitions.create({"Name": "other", "IPAM": {"Config": [NET]}})
    assert other.subnet == NET["Subnet"]


def test_a_network_made_from_a_configuration_is_what_that_says(place: Place) -> None:
    place.definitions.open()
    plan = place.definitions.create({"Name": "plan", "ConfigOnly": True, **PLAN})
    one = place.definitions.create({"Name": "one", "Attachable": True, "ConfigFrom": {"Network": "plan"}})
    assert (one.gateway, one.subnet6, one.isolated) == ("10.0.0.9", "fd41::/64", True)
    assert (one.labels, one.config_from, one.attachable, one.config_only) == ({"x": "y"}, "plan", True, False)
    with pytest.raises(PermissionDenied, match='removing network: configuration network "plan" is in use'):
        place.definitions.remove(plan)
    place.definitions.remove(one)
    place.definitions.remove(plan)


@pytest.mark.parametrize("name", ["nope", "bridge"])
def test_a_configuration_that_is_not_there_is_said(place: Place, name: str) -> None:
    place.definitions.open()
    with pytest.raises(NotFound, match=f'configuration network "{name}" does not exist'):
        place.definitions.create({"Name": "one", "ConfigFrom": {"Network": name}})
