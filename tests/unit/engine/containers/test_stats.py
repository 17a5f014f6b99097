"""Numbers."""

import os

from google.protobuf import any_pb2

from engine import timestamps
from engine.containers import stats
from proto.containerd.metrics.cgroups.v1 import metrics_pb2 as v1
from proto.containerd.types import metrics_pb2
from proto.errdefs import NotFound
from tests.fakes.engine_room import Bench


async def test_the_first_frame_has_no_past_and_the_next_one_has(bench: Bench) -> None:
    live = await bench.run()
    stats._INTERVAL = 0.01
    frames = []
    async for frame in stats.stream(bench.room, live):
        frames.append(frame)
        if len(frames) == 2:
            break
    stats._INTERVAL = 1.0
    assert frames[0]["preread"] == "0001-01-01T00:00:00Z"
    assert "system_cpu_usage" not in frames[0]["precpu_stats"]
    assert frames[1]["preread"] == frames[0]["read"]
    assert frames[1]["precpu_stats"]["system_cpu_usage"] > 0
    assert frames[0]["name"] == "/web"


async def test_one_frame_unprimed(bench: Bench) -> None:
    live = await bench.run()
    frame = await stats.once(bench.room, live, primed=False)
    assert frame["cpu_stats"]["online_cpus"] >= 1


async def test_what_does_not_run_shows_zeros(bench: Bench) -> None:
    live = await bench.create()
    assert stats.nothing(live)["cpu_stats"]["cpu_usage"]["total_usage"] == 0


def test_the_interfaces_of_a_process_without_lo() -> None:
    assert "lo" not in stats.interfaces(1)
    assert stats.interfaces(0) == {}


class Metered:
    """The supervisor's numbers, growing; `fail` says that the task is gone."""

    def __init__(self, bench: Bench, limit: int = 1 << 20) -> None:
        self.total = 0
        self.limit = limit
        self.fail = False
        bench.tasks.metrics = self.metrics  # type: ignore[method-assign, assignment]

    async def metrics(self, container_id: str) -> metrics_pb2.Metric:
        if self.fail:
            raise NotFound("no running task found")
        self.total += 100
        message = v1.Metrics()
        message.cpu.usage.total = self.total
        message.memory.usage.usage, message.memory.usage.limit = 5, self.limit
        data = any_pb2.Any(type_url="io.containerd.cgroups.v1.Metrics", value=message.SerializeToString())
        return metrics_pb2.Metric(id=container_id, data=data)


async def test_one_shot_has_an_empty_sample_before(bench: Bench) -> None:
    """Exporters ask so, and compute the difference themselves."""
    live = await bench.run()
    Metered(bench)
    frame = await stats.once(bench.room, live, primed=False)
    assert frame["cpu_stats"]["cpu_usage"]["total_usage"] == 100
    assert frame["cpu_stats"]["system_cpu_usage"] > 0
    assert frame["precpu_stats"]["cpu_usage"]["total_usage"] == 0
    assert frame["preread"] == timestamps.ZERO
    assert frame["memory_stats"]["limit"] == 1 << 20


async def test_a_limit_beyond_the_machine_is_the_machine(bench: Bench) -> None:
    """v1 says 2⁶³ where nobody set one; shares of it would be nothing."""
    live = await bench.run()
    Metered(bench, 1 << 62)
    memory = (await stats.once(bench.room, live, primed=False))["memory_stats"]
    assert memory["limit"] == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


async def test_a_task_that_has_just_gone_shows_an_empty_frame(bench: Bench) -> None:
    """The stream goes on until the container is removed."""
    live = await bench.run()
    Metered(bench).fail = True
    async for frame in stats.stream(bench.room, live):
        assert frame["memory_stats"] == {}
        assert frame["read"] == timestamps.ZERO
        break
    bench.room.registry.retire(live)
    assert [frame async for frame in stats.stream(bench.room, live)] == []


def test_the_systems_time_grows_in_ticks() -> None:
    """Nanoseconds, a hundredth of a second apart."""
    assert stats.system_usage() % 10_000_000 == 0
