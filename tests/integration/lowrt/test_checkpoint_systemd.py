"""restore with `--systemd-cgroup`, a stand-in for systemd at the other end of the bus: no kernel at hand has both.

User-Mode Linux, where a real systemd is init (test_systemd.py), is built without checkpoints; criu works where none is.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.contract.checkpoint import COUNTER, pipes, succeed
from tests.contract.oci_runtime import Bundles, Runtime
from tests.criu_program import path_with_criu
from tests.fakes.lowrt_systemd import FakeSystemd
from tests.integration.lowrt.runtimes import bundles, lowrt, rootfs

__all__ = ["bundles", "lowrt", "rootfs"]  # fixtures

pytestmark = [needs.root, needs.cgroup1, needs.binary("busybox")]

# lowrt looks for the directory that systemd makes at boot; nobody else may see one.
BOOTED = 'mount -t tmpfs none /run/systemd && mkdir /run/systemd/system && exec "$@"'


class Systemd(FakeSystemd):
    """It makes the folder of a scope in its own hierarchy, as the real one does, and moves the processes there."""

    def __init__(self) -> None:
        super().__init__()
        self.slice = f"wherry{uuid.uuid4().hex[:12]}.slice"
        self.folder = Path("/sys/fs/cgroup/systemd") / self.slice
        self.pids: list[int] = []
        self.started = self._make
        self.stopped = lambda name: (self.folder / name).rmdir()

    def _make(self, name: str, properties: dict[str, Any]) -> None:
        (self.folder / name).mkdir(parents=True)
        for pid in properties["PIDs"]:
            (self.folder / name / "cgroup.procs").write_text(str(pid))
            self.pids.append(pid)

    def remove(self) -> None:
        """The slice, in every hierarchy that a runtime has made it in."""
        for folder in Path("/sys/fs/cgroup").glob(f"*/{self.slice}"):
            folder.rmdir()


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    systemd = Systemd()
    with systemd.serving(tmp_path) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield systemd
        systemd.remove()


def test_the_restored_are_in_a_new_scope_with_its_limits(
    systemd: Systemd, lowrt: Runtime, bundles: Bundles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path_with_criu())
    if not Path("/run/systemd").is_dir():
        pytest.skip("needs a /run/systemd to mount on")
    lowrt.command = ["unshare", "--mount", "sh", "-c", BOOTED, "-", *lowrt.command]

    def bundle_in(unit: str, limit: int) -> str:
        def place(document: dict[str, Any]) -> None:
            document["linux"]["cgroupsPath"] = f"{systemd.slice}:wherry:{unit}"
            document["linux"]["resources"]["pids"] = {"limit": limit}

        return bundles.sh(COUNTER, place)

    image = ("--image-path", str(tmp_path / "image"), "--manage-cgroups-mode", "ignore")
    with pipes() as stream:
        succeed(lowrt, "--systemd-cgroup", "run", "-d", "-b", bundle_in("first", 20), "c1", streams=stream.theirs)
        assert stream.ask("a") == "1 a"
        succeed(lowrt, "--systemd-cgroup", "checkpoint", *image, "c1")
        assert systemd.units == {}
        words = ("restore", "-d", *image, "-b", bundle_in("second", 30), "c2")
        succeed(lowrt, "--systemd-cgroup", *words, streams=stream.theirs)
        assert stream.ask("b") == "2 b"
        assert list(systemd.units) == ["wherry-second.scope"]
        assert len(systemd.pids) == 2
        pid = lowrt.state("c2")["pid"]
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        paths = {line.split(":")[1]: line.split(":")[2] for line in lines}
        assert paths["name=systemd"] == paths["pids"] == f"/{systemd.slice}/wherry-second.scope"
        limit = Path(f"/sys/fs/cgroup/pids/{systemd.slice}/wherry-second.scope/pids.max")
        assert limit.read_text() == "30\n"
        succeed(lowrt, "delete", "--force", "c2")
    assert systemd.units == {}
    assert not limit.parent.exists()
    assert not os.path.exists(systemd.folder / "wherry-second.scope")
