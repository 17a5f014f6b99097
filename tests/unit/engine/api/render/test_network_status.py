"""Addresses of networks, counted."""

from dataclasses import replace

from engine.api.render.network_status import status
from tests.fakes.engine_networks import bridge_network, endpoint

BRIDGE = bridge_network()


def test_the_networks_own_addresses_are_taken() -> None:
    assert status(BRIDGE, []) == {"IPAM": {"Subnets": {"10.9.0.0/24": {"IPsInUse": 3, "DynamicIPsAvailable": 253}}}}
    counted = status(BRIDGE, [endpoint(1, BRIDGE), endpoint(2, BRIDGE)])
    assert counted["IPAM"]["Subnets"]["10.9.0.0/24"] == {"IPsInUse": 5, "DynamicIPsAvailable": 251}


def test_only_a_range_is_given_out() -> None:
    narrow = replace(BRIDGE, ip_range="10.9.0.128/25", reserved={"router": "10.9.0.129"})
    assert status(narrow, [])["IPAM"]["Subnets"]["10.9.0.0/24"] == {"IPsInUse": 4, "DynamicIPsAvailable": 126}


def test_more_addresses_than_a_number_holds() -> None:
    wide = replace(BRIDGE, subnet="", subnet6="fd00::/48", gateway6="fd00::1")
    assert status(wide, [])["IPAM"]["Subnets"] == {"fd00::/48": {"IPsInUse": 2, "DynamicIPsAvailable": (1 << 64) - 1}}


def test_a_network_without_addresses_has_none_to_count() -> None:
    assert status(replace(BRIDGE, subnet=""), []) == {"IPAM": {"Subnets": {}}}
