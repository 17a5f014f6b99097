"""What is stored is there after a restart, and an address is given once."""

import sqlite3
from pathlib import Path

import pytest

from engine.networks.model import Sandbox
from engine.networks.store import Store
from tests.fakes.engine_networks import bridge_network, endpoint


def test_everything_is_found_again(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "networks.db"))
    network = bridge_network()
    store.put_network(network)
    store.put_endpoint(endpoint(1, network))
    store.put_sandbox(Sandbox("c1", "/netns", {}))
    store.close()
    again = Store(str(tmp_path / "networks.db"))
    assert again.networks() == [network]
    assert again.endpoints() == [endpoint(1, network)]
    assert again.sandbox("c1") == Sandbox("c1", "/netns", {})
    again.drop_endpoints(again.endpoints())
    again.drop_sandbox("c1")
    again.drop_network(network.id)
    again.close()
    empty = Store(str(tmp_path / "networks.db"))
    assert (empty.networks(), empty.endpoints(), empty.sandboxes()) == ([], [], [])
    empty.close()


def test_an_address_is_given_once_in_a_network(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "networks.db"))
    first, second = bridge_network(), bridge_network("other")
    store.put_endpoint(endpoint(1, first))
    with pytest.raises(sqlite3.IntegrityError):
        store.put_endpoint(endpoint(2, first, address=endpoint(1, first).address))
    store.put_endpoint(endpoint(3, second, address=endpoint(1, first).address))
    assert len(store.endpoints()) == 2
    store.close()


def test_endpoints_are_found_by_network_and_by_container(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "networks.db"))
    network = bridge_network()
    for number in (1, 2):
        store.put_endpoint(endpoint(number, network))
    assert [one.id for one in store.endpoints(container_id="c2")] == ["e2"]
    assert len(store.endpoints(network_id=network.id)) == 2
    assert store.endpoints(network_id="x") == []
    store.close()
