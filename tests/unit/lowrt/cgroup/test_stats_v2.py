"""v2 statistics from files as the kernel writes them."""

from pathlib import Path

from lowrt.cgroup.stats_v2 import io_tables, parse_pressure, stats_v2


def put(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_controllers_that_are_not_enabled_leave_their_parts_at_zero(tmp_path: Path) -> None:
    put(tmp_path, cgroup__procs="1\n2\n")
    document = stats_v2(str(tmp_path))
    assert document["pids"] == {"current": 2}
    assert document["cpu"]["usage"] == {"kernel": 0, "user": 0}
    assert document["memory"]["usage"] == {"limit": 0, "failcnt": 0}


def test_names_and_units_are_v1s(tmp_path: Path) -> None:
    put(
        tmp_path,
        cpu__stat="usage_usec 10\nuser_usec 6\nsystem_usec 4\nnr_periods 3\nnr_throttled 1\nthrottled_usec 2\n",
        memory__stat="anon 5\nfile 7\n",
        memory__current="100\n",
        memory__max="200\n",
        memory__swap__current="10\n",
        memory__swap__max="50\n",
        memory__peak="150\n",
        pids__current="4\n",
        pids__max="max\n",
        io__stat="8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n",
        cpu__pressure="some avg10=0.50 avg60=0.00 avg300=0.00 total=12\n",
    )
    document = stats_v2(str(tmp_path))
    assert document["cpu"]["usage"] == {"total": 10000, "kernel": 4000, "user": 6000}
    assert document["cpu"]["throttling"] == {"periods": 3, "throttledPeriods": 1, "throttledTime": 2000}
    assert document["cpu"]["psi"]["some"] == {"avg10": 0.5, "avg60": 0, "avg300": 0, "total": 12}
    assert document["memory"]["usage"] == {"limit": 200, "usage": 100, "max": 150, "failcnt": 0}
    assert document["memory"]["swap"] == {"limit": 250, "usage": 110, "failcnt": 0}
    assert document["memory"]["cache"] == 7
    assert document["pids"] == {"current": 4}
    assert document["blkio"]["ioServicedRecursive"] == [
        {"major": 8, "op": "Read", "value": 1},
        {"major": 8, "op": "Write"},
    ]


def test_unlimited_memory_makes_the_sum_unlimited(tmp_path: Path) -> None:
    put(
        tmp_path,
        memory__stat="file 1\n",
        memory__current="1\n",
        memory__max="max\n",
        pids__current="1\n",
        pids__max="5",
    )
    assert stats_v2(str(tmp_path))["memory"]["swap"]["limit"] == (1 << 64) - 1


def test_io_words_nobody_knows_are_passed_over() -> None:
    assert io_tables("8:0 cost.usage=5 rbytes=1\n") == {
        "ioServiceBytesRecursive": [{"major": 8, "op": "Read", "value": 1}]
    }


def test_pressure_has_both_kinds_always() -> None:
    assert parse_pressure("")["full"] == {"avg10": 0, "avg60": 0, "avg300": 0, "total": 0}
