"""A small internet: who reaches whom, under which address, and who does not (who attacks: tests/attacks)."""

from tests import needs
from tests.network_lab import ADDRESSES, EVERYBODY, LAB_ADDRESS, NEIGHBOUR, OUTSIDE_ADDRESS, PATIENCE, Lab

pytestmark = [needs.root, needs.binary("nft"), needs.binary("ip")]


def test_each_reaches_those_it_shares_a_network_with_and_the_outside(town: Lab) -> None:
    expected = {
        ("web", "app"), ("app", "web"), ("app", "db"), ("db", "app"),
        *((name, place) for name in ("web", "app", "db", "lab") for place in ("outside", "neighbour")),
        *(("lab", name) for name in ADDRESSES), ("outside", "neighbour"), ("neighbour", "outside"),
        *((name, "lab") for name in EVERYBODY if name != "lab"),
    }  # fmt: skip
    places = {**ADDRESSES, "outside": OUTSIDE_ADDRESS, "neighbour": NEIGHBOUR, "lab": LAB_ADDRESS}
    found = set()
    for name in EVERYBODY:
        with town.listen(name, 99):
            for caller in EVERYBODY:
                at = "10.97.0.2" if (caller, name) == ("db", "app") else places[name]
                patience = PATIENCE if (caller, name) in expected else 0.3
                if caller != name and town.tries(caller, at, 99, patience):
                    found.add((caller, name))
    found -= {("safe", "lab")}  # an internal network ends at its bridge, whose own address is the host's
    assert found == expected - {("safe", "lab")}


def test_published_ports_are_reached_under_the_callers_own_address(town: Lab) -> None:
    with town.listen("web", 80), town.listen("web", 81):
        assert town.reach("outside", LAB_ADDRESS, 8080) == OUTSIDE_ADDRESS
        assert town.reach("neighbour", LAB_ADDRESS, 8080) == NEIGHBOUR
        assert town.reach("db", LAB_ADDRESS, 8080) == "10.96.0.1", "from another network by the host's address"
        assert town.reach("web", LAB_ADDRESS, 8080) == "10.96.0.1", "its own, by the hairpin"
        assert town.reach("app", "10.96.0.1", 8080) == "10.96.0.1"
        assert town.reach("lab", "127.0.0.1", 8081) == "10.96.0.1"
        assert town.reach("safe", LAB_ADDRESS, 8080) == "OSError", "not from an internal network"
    with town.listen("safe", 80):
        assert town.reach("outside", LAB_ADDRESS, 8082) == "ConnectionRefusedError", "nor to one"


def test_the_networks_mtu_is_everybodys(town: Lab) -> None:
    assert "mtu 1400" in town.shell("web", "ip link show eth0")
    assert "mtu 1400" in town.shell("lab", "ip link show $(ip -o addr | grep 10.96.0.1/ | cut -d' ' -f2)")
    assert "mtu 1500" in town.shell("db", "ip link show eth0")
