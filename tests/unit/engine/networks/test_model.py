"""Records survive being written and read."""

import json

from engine.networks.model import Endpoint, Network, Port, Sandbox
from tests.fakes.engine_networks import bridge_network, endpoint


def test_an_endpoint_is_read_as_it_was_written() -> None:
    made = endpoint(1, bridge_network(), ports=(Port(80, "tcp", "0.0.0.0", 8080),), aliases=("a",))
    assert Endpoint.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_networks_and_sandboxes_too() -> None:
    network = bridge_network(labels={"k": "v"})
    assert Network(**json.loads(json.dumps(network.to_json()))) == network
    sandbox = Sandbox("c", None, {"/etc/hosts": "x"})
    assert Sandbox(**json.loads(json.dumps(sandbox.to_json()))) == sandbox


def test_three_names_are_predefined() -> None:
    assert [bridge_network(name).is_predefined for name in ("bridge", "host", "none", "mine")] == [
        True,
        True,
        True,
        False,
    ]


def test_a_ports_key_is_what_the_api_calls_it() -> None:
    assert Port(53, "udp", "", 1).key == "53/udp"
