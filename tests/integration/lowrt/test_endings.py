"""Containers that end in the middle of something: what is left can be removed, by whoever comes first."""

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.contract.oci_runtime import Bundles, Runtime
from tests.integration.lowrt.runtimes import bundles, lowrt, rootfs

__all__ = ["bundles", "lowrt", "rootfs"]  # fixtures

pytestmark = [needs.root, needs.binary("busybox")]

Json = dict[str, Any]


@pytest.mark.parametrize("round_", range(8))
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


HARNESS = Path(__file__).with_name("killed.py")
STEPS_OF_INIT = 90  # more than it has: what does not come is not killed


def all_that_it_uses(document: Json) -> None:
    """A configuration with something of everything that create makes."""
    document["hooks"] = {"createRuntime": [{"path": "/bin/true"}], "createContainer": [{"path": "/bin/true"}]}
    document["linux"]["resources"].update(pids={"limit": 50}, memory={"limit": 1 << 27})
    document["linux"].update(maskedPaths=["/proc/keys"], sysctl={"net.ipv4.ip_forward": "1"})


def killed_create(lowrt: Runtime, bundle: str, whom: str, number: int, name: str) -> tuple[int, str]:
    """Status and stderr; which is a file, since a container that lives would keep a pipe open."""
    command = [sys.executable, "-IS", str(HARNESS), whom, str(number), *lowrt.argv("create", "-b", bundle, name)[3:]]
    with (lowrt.root / "killed").open("w+") as err:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err, timeout=30
        )
        err.seek(0)
        return done.returncode, err.read()


def processes_in(cgroup: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cgroup"):
        with contextlib.suppress(OSError):
            if cgroup in path.read_text():
                found.append(path.parent.name)
    return found


@pytest.mark.parametrize("whom", ["parent", "init"])
def test_killed_between_any_two_steps_it_leaves_what_delete_removes(
    lowrt: Runtime, bundles: Bundles, whom: str
) -> None:
    """SIGKILL at the first call of each function of create's, in the one and in the other process."""
    bundle = bundles(change=all_that_it_uses)
    cgroup = json.loads(Path(bundle, "config.json").read_text())["linux"]["cgroupsPath"]
    status, err = killed_create(lowrt, bundle, "parent", 0, "whole")
    assert status == 0, err
    assert lowrt("delete", "--force", "whole").code == 0
    steps = range(1, int(err.split()[-1]) + 1, 12) if whom == "parent" else range(1, STEPS_OF_INIT + 1, 3)
    died = 0
    for number in steps:
        name = f"c{number}"
        died += killed_create(lowrt, bundle, whom, number, name)[0] != 0
        gone = lowrt("delete", "--force", name)
        assert (gone.code, gone.err) == (0, ""), f"step {number}: {gone.err}"
        assert not (lowrt.root / "state" / name).exists(), number
        left = [
            h.name for h in Path("/sys/fs/cgroup").iterdir() if Path(f"{h}{cgroup}").exists() and not h.is_symlink()
        ]
        assert not left, f"step {number}: {left}"
        deadline = time.monotonic() + 30
        while processes_in(cgroup):
            assert time.monotonic() < deadline, f"step {number}: {processes_in(cgroup)}"
            time.sleep(0.01)
    assert died > 20
    assert str(lowrt.root) not in Path("/proc/self/mountinfo").read_text()
