"""`wherry network`."""

from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run


def test_pools_go_together_by_their_order(engine: FakeEngine, run: Run) -> None:
    """A gateway belongs to the subnet at its place."""
    engine.answers["POST /networks/create"] = (201, {"Id": "n"})
    run(
        "network", "create", "--subnet", "10.0.0.0/24", "--gateway", "10.0.0.1", "--subnet", "fd00::/64",
        "-o", "a=b", "--internal", "net",
    )  # fmt: skip
    body = engine.sent("POST", "/networks/create").json()
    assert body["IPAM"]["Config"] == [{"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1"}, {"Subnet": "fd00::/64"}]
    assert (body["Internal"], body["Options"]) == (True, {"a": "b"})


def test_networks_are_listed(engine: FakeEngine, run: Run) -> None:
    """With short ids."""
    row = {"Id": "n" * 64, "Name": "bridge", "Driver": "bridge", "Scope": "local"}
    engine.answers["GET /networks"] = (200, [row])
    assert run("network", "ls").output.splitlines()[1].split() == ["n" * 12, "bridge", "bridge", "local"]


def test_an_endpoint_may_have_options_and_a_priority(engine: FakeEngine, run: Run) -> None:
    """Keys in small letters, as docker's client sends them."""
    engine.answers["POST /networks/n/connect"] = (200, {})
    run("network", "connect", "--gw-priority", "2", "--driver-opt", "A=b", "--alias", "x", "n", "box")
    assert engine.sent("POST", "/networks/n/connect").json()["EndpointConfig"] == {
        "Aliases": ["x"], "Links": [], "IPAMConfig": {}, "DriverOpts": {"a": "b"}, "GwPriority": 2,
    }  # fmt: skip


def test_ipv4_can_be_switched_off(engine: FakeEngine, run: Run) -> None:
    """In docker's way of writing it."""
    engine.answers["POST /networks/create"] = (201, {"Id": "n"})
    run("network", "create", "--ipv4=false", "--ipv6", "six")
    body = engine.sent("POST", "/networks/create").json()
    assert (body["EnableIPv4"], body["EnableIPv6"]) == (False, True)
