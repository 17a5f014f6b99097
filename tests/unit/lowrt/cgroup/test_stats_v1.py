"""v1 statistics from files as the kernel writes them."""

from pathlib import Path

from lowrt.cgroup.stats_v1 import blkio_lines, stats_v1


def put(folder: Path, **files: str) -> str:
    folder.mkdir()
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return str(folder)


def test_a_host_without_controllers_gives_the_bare_shape() -> None:
    document = stats_v1({})
    assert document["pids"] == {}
    assert document["blkio"] == {}
    assert document["memory"]["usage"] == {"limit": 0, "failcnt": 0}
    assert document["cpu"] == {"usage": {"kernel": 0, "user": 0}, "throttling": {}}


def test_each_controller_fills_its_part(tmp_path: Path) -> None:
    folders = {
        "cpuacct": put(
            tmp_path / "cpuacct",
            cpuacct__usage="100\n",
            cpuacct__stat="user 3\nsystem 4\n",
            cpuacct__usage_percpu="60 40 \n",
            cpuacct__usage_all="cpu user system\n0 30 30\n1 20 20\n",
        ),
        "cpu": put(tmp_path / "cpu", cpu__stat="nr_periods 9\nnr_throttled 2\nthrottled_time 7\n"),
        "pids": put(tmp_path / "pids", pids__current="3\n", pids__max="20\n"),
        "memory": put(
            tmp_path / "memory",
            memory__stat="cache 8\nrss 1\n",
            memory__usage_in_bytes="50",
            memory__max_usage_in_bytes="60",
            memory__failcnt="1",
            memory__limit_in_bytes="100",
        ),
        "blkio": put(
            tmp_path / "blkio",
            **{
                "blkio__throttle__io_service_bytes_recursive": "8:0 Read 4096\n8:0 Write 0\nTotal 4096\n",
                "blkio__throttle__io_serviced_recursive": "8:0 Read 1\nTotal 1\n",
            },
        ),
    }
    document = stats_v1(folders)
    assert document["cpu"] == {
        "usage": {
            "total": 100,
            "percpu": [60, 40],
            "percpu_kernel": [30, 20],
            "percpu_user": [30, 20],
            "kernel": 50,
            "user": 50,
        },
        "throttling": {"periods": 9, "throttledPeriods": 2, "throttledTime": 7},
    }
    assert document["pids"] == {"current": 3, "limit": 20}
    assert document["memory"]["cache"] == 8
    assert document["memory"]["usage"] == {"limit": 100, "usage": 50, "max": 60, "failcnt": 1}
    assert document["memory"]["raw"] == {"cache": 8, "rss": 1}
    assert document["blkio"] == {
        "ioServiceBytesRecursive": [{"major": 8, "op": "Read", "value": 4096}, {"major": 8, "op": "Write"}],
        "ioServicedRecursive": [{"major": 8, "op": "Read", "value": 1}],
    }


def test_lines_without_an_operation_are_plain_values() -> None:
    assert blkio_lines("8:16 99\nTotal 99\n") == [{"major": 8, "minor": 16, "value": 99}]
