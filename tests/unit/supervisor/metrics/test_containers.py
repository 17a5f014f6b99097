"""Containers' metrics under containerd's names."""

from pathlib import Path

from google.protobuf.any_pb2 import Any

from proto.containerd.metrics.cgroups.v1 import metrics_pb2 as v1
from proto.containerd.metrics.cgroups.v2 import metrics_pb2 as v2
from proto.errdefs import Fault
from supervisor.metrics import containers
from supervisor.metrics.exposition import render
from tests.fakes.supervisor_runtime import running


def test_both_generations_have_containerds_names() -> None:
    """A controller that is not there says nothing rather than zero."""
    old = v1.Metrics(pids=v1.PidsStat(current=3, limit=9), memory=v1.MemoryStat(usage=v1.MemoryEntry(usage=5)))
    old.cpu.usage.per_cpu.append(7)
    new = v2.Metrics(memory=v2.MemoryStat(usage=4096))
    page = render(containers.families([("ns", "c1", old), ("ns", "c2", new)]))
    assert 'container_pids_current{container_id="c1",namespace="ns"} 3\n' in page
    assert 'container_memory_usage_usage_bytes{container_id="c1",namespace="ns"} 5\n' in page
    assert 'container_per_cpu_nanoseconds{container_id="c1",cpu="0",namespace="ns"} 7\n' in page
    assert 'container_memory_usage_bytes{container_id="c2",namespace="ns"} 4096\n' in page
    assert 'container_pids_current{container_id="c2"' not in page


def test_every_path_leads_to_a_value() -> None:
    """Names and messages belong together."""
    for message, names in ((v1.Metrics(), containers.V1), (v2.Metrics(), containers.V2)):
        for path, _ in names.values():
            part = message
            for step in path.split("."):
                part = getattr(part, step)
            assert isinstance(part, int)


async def test_a_shim_that_fails_costs_only_its_own_metrics(tmp_path: Path) -> None:
    """The others' are shown."""
    async with running(tmp_path) as runtime:
        for name in ("c1", "c2"):
            await runtime.tasks.create("ns", name, runtime.options)
        runtime.launcher.shims["c1"].fail["Stats"] = Fault("no")
        stats = v2.Metrics(pids=v2.PidsStat(current=1))

        async def answer(*_: object) -> object:
            return containers.shim_pb2.StatsResponse(
                stats=Any(type_url="io.containerd.cgroups.v2.Metrics", value=stats.SerializeToString())
            )

        task = await runtime.tasks.get("ns", "c2")
        task.client.call = answer  # type: ignore[method-assign, assignment]
        assert await containers.ask(runtime.tasks) == [("ns", "c2", stats)]
