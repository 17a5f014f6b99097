"""cgroups on this host's kernel: what runc sets is set, limits bite, freezing and killing reach everyone."""

import os
import select
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lowrt.cgroup.driver import driver_from_state, new_driver
from lowrt.cgroup.files import CgroupError
from lowrt.cgroup.path import is_unified
from lowrt.spec.model import Spec
from tests import needs
from tests.integration.lowrt.environment import Bundle, cgroup_files, cgroup_folders

pytestmark = [needs.root, needs.binary("busybox")]

RUNC = [shutil.which("runc") or "runc"]
MIB = 1 << 20
FORKERS = "while :; do sleep 100 & sleep 0.01; done"

# Counters, lists of processes and what only a look at the clock explains.
VOLATILE = (
    "usage",
    "stat",
    "procs",
    "tasks",
    "threads",
    "time",
    "failcnt",
    "throttle.io",
    "current",
    "peak",
    "pressure",
    "event",
)


class Cgroup:
    """A driver for a cgroup of our own."""

    def __init__(self, resources: dict[str, Any] | None = None) -> None:
        self.path = f"/wherry-test-{uuid.uuid4().hex[:12]}"
        self.resources = resources or {}
        linux = {"cgroupsPath": self.path, "resources": self.resources}
        self.driver = new_driver(Spec({"linux": linux}, "/"), "unused")
        self._processes: list[subprocess.Popen[str]] = []

    def start(self, *command: str) -> "subprocess.Popen[str]":
        """Run a command that does nothing before it is inside."""
        gate = ["busybox", "sh", "-c", 'read go; exec "$@"', "sh", *command]
        process = subprocess.Popen(
            gate, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._processes.append(process)
        self.driver.enter(process.pid)
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        return process

    def end(self) -> None:
        self.driver.kill(signal.SIGKILL)
        for process in self._processes:
            process.communicate()
        self.driver.destroy()

    def file(self, controller: str, name: str) -> str:
        return (Path(self.driver.paths().get(controller) or self.driver.paths()[""]) / name).read_text().strip()


@pytest.fixture
def cgroup() -> Iterator[Cgroup]:
    made = Cgroup()
    made.driver.create()
    yield made
    made.end()
    assert not cgroup_folders(made.path)


def throttles() -> dict[str, Any]:
    """Limits on a whole disk, if this machine has one."""
    for path in Path("/sys/block").iterdir():
        if not path.name.startswith(("loop", "ram", "zram", "nbd")):
            major, minor = (int(number) for number in (path / "dev").read_text().split(":"))
            return {
                "throttleReadBpsDevice": [{"major": major, "minor": minor, "rate": MIB}],
                "throttleWriteIOPSDevice": [{"major": major, "minor": minor, "rate": 100}],
            }
    return {}


@needs.binary("runc")
def test_every_value_is_what_runc_writes(bundle: Bundle) -> None:
    bundle.linux["resources"] |= {
        "memory": {"limit": 64 * MIB, "reservation": 32 * MIB, "swap": 96 * MIB},
        "cpu": {"shares": 1024, "quota": 50000, "period": 200000},
        "pids": {"limit": 33},
        "blockIO": throttles(),
    }
    if not is_unified():
        bundle.linux["resources"]["memory"]["swappiness"] = 10
        bundle.linux["resources"]["cpu"] |= {"cpus": "0", "mems": "0"}
    bundle.linux["resources"]["devices"] += [
        {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"},
        {"allow": True, "type": "b", "major": 7, "access": "rwm"},
    ]
    found = []
    for runtime in (None, RUNC):
        with bundle.running(runtime):
            files = cgroup_files(bundle.cgroup)
            found.append({k: sorted(v.split("\n")) for k, v in files.items() if not any(w in k for w in VOLATILE)})
    # runc's older versions map shares to weights on a straight line, which misses v2's default for the default.
    weights = [values.pop("/cpu.weight", ["", "100"]) for values in found]
    assert weights[0] == ["", "100"]
    for values in found:
        values.pop("/cpu.weight.nice", None)
    assert found[0] == found[1]
    assert found[0].get("memory/memory.limit_in_bytes") or found[0]["/memory.max"]


def test_the_process_limit_bites(cgroup: Cgroup) -> None:
    cgroup.driver.apply({"pids": {"limit": 3}})
    script = "for i in 1 2 3 4; do busybox sleep 1 & done; echo survived"
    output, _ = cgroup.start("busybox", "sh", "-c", script).communicate(timeout=30)
    assert "survived" not in output  # the shell dies of the fork that it cannot have
    assert cgroup.file("pids", "pids.max") == "3"


def test_the_memory_limit_kills_and_the_kill_is_counted_and_heard_of(cgroup: Cgroup) -> None:
    cgroup.driver.apply({"memory": {"limit": 16 * MIB, "swap": 16 * MIB}})
    watch = cgroup.driver.watch_oom()
    try:
        process = cgroup.start("python3", "-c", "import time; x = bytearray(64 << 20); time.sleep(9)")
        assert process.wait(10) == -signal.SIGKILL
        assert watch.next()
        assert cgroup.driver.oom_kills() == 1
    finally:
        watch.close()


def test_a_memory_limit_may_grow_and_shrink_with_swap(cgroup: Cgroup) -> None:
    for size in (16, 64, 8, 256):
        cgroup.driver.apply({"memory": {"limit": size * MIB, "swap": 2 * size * MIB}})
    cgroup.driver.apply({"memory": {"limit": -1}})
    name = "memory.max" if is_unified() else "memory.memsw.limit_in_bytes"
    assert cgroup.file("memory", name) in ("max", "9223372036854771712")


def test_quota_and_period_may_change_in_any_order(cgroup: Cgroup) -> None:
    for quota, period in ((50000, 100000), (900000, 1000000), (2000, 5000), (-1, 100000)):
        cgroup.driver.apply({"cpu": {"quota": quota, "period": period}})


@needs.cgroup1
def test_shares_outside_the_kernels_range_are_refused(cgroup: Cgroup) -> None:
    with pytest.raises(CgroupError, match="the minimum allowed cpu-shares is 2"):
        cgroup.driver.apply({"cpu": {"shares": 1}})


def test_a_frozen_cgroup_stands_still_and_goes_on(cgroup: Cgroup) -> None:
    process = cgroup.start("busybox", "sh", "-c", "while :; do echo x; busybox sleep 0.02; done")
    assert process.stdout is not None
    process.stdout.readline()
    cgroup.driver.freeze()
    assert cgroup.driver.is_frozen()
    fd = process.stdout.fileno()
    os.set_blocking(fd, False)
    time.sleep(0.1)
    read_all(fd)
    time.sleep(0.2)
    assert read_all(fd) == b""
    with pytest.raises(CgroupError, match="not empty: "):
        driver_from_state(cgroup.driver.to_state()).create()
    cgroup.driver.thaw()
    assert not cgroup.driver.is_frozen()
    assert select.select([fd], [], [], 30)[0]
    os.set_blocking(fd, True)


def read_all(fd: int) -> bytes:
    """What a pipe holds right now."""
    try:
        return os.read(fd, 65536)
    except BlockingIOError:
        return b""


@pytest.mark.parametrize("frozen", [False, True])
def test_nobody_escapes_a_kill_by_forking(cgroup: Cgroup, frozen: bool) -> None:
    process = cgroup.start("busybox", "sh", "-c", FORKERS.replace("sleep", "busybox sleep"))
    deadline = time.monotonic() + 30
    while len(cgroup.driver.all_pids()) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    if frozen:
        cgroup.driver.freeze()
    cgroup.driver.kill(signal.SIGKILL)
    assert process.wait(5) == -signal.SIGKILL
    while cgroup.driver.all_pids() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert cgroup.driver.all_pids() == []
    # v2 kills what is frozen as it is, v1 has to thaw it for that.
    assert cgroup.driver.is_frozen() is (frozen and is_unified())


def test_cgroups_below_belong_to_the_container_and_go_with_it(cgroup: Cgroup) -> None:
    for folder in cgroup.driver.paths().values():
        (Path(folder) / "inner" / "deep").mkdir(parents=True)
    process = subprocess.Popen(["sleep", "100"])
    if is_unified():
        cgroup.driver.enter(process.pid, {"": "inner"})
    else:
        cgroup.driver.enter(process.pid, {"devices": "inner"})
    assert cgroup.driver.pids() == []
    assert cgroup.driver.all_pids() == [process.pid]
    cgroup.driver.kill(signal.SIGKILL)
    process.wait()


def test_a_single_threaded_process_enters_by_itself(cgroup: Cgroup) -> None:
    child = os.fork()
    if child == 0:
        try:
            cgroup.driver.enter_self(cloned=False)
            signal.pause()
        finally:
            os._exit(1)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and cgroup.path not in Path(f"/proc/{child}/cgroup").read_text().splitlines()[-1]:
        time.sleep(0.01)
    lines = Path(f"/proc/{child}/cgroup").read_text().splitlines()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    mounted = [line for line in lines if line.split(":")[1] in cgroup.driver.paths()]
    assert mounted
    assert all(line.endswith(":" + cgroup.path) for line in mounted)


def test_devices_outside_the_rules_are_out_of_reach(bundle: Bundle) -> None:
    bundle.linux["devices"] = [{"path": "/dev/loop", "type": "b", "major": 7, "minor": 0}]
    script = "head -c 1 /dev/zero | wc -c; head -c 1 /dev/loop 2>&1 >/dev/null | grep -c 'not permitted'; true"
    assert bundle.output(script) == "1\n1\n"
    bundle.linux["resources"]["devices"].append({"allow": True, "type": "b", "major": 7, "minor": 0, "access": "r"})
    assert bundle.output(script) == "1\n0\n"


def test_statistics_tell_what_was_used(cgroup: Cgroup) -> None:
    cgroup.driver.apply({"pids": {"limit": 40}, "memory": {"limit": 64 * MIB}})
    cgroup.start("busybox", "sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; read x")
    deadline = time.monotonic() + 30
    while not (stats := cgroup.driver.stats())["cpu"]["usage"].get("total") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert stats["pids"] == {"current": 1, "limit": 40}
    assert stats["memory"]["usage"]["limit"] == 64 * MIB
    assert stats["cpu"]["usage"]["total"] > 0


@needs.cgroup1
def test_a_relative_path_lies_below_the_callers_own_cgroup() -> None:
    driver = new_driver(Spec({"linux": {"cgroupsPath": "wherry-rel/box"}}, "/"), "box")
    own = dict(line.split(":")[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    assert driver.paths()["memory"] == os.path.normpath(f"/sys/fs/cgroup/memory{own['memory']}/wherry-rel/box")
