"""The OCI contract, asked of lowrt, and of runc and crun, which keep the suite honest; of some with CONTRACT_OF=a,b."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.contract import oci_runtime
from tests.contract.oci_runtime import Runtime
from tests.integration.lowrt.runtimes import bundles, command_of, rootfs

__all__ = ["bundles", "rootfs"]  # fixtures

pytestmark = [needs.root, needs.binary("busybox")]


RUNTIMES = os.environ.get("CONTRACT_OF", "lowrt,runc,crun").split(",")


@pytest.fixture(params=RUNTIMES)
def runtime(
    request: pytest.FixtureRequest, tmp_path: Path, rootfs: Path, bundles: oci_runtime.Bundles
) -> Iterator[Runtime]:
    del bundles  # named so that it ends after us: its cgroups go last
    name: str = request.param
    runtime = Runtime(name, command_of(name, rootfs), tmp_path, words=name != "crun")
    yield runtime
    runtime.clean_up()


class TestLifeCycle(oci_runtime.LifeCycle):
    """See tests/contract."""


class TestWords(oci_runtime.Words):
    """See tests/contract."""


class TestProcess(oci_runtime.Process):
    """See tests/contract."""


class TestNamespaces(oci_runtime.Namespaces):
    """See tests/contract."""


class TestExec(oci_runtime.Exec):
    """See tests/contract."""


class TestConsole(oci_runtime.Console):
    """See tests/contract."""


class TestHooks(oci_runtime.Hooks):
    """See tests/contract."""


class TestResources(oci_runtime.Resources):
    """See tests/contract."""


class TestSignals(oci_runtime.Signals):
    """See tests/contract."""
