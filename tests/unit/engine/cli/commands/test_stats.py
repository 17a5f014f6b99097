"""`wherry stats`: the arithmetic."""

from engine.cli.commands.stats import cpu_percent, memory_used
from tests.fakes.engine_http import FakeEngine
from tests.unit.engine.cli.conftest import Run

SAMPLE = {
    "id": "a" * 64,
    "name": "/web",
    "cpu_stats": {"cpu_usage": {"total_usage": 300}, "system_cpu_usage": 2000, "online_cpus": 2},
    "precpu_stats": {"cpu_usage": {"total_usage": 100}, "system_cpu_usage": 1000},
    "memory_stats": {"usage": 1000, "limit": 4000, "stats": {"total_inactive_file": 200}},
    "networks": {"eth0": {"rx_bytes": 1, "tx_bytes": 2}, "eth1": {"rx_bytes": 3, "tx_bytes": 4}},
    "blkio_stats": {"io_service_bytes_recursive": [{"op": "Read", "value": 5}, {"op": "write", "value": 6}]},
    "pids_stats": {"current": 3},
}


def test_a_share_is_of_one_processor() -> None:
    """A fifth of two is forty percent."""
    assert cpu_percent(SAMPLE) == 40.0
    assert cpu_percent({}) == 0.0


def test_cache_that_can_be_dropped_is_not_used_memory() -> None:
    """On either cgroup version."""
    assert memory_used(SAMPLE) == 800
    assert memory_used({"memory_stats": {"usage": 10, "stats": {"inactive_file": 4}}}) == 6


def test_one_sample_is_one_row(engine: FakeEngine, run: Run) -> None:
    """All of docker's columns."""
    engine.answers["GET /containers/web/stats"] = (200, SAMPLE)
    row = run("stats", "--no-stream", "web").output.splitlines()[1]
    assert row.split() == [
        "a" * 12,
        "web",
        "40.00%",
        "800B",
        "/",
        "3.906KiB",
        "20.00%",
        "4B",
        "/",
        "6B",
        "5B",
        "/",
        "6B",
        "3",
    ]
