"""A v2 folder → Metrics."""

from pathlib import Path

from shim import stats_v2
from shim.cgroup_files import UNLIMITED

FILES = {
    "pids.current": "2\n",
    "pids.max": "max\n",
    "cpu.stat": "usage_usec 10\nuser_usec 6\nsystem_usec 4\ncore_sched.force_idle_usec 0\n",
    "memory.stat": "anon 1\nfile 2\nsec_pagetables 3\n",
    "memory.current": "100\n",
    "memory.max": "max\n",
    "memory.events": "low 0\noom 1\noom_kill 1\n",
    "memory.pressure": "some avg10=0.50 avg60=0.00 avg300=0.00 total=7\n",
    "io.stat": "254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n",
    "hugetlb.2MB.current": "5\n",
    "hugetlb.2MB.max": "max\n",
    "hugetlb.2MB.rsvd.current": "0\n",
    "hugetlb.2MB.events": "max 3\n",
}


def test_everything_that_is_there(tmp_path: Path) -> None:
    """Names the message does not have are passed over."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    metrics = stats_v2.collect(str(tmp_path))
    assert (metrics.pids.current, metrics.pids.limit) == (2, UNLIMITED)
    assert (metrics.cpu.usage_usec, metrics.cpu.system_usec) == (10, 4)
    assert (metrics.memory.anon, metrics.memory.usage, metrics.memory.usage_limit) == (1, 100, UNLIMITED)
    assert metrics.memory.psi.some.total == 7
    assert metrics.memory_events.oom_kill == 1
    (entry,) = metrics.io.usage
    assert (entry.major, entry.rbytes, entry.wios) == (254, 1, 4)
    assert [(page.pagesize, page.current, page.failcnt) for page in metrics.hugetlb] == [("2MB", 5, 3)]


def test_a_cgroup_without_controllers_is_zeros(tmp_path: Path) -> None:
    """And no memory events."""
    metrics = stats_v2.collect(str(tmp_path))
    assert metrics.memory.usage == 0
    assert not metrics.HasField("memory_events")
