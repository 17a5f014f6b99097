"""Containers that end in the middle of something: what is left can be removed, by whoever comes first."""

import subprocess

import pytest

from tests import needs
from tests.contract.oci_runtime import Bundles, Runtime
from tests.integration.lowrt.runtimes import bundles, lowrt, rootfs

__all__ = ["bundles", "lowrt", "rootfs"]  # fixtures

pytestmark = [needs.root, needs.binary("busybox")]


@pytest.mark.parametrize("round_", range(5))
def test_a_container_in_the_foreground_is_deleted_by_force(lowrt: Runtime, bundles: Bundles, round_: int) -> None:
    """Its `run` wakes up and removes the same things at the same time."""
    name = f"c{round_}"
    with subprocess.Popen(lowrt.argv("run", "-b", bundles(), name), stdin=subprocess.DEVNULL) as foreground:
        while not (out := lowrt("state", name).out) or '"running"' not in out:
            assert foreground.poll() is None
        result = lowrt("delete", "--force", name)
        assert (result.code, result.err) == (0, "")
        assert foreground.wait(10) == 137
    assert lowrt("state", name).code == 1
