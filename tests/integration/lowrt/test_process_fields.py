"""Newer fields, in what the kernel shows of them: clocks, personality, scheduling, affinity, memory policy."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import needs
from tests.integration.lowrt.environment import LOWRT, Bundle

pytestmark = [needs.root, needs.binary("busybox")]

DAY = 86400


@pytest.mark.skipif(not Path("/proc/self/timens_offsets").exists(), reason="needs time namespaces")
def test_clocks_are_ahead_by_their_offsets_also_for_execs(bundle: Bundle) -> None:
    bundle.linux["namespaces"].append({"type": "time"})
    bundle.linux["timeOffsets"] = {"boottime": {"secs": 1000 * DAY, "nanosecs": 5}, "monotonic": {"secs": 7}}
    with bundle.running() as container:
        before = float(Path("/proc/uptime").read_text().split()[0])
        inside = float(container.call("exec", container.name, "cat", "/proc/uptime").split()[0])
        assert 1000 * DAY <= inside - before < 1001 * DAY
        offsets = Path(f"/proc/{container.pid}/timens_offsets").read_text().split()
        assert offsets == ["monotonic", "7", "0", "boottime", str(1000 * DAY), "5"]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the name of the other personality is that of x86")
def test_a_personality_of_32_bits(bundle: Bundle) -> None:
    bundle.linux["personality"] = {"domain": "LINUX32"}
    assert bundle.output("busybox uname -m") == "i686\n"


def test_init_and_execs_are_scheduled_as_asked(bundle: Bundle, tmp_path: Path) -> None:
    bundle.config["process"].update(
        scheduler={"policy": "SCHED_BATCH", "nice": 5}, ioPriority={"class": "IOPRIO_CLASS_BE", "priority": 6}
    )
    with bundle.running() as container:
        assert os.sched_getscheduler(container.pid) == os.SCHED_BATCH
        assert os.getpriority(os.PRIO_PROCESS, container.pid) == 5
        look = ["sh", "-c", "busybox ionice -p $$; cat /proc/$$/stat"]
        level, stat = container.call("exec", container.name, *look).splitlines()
        fields = stat.rpartition(")")[2].split()  # proc(5): nice is the 19th of all, the policy the 41st
        assert (level, fields[16], fields[38]) == ("best-effort: prio 6", "5", str(os.SCHED_BATCH))
        process = {
            **bundle.config["process"],
            "args": look,
            "scheduler": {"policy": "SCHED_IDLE"},
            "ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 7},
        }
        (tmp_path / "process.json").write_text(json.dumps(process))
        other = container.call("exec", "--process", str(tmp_path / "process.json"), container.name)
        assert other.startswith("idle")


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two processors")
def test_the_callers_affinity_is_not_inherited_and_execs_have_their_own(bundle: Bundle, tmp_path: Path) -> None:
    first = min(os.sched_getaffinity(0))
    bundle.shell("cat /proc/self/status")
    bundle.save()
    words = [*LOWRT, "--root", str(tmp_path / "state"), "run", "--bundle", str(bundle.path), "pinned"]
    done = subprocess.run(["taskset", "-c", str(first), *words], capture_output=True, text=True, check=True, timeout=60)
    assert listed(done.stdout) != str(first)
    bundle.config["process"]["execCPUAffinity"] = {"initial": str(first), "final": str(first)}
    with bundle.running() as container:
        assert listed(Path(f"/proc/{container.pid}/status").read_text()) != str(first)
        assert listed(container.call("exec", container.name, "cat", "/proc/self/status")) == str(first)


def listed(status: str) -> str:
    return next(line.split()[1] for line in status.splitlines() if line.startswith("Cpus_allowed_list:"))


@pytest.mark.skipif(not Path("/proc/self/numa_maps").exists(), reason="needs a kernel with NUMA")
def test_memory_comes_from_the_nodes_of_the_policy(bundle: Bundle) -> None:
    bundle.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}
    assert "bind=static:0" in bundle.output("cat /proc/self/numa_maps")
