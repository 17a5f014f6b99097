"""Networks on a link of the host: their options and their links (refusals: test_definitions)."""

import errno

import pytest

from engine.networks import links, parent_link
from engine.networks.model import IPVLAN, MACVLAN
from proto.errdefs import InvalidArgument, Unimplemented
from tests.fakes.engine_networks import FakeLinks, bridge_network

MAC = bytes(6)


def test_the_mode_has_a_default() -> None:
    assert parent_link.read(MACVLAN, {"parent": "eth9"}) == {"parent": "eth9", "parent_mode": "bridge"}
    asked = {"parent": "eth9", "ipvlan_mode": "l3"}
    assert parent_link.read(IPVLAN, asked) == {"parent": "eth9", "parent_mode": "l3"}


def test_an_ipvlan_has_its_parents_hardware_address() -> None:
    for driver, mode, own in ((MACVLAN, "bridge", MAC), (IPVLAN, "l2", None)):
        network = bridge_network(driver=driver, parent="eth9", parent_mode=mode)
        number = {"bridge": 4, "l2": 0}[mode]
        expected = links.on_parent(driver, 3, number, "eth0", own, 9)
        assert parent_link.message(network, 3, "eth0", MAC, 9) == expected


@pytest.mark.parametrize(("code", "kind"), [(errno.EOPNOTSUPP, Unimplemented), (errno.EINVAL, InvalidArgument)])
def test_a_kernel_without_it_is_found_out(code: int, kind: type[Exception]) -> None:
    host = FakeLinks()
    network = bridge_network(driver=IPVLAN, parent="eth9", parent_mode="l2")
    host.refuse = OSError(code, "no")
    with pytest.raises(kind, match="ipvlan"):
        parent_link.probe(host, network, 3)  # type: ignore[arg-type]


def test_the_probe_leaves_nothing() -> None:
    host = FakeLinks()
    parent_link.probe(host, bridge_network(driver=MACVLAN, parent="eth9", parent_mode="bridge"), 3)  # type: ignore[arg-type]
    assert host.links == {}
