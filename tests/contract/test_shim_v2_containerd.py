"""Our shim under the real containerd, Debian's (1.6) and the newest where it is at hand, with lowrt and with runc."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.contract.shim_v2 import Runtime, ShimV2Contract, World, worlds

pytestmark = [needs.root, needs.overlay, needs.binary("busybox"), needs.binary("ctr"), needs.binary("containerd")]


def peers_path() -> str:
    """PATH with the newest programs first; skips the test where they are not set up."""
    shown = subprocess.run([str(needs.PEERS / "env")], capture_output=True, text=True, check=False)
    found = [part for part in shown.stdout.split() if part.startswith("PATH=")]
    first = found[0].removeprefix("PATH=").partition(":")[0] if found else ""
    if not Path(first).is_dir():
        pytest.skip("needs ../shared/peers to be set up")
    return f"{first}:{os.environ['PATH']}"


@pytest.fixture(scope="module", params=["debian", pytest.param("newest", marks=needs.peers)])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The daemon above our shim."""
    debian = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    path = debian if request.param == "debian" else peers_path()
    yield from worlds(tmp_path_factory.mktemp(request.param), path)


@pytest.fixture(scope="module", params=["lowrt", pytest.param("runc", marks=needs.binary("runc"))])
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """The OCI runtime below it."""
    return Runtime(request.param)


class TestUnderContainerd(ShimV2Contract):
    """Any on stdin, a plain address, Task v2 or v3, as the daemon wants it."""
