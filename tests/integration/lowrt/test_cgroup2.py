"""What only pure cgroup v2 has: controllers enabled on the way down, threads, device programs, the unified map.

On a host with v1 these run inside the kernel that test_uml.py boots.
"""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lowrt.cgroup.driver import new_driver
from lowrt.cgroup.files import CgroupError
from lowrt.linux import bpf
from lowrt.spec.model import Spec
from tests import needs
from tests.integration.lowrt.environment import Bundle

pytestmark = [needs.root, needs.cgroup2, needs.binary("busybox")]

TOP = Path("/sys/fs/cgroup")
MIB = 1 << 20


@pytest.fixture
def parent() -> Iterator[Path]:
    """A cgroup path of our own, not made yet."""
    path = TOP / f"wherry-test-{uuid.uuid4().hex[:12]}"
    yield path
    for folder in sorted(path.rglob("*"), reverse=True):
        if folder.is_dir():
            folder.rmdir()
    if path.is_dir():
        path.rmdir()


def driver_of(folder: Path, resources: dict[str, Any] | None = None) -> Any:
    linux = {"cgroupsPath": "/" + str(folder.relative_to(TOP)), "resources": resources or {}}
    return new_driver(Spec({"linux": linux}, "/"), "unused")


def test_controllers_are_enabled_all_the_way_down(parent: Path) -> None:
    driver = driver_of(parent / "a" / "b")
    driver.create()
    wanted = set((TOP / "cgroup.controllers").read_text().split())
    for folder in (parent, parent / "a"):
        assert set((folder / "cgroup.subtree_control").read_text().split()) == wanted
    assert (parent / "a" / "b" / "cgroup.subtree_control").read_text().strip() == ""
    driver.destroy()
    assert not (parent / "a" / "b").exists()


def test_below_a_threaded_cgroup_there_are_only_threads(parent: Path) -> None:
    (parent / "mid").mkdir(parents=True)
    (parent / "mid" / "cgroup.type").write_text("threaded")
    with pytest.raises(CgroupError, match="it is in domain threaded mode"):
        driver_of(parent / "mid" / "box", {"memory": {"limit": MIB}}).create()
    assert not (parent / "mid" / "box").exists()
    driver = driver_of(parent / "mid" / "box")
    driver.create()
    assert (parent / "mid" / "box" / "cgroup.type").read_text() == "threaded\n"
    assert driver.pids() == []
    driver.destroy()


def test_values_are_v2s(parent: Path) -> None:
    driver = driver_of(parent)
    driver.create()
    driver.apply(
        {
            "memory": {"limit": 64 * MIB, "swap": 64 * MIB, "reservation": 32 * MIB},
            "cpu": {"shares": 512, "quota": 20000, "period": 50000},
            "pids": {"limit": 7},
            "unified": {"memory.high": str(48 * MIB), "cpu.weight": "77"},
        }
    )
    values = {name: (parent / name).read_text().strip() for name in ("memory.max", "memory.low", "memory.high")}
    assert values == {"memory.max": str(64 * MIB), "memory.low": str(32 * MIB), "memory.high": str(48 * MIB)}
    assert (parent / "cpu.max").read_text() == "20000 50000\n"
    assert (parent / "cpu.weight").read_text() == "77\n"
    assert (parent / "pids.max").read_text() == "7\n"
    with pytest.raises(CgroupError, match=r'controller "hugetlb" not available'):
        driver.apply({"unified": {"hugetlb.2MB.max": "1"}})
    with pytest.raises(CgroupError, match="memory"):
        driver.apply({"memory": {"limit": 1, "checkBeforeUpdate": True}, "unified": {"memory.nope": "1"}})
    driver.destroy()


def test_a_device_program_is_replaced_and_never_piles_up(parent: Path) -> None:
    driver = driver_of(parent)
    driver.create()
    folder = os.open(parent, os.O_RDONLY)
    seen = []
    for _ in range(3):
        driver.apply({"devices": [{"allow": False, "access": "rwm"}]})
        programs = bpf.attached_device_programs(folder)
        seen.append(len(programs))
        for program in programs:
            os.close(program)
    os.close(folder)
    assert seen == [1, 1, 1]
    driver.destroy()


def test_a_container_is_born_in_its_cgroup_and_sees_it_as_the_root(bundle: Bundle) -> None:
    bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev")
    bundle.linux["resources"]["pids"] = {"limit": 33}
    bundle.linux["resources"]["unified"] = {"memory.high": "104857600"}
    script = (
        "cat /proc/self/cgroup /sys/fs/cgroup/pids.max /sys/fs/cgroup/memory.high; wc -l < /sys/fs/cgroup/cgroup.procs"
    )
    output = bundle.output(script).splitlines()
    assert output[:3] == ["0::/", "33", "104857600"]
    assert int(output[3]) >= 1


@pytest.mark.parametrize("namespaced", [True, False])
def test_limits_cannot_be_lifted_from_inside(bundle: Bundle, namespaced: bool) -> None:
    """CVE-2023-25809, CVE-2022-0492: neither in the mount that it has, nor in one of its own."""
    if namespaced:
        bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev")
    bundle.linux["resources"]["pids"] = {"limit": 33}
    bundle.config["process"]["capabilities"] = {}
    own = "/sys/fs/cgroup" if namespaced else f"/sys/fs/cgroup{bundle.cgroup}"
    script = (
        f"cd {own}; echo 99 > pids.max || echo refused; mkdir below || echo refused; "
        "mount -o remount,rw /sys/fs/cgroup && echo 99 > pids.max; "
        "mkdir /tmp/x; mount -t cgroup2 none /tmp/x && echo 99 > /tmp/x/pids.max; cat pids.max"
    )
    assert bundle.output(f"({script}) 2>/dev/null").split() == ["refused", "refused", "33"]


def test_exec_finds_a_container_that_has_moved_into_a_cgroup_below(bundle: Bundle) -> None:
    """A cgroup that has enabled controllers takes no processes any more."""
    with bundle.running() as container:
        folder = TOP / bundle.cgroup.strip("/")
        (folder / "inner").mkdir()
        (folder / "inner" / "cgroup.procs").write_text(str(container.pid))
        (folder / "cgroup.subtree_control").write_text("+pids")
        assert "inner" in container.call("exec", container.name, "cat", "/proc/self/cgroup")


def test_statistics_have_pressure_and_v1s_names(parent: Path) -> None:
    driver = driver_of(parent)
    driver.create()
    with subprocess.Popen(["sleep", "100"]) as process:
        driver.enter(process.pid)
        stats = driver.stats()
        process.kill()
    assert stats["pids"] == {"current": 1}
    assert set(stats["cpu"]["usage"]) >= {"kernel", "user"}
    assert stats["memory"]["usage"]["limit"] == (1 << 64) - 1
    driver.destroy()
