"""Which network gives the default route."""

from engine.networks import gateway
from engine.networks.model import Network
from tests.fakes.engine_networks import bridge_network, endpoint

ALPHA, BETA = bridge_network("alpha"), bridge_network("beta", "10.8.0.0/24")
INNER = bridge_network("aaa", "10.7.0.0/24", internal=True)


def chosen(*places: tuple[Network, int]) -> str:
    networks = {network.id: network for network, _ in places}
    found = gateway.choose([endpoint(1, network, priority=priority) for network, priority in places], networks)
    return networks[found.network_id].name if found is not None else ""


def test_the_first_name_leads_out() -> None:
    assert chosen((BETA, 0), (ALPHA, 0)) == "alpha"


def test_the_highest_priority_comes_first() -> None:
    assert chosen((ALPHA, 0), (BETA, 1)) == "beta"
    assert chosen((ALPHA, 0), (BETA, -1)) == "alpha"


def test_an_internal_network_leads_nowhere() -> None:
    assert chosen((INNER, 9), (BETA, 0)) == "beta"
    assert chosen((INNER, 0)) == ""


def test_a_network_of_both_families_comes_before_a_name() -> None:
    both = bridge_network("zulu", "10.6.0.0/24", subnet6="fd06::/64", gateway6="fd06::1")
    assert chosen((ALPHA, 0), (both, 0)) == "zulu"
    networks = {network.id: network for network in (ALPHA, both)}
    first, second = endpoint(1, ALPHA, priority=1), endpoint(2, both, address6="fd06::2/64")
    assert gateway.choose([first, second], networks) == first
    assert gateway.choose6([first, second], networks) == second


def test_the_router_is_the_bridge_unless_another_was_named() -> None:
    assert gateway.router(ALPHA, "10.9.0.2/24") == "10.9.0.1"
    assert gateway.router(bridge_network("x", router="10.9.0.254"), "10.9.0.2/24") == "10.9.0.254"


def test_an_ipvlan_that_routes_has_no_router() -> None:
    for mode, expected in (("l2", "10.9.0.1"), ("l3", ""), ("l3s", "")):
        network = bridge_network("lan", driver="ipvlan", parent="eth9", parent_mode=mode)
        assert gateway.router(network, "10.9.0.2/24") == expected
    assert gateway.router(bridge_network("x", subnet6="fd06::/64", gateway6="fd06::1"), "fd06::2/64") == "fd06::1"


def test_ipv4_goes_by_a_network_that_has_it() -> None:
    only6 = bridge_network("aaa", "10.6.0.0/24", subnet6="fd06::/64", gateway6="fd06::1")
    networks = {network.id: network for network in (ALPHA, only6)}
    first, second = endpoint(1, ALPHA), endpoint(2, only6, address="", address6="fd06::2/64")
    assert gateway.choose4([first, second], networks) == first
    assert gateway.choose6([first, second], networks) == second


def test_a_network_on_a_dummy_leads_nowhere() -> None:
    lonely = bridge_network("lan", driver="macvlan", parent=f"dm-{'lan'.ljust(12, '0')}", parent_mode="bridge")
    assert chosen((lonely, 9), (BETA, 0)) == "beta"


def test_each_subnet_has_its_own_router() -> None:
    more = [{"subnet": "10.8.0.0/24", "gateway": "10.8.0.7", "ip_range": "", "gateway_shown": True}]
    lan = bridge_network("lan", driver="macvlan", parent="eth9", parent_mode="bridge", more=more)
    assert gateway.router(lan, "10.9.0.5/24") == "10.9.0.1"
    assert gateway.router(lan, "10.8.0.5/24") == "10.8.0.7"
