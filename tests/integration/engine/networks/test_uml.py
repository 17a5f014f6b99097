"""Suites that want what this machine's kernel has not: VLANs and ipvlan, or no nftables.

They run inside Debian's User-Mode Linux kernel, which loads modules when the engine asks for such links, as a host's
does.
"""

from pathlib import Path

import pytest

from tests import needs, uml

pytestmark = [needs.root, needs.binary("linux.uml"), needs.binary("busybox"), needs.binary("nft"), needs.binary("ip")]

HERE = Path(__file__).resolve().parent
SUITES = (
    "test_parent_link.py::test_a_vlan_is_made_for_its_networks_and_goes_with_the_last",
    "test_ipvlan.py",
    "test_without_nftables.py",
)


@pytest.mark.skipif("User Mode Linux" in Path("/proc/cpuinfo").read_text(), reason="is inside already")
def test_links_on_a_parent_and_a_host_without_nftables() -> None:
    folder = HERE.relative_to(uml.PROJECT)
    output = uml.boot(HERE / "uml_network.sh", [f"{folder}/{suite}" for suite in SUITES])
    assert "SUITE ENDED WITH 0" in output, output
    assert "passed" in output, output
    assert "skipped" not in output, output
