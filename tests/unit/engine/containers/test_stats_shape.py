"""Metrics in Docker's shape."""

from engine.containers.stats_shape import from_metrics
from proto.containerd.metrics.cgroups.v1 import metrics_pb2 as v1
from proto.containerd.metrics.cgroups.v2 import metrics_pb2 as v2


def test_version_1() -> None:
    metrics = v1.Metrics()
    metrics.cpu.usage.total, metrics.cpu.usage.kernel = 5, 2
    metrics.memory.usage.usage, metrics.memory.pg_fault = 9, 4
    metrics.pids.current = 3
    metrics.blkio.io_service_bytes_recursive.add(major=8, op="Read", value=7)
    done = from_metrics(metrics)
    assert done["cpu_stats"]["cpu_usage"]["total_usage"] == 5
    assert done["memory_stats"]["usage"] == 9
    assert done["memory_stats"]["stats"]["pgfault"] == 4
    assert done["pids_stats"] == {"current": 3}
    assert done["blkio_stats"]["io_service_bytes_recursive"][0]["value"] == 7
    assert "io_queue_recursive" in done["blkio_stats"]


def test_version_2() -> None:
    metrics = v2.Metrics()
    metrics.cpu.usage_usec = 5
    metrics.memory.usage, metrics.memory.anon = 9, 4
    metrics.io.usage.add(major=8, minor=1, rbytes=3, wbytes=4)
    done = from_metrics(metrics)
    assert done["cpu_stats"]["cpu_usage"]["total_usage"] == 5000
    assert done["memory_stats"]["stats"]["anon"] == 4
    assert [entry["value"] for entry in done["blkio_stats"]["io_service_bytes_recursive"]] == [3, 4]
