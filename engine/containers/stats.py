"""`GET /containers/{id}/stats`: the supervisor's metrics of the task's cgroup, in Docker's shape.

The first frame of a stream has an empty `precpu_stats`, each later one the sample before it, so that clients can
compute shares.
"""

import asyncio
import copy
import os
import time
from collections.abc import AsyncIterator
from typing import Any

from engine import timestamps
from engine.containers.live import Live
from engine.containers.room import Room
from engine.containers.stats_shape import from_metrics
from proto.containerd.metrics.cgroups.v1 import metrics_pb2 as v1_pb2
from proto.containerd.metrics.cgroups.v2 import metrics_pb2 as v2_pb2
from proto.errdefs import Fault

Json = dict[str, Any]

_INTERVAL = 1.0
_TICKS = os.sysconf("SC_CLK_TCK")


def nothing(live: Live) -> Json:
    """What a container that does not run shows."""
    cpu: Json = {"cpu_usage": _NO_USAGE, "throttling_data": _NO_THROTTLING}
    return _frame(live, {"pids_stats": {}, "cpu_stats": cpu, "memory_stats": {}, "blkio_stats": {}}, cpu, 0, 0)


_NO_USAGE = {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0}
_NO_THROTTLING = {"periods": 0, "throttled_periods": 0, "throttled_time": 0}
_NO_CPU: Json = {"cpu_usage": _NO_USAGE, "throttling_data": _NO_THROTTLING}


async def once(room: Room, live: Live, *, primed: bool) -> Json:
    """One frame; `primed` takes two samples a second apart, so that it holds both."""
    first = await _sample(room, live)
    if not primed:
        return _frame(live, first, _NO_CPU, time.time_ns(), 0)
    begin = time.time_ns()
    await asyncio.sleep(_INTERVAL)
    return _frame(live, await _sample(room, live), first["cpu_stats"], time.time_ns(), begin)


def for_version(frame: Json, version: tuple[int, int]) -> Json:
    """A frame as the client's version has it: since 1.52 it says of what system."""
    return frame | {"os_type": "linux"} if version >= (1, 52) else frame


async def stream(room: Room, live: Live) -> AsyncIterator[Json]:
    """A frame a second, empty ones while it does not run, until it is removed."""
    previous: Json = _NO_CPU
    before = 0
    while room.registry.get(live.container.id) is live:
        if live.container.state.alive:
            try:
                sample = await _sample(room, live)
            except Fault:
                sample = None
        else:
            sample = None
        moment = time.time_ns()
        if sample is None:
            yield nothing(live)
            previous, before = _NO_CPU, 0
        else:
            yield _frame(live, sample, previous, moment, before)
            previous, before = copy.deepcopy(sample["cpu_stats"]), moment
        await asyncio.sleep(_INTERVAL)


async def _sample(room: Room, live: Live) -> Json:
    metric = await room.supervisor.tasks.metrics(live.container.id)
    sample: Json = {"pids_stats": {}, "cpu_stats": copy.deepcopy(_NO_CPU), "memory_stats": {}, "blkio_stats": {}}
    if metric is not None:
        kind = v2_pb2.Metrics if "v2" in metric.data.type_url else v1_pb2.Metrics
        sample = from_metrics(kind.FromString(metric.data.value))
    sample["cpu_stats"]["system_cpu_usage"] = system_usage()
    sample["cpu_stats"]["online_cpus"] = os.cpu_count() or 1
    memory = sample["memory_stats"]
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if memory and (memory.get("limit", 0) > total or not memory.get("limit")):
        memory["limit"] = total
    sample["networks"] = (
        interfaces(live.container.state.pid) if live.container.host_config["NetworkMode"] != "host" else {}
    )
    return sample


def system_usage() -> int:
    """Nanoseconds that all CPUs have spent, from the first line of /proc/stat."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = file.readline().split()[1:8]
    return sum(map(int, fields)) * (1_000_000_000 // _TICKS)


def interfaces(pid: int) -> Json:
    """The counters of the container's interfaces but lo, from /proc/<pid>/net/dev."""
    try:
        with open(f"/proc/{pid}/net/dev", encoding="ascii") as file:
            lines = file.readlines()[2:]
    except OSError:
        return {}
    done: Json = {}
    for line in lines:
        name, _, numbers = line.partition(":")
        values = list(map(int, numbers.split()))
        if name.strip() == "lo" or len(values) < 12:
            continue
        keys = ("bytes", "packets", "errors", "dropped")
        done[name.strip()] = {f"rx_{key}": values[at] for at, key in enumerate(keys)} | {
            f"tx_{key}": values[8 + at] for at, key in enumerate(keys)
        }
    return done


def _frame(live: Live, sample: Json, previous_cpu: Json, moment: int, before: int) -> Json:
    frame: Json = {
        "name": f"/{live.container.name}",
        "id": live.container.id,
        "read": timestamps.from_ns(moment) if moment else timestamps.ZERO,
        "preread": timestamps.from_ns(before) if before else timestamps.ZERO,
        "num_procs": 0,
        "storage_stats": {},
        "precpu_stats": previous_cpu,
    }
    networks = sample.pop("networks", None)
    frame |= sample
    if networks:
        frame["networks"] = networks
    return frame
