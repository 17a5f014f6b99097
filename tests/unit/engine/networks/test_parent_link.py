"""Networks on a link of the host: their options, who may share a parent, and their links."""

import errno
from collections.abc import Mapping

import pytest

from engine.networks import links, parent_link
from engine.networks.model import IPVLAN, MACVLAN, Network
from engine.networks.parent_link import Parents
from proto.errdefs import Fault, InvalidArgument, PermissionDenied, Unimplemented
from tests.fakes.engine_networks import FakeLinks, bridge_network

MAC, ID = bytes(6), "abcdef0123456789"


def on(parent: str, driver: str = MACVLAN, mode: str = "bridge", **fields: object) -> Network:
    return bridge_network(driver=driver, parent=parent, parent_mode=mode, **fields)


def test_the_mode_has_a_default() -> None:
    assert parent_link.read(MACVLAN, {"parent": "eth9"}, ID) == {
        "parent": "eth9", "parent_mode": "bridge", "parent_flag": "",
    }  # fmt: skip
    asked = {"parent": "eth9", "ipvlan_mode": "l3", "ipvlan_flag": "vepa"}
    assert parent_link.read(IPVLAN, asked, ID) == {"parent": "eth9", "parent_mode": "l3", "parent_flag": "vepa"}


def test_without_a_parent_a_dummy_of_dockerds_name_is_the_parent() -> None:
    assert parent_link.read(MACVLAN, {}, ID)["parent"] == "dm-abcdef012345"
    assert parent_link.read(IPVLAN, {}, ID)["parent"] == "di-abcdef012345"


@pytest.mark.parametrize(
    ("driver", "options", "said"),
    [
        (MACVLAN, {"macvlan_mode": "no"}, "requested macvlan mode 'no' is not valid, 'bridge' mode is the macvlan"),
        (IPVLAN, {"ipvlan_mode": "l4"}, "requested ipvlan mode 'l4' is not valid, 'l2' mode is the ipvlan driver"),
        (IPVLAN, {"ipvlan_flag": "x"}, "requested ipvlan flag 'x' is not valid, 'bridge' is the ipvlan driver"),
        (MACVLAN, {"parent": "lo"}, "loopback interface is not a valid macvlan parent link"),
        (MACVLAN, {"ipvlan_flag": "vepa"}, "option ipvlan_flag is not supported by the macvlan driver"),
    ],
)
def test_what_is_wrong_is_refused_in_dockerds_words(driver: str, options: Mapping[str, str], said: str) -> None:
    with pytest.raises(Fault, match=said):
        parent_link.read(driver, options, ID)


def test_an_ipvlan_has_its_parents_hardware_address() -> None:
    own = links.on_parent(MACVLAN, 3, links.macvlan_options(4), "eth0", MAC, 9)
    assert parent_link.message(on("eth9"), 3, "eth0", MAC, 9) == own
    none = links.on_parent(IPVLAN, 3, links.ipvlan_options(1, 2), "eth0", None, 9)
    assert parent_link.message(on("eth9", IPVLAN, "l3", parent_flag="vepa"), 3, "eth0", MAC, 9) == none


@pytest.mark.parametrize(
    ("new", "old", "said"),
    [
        (on("eth9"), on("eth9"), ""),
        (on("eth9", mode="passthru"), on("eth9"), "cannot use mode passthru, macvlan network"),
        (on("eth9"), on("eth9", mode="passthru"), "is already using parent interface eth9 in mode passthru"),
        (on("eth9", IPVLAN, "l2"), on("eth9", IPVLAN, "l2"), "network di-.* is already using parent interface eth9"),
        (on("eth9", IPVLAN, "l2"), on("eth9"), "is already using parent interface eth9"),
        (on("eth8", IPVLAN, "l2"), on("eth9"), ""),
    ],
)
def test_only_macvlans_share_a_parent_and_none_with_one_that_is_passed_through(
    new: Network, old: Network, said: str
) -> None:
    if not said:
        parent_link.check_neighbours(new, [old])
        return
    with pytest.raises(PermissionDenied, match=said):
        parent_link.check_neighbours(new, [old])


@pytest.mark.parametrize(("code", "kind"), [(errno.EOPNOTSUPP, Unimplemented), (errno.EINVAL, InvalidArgument)])
def test_a_kernel_without_it_is_found_out(code: int, kind: type[Exception]) -> None:
    host = FakeLinks()
    host.refuse = OSError(code, "no")
    with pytest.raises(kind, match="ipvlan"):
        Parents(host).probe(on("eth9", IPVLAN, "l2"), 3)  # type: ignore[arg-type]


def test_the_probe_leaves_nothing() -> None:
    host = FakeLinks()
    Parents(host).probe(on("eth9"), 3)  # type: ignore[arg-type]
    assert host.links == {}


def test_a_vlan_is_made_on_its_base_and_taken_away_with_its_network() -> None:
    host = FakeLinks()
    base = host.add("eth9")
    network = on("eth9.10", parent_made=True)
    index = Parents(host).ensure(network)  # type: ignore[arg-type]
    assert host.messages == [links.vlan("eth9.10", base.index, 10)]
    host.links["eth9.10"] = links.Link(index, "eth9.10", "vlan", True, 1500)
    Parents(host).remove(network)  # type: ignore[arg-type]
    assert list(host.links) == ["eth9"]


def test_a_parent_that_was_there_stays() -> None:
    host = FakeLinks()
    host.add("eth9.10", "vlan")
    Parents(host).remove(on("eth9.10"))  # type: ignore[arg-type]
    assert list(host.links) == ["eth9.10"]


@pytest.mark.parametrize(
    ("parent", "said"),
    [
        ("nope", "invalid subinterface vlan name nope, example formatting is eth0.10"),
        ("eth9.1.2", "required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received"),
        ("eth9.ten", "unable to parse a valid vlan id from: ten"),
        ("eth8.10", "-o parent interface was not found on the host: eth8"),
        ("eth9.4095", "vlan id must be between 1-4094, received: 4095"),
    ],
)
def test_a_vlan_that_cannot_be_is_refused_in_dockerds_words(parent: str, said: str) -> None:
    host = FakeLinks()
    host.add("eth9")
    with pytest.raises(InvalidArgument, match=said):
        Parents(host).ensure(on(parent))  # type: ignore[arg-type]
    assert list(host.links) == ["eth9"]
