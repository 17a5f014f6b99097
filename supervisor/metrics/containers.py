"""What containers have used, as metrics under containerd's names, for either version of cgroups.

A name is containerd's: `container_`, the value's own name, its unit. The path says where the value lies in the message
that a shim's Stats answers with (`containerd.cgroups.v{1,2}.Metrics`).
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from google.protobuf.message import Message

from proto import anys
from proto.containerd.metrics.cgroups.v1 import metrics_pb2 as v1
from proto.containerd.metrics.cgroups.v2 import metrics_pb2 as v2
from proto.containerd.runtime.task.v2 import shim_pb2
from proto.errdefs import Fault, NotFound
from supervisor.metrics.exposition import Family
from supervisor.runtime.tasks import Task, Tasks

logger = logging.getLogger(__name__)

_PATIENCE = 2.0

Answer = tuple[str, str, Message]  # namespace, id, what Stats answered

_V1_RENAMED = {
    "pgpgin": "pg_pg_in",
    "pgpgout": "pg_pg_out",
    "pgfault": "pg_fault",
    "pgmajfault": "pg_maj_fault",
    "hierarchical_memsw_limit": "hierarchical_swap_limit",
    "total_pgpgin": "total_pg_pg_in",
    "total_pgpgout": "total_pg_pg_out",
    "total_pgfault": "total_pg_fault",
    "total_pgmajfault": "total_pg_maj_fault",
}
_V1_ENTRIES = {"usage": "usage", "swap": "swap", "kernel": "kernel", "kerneltcp": "kernel_tcp"}
_LAST_V1 = v1.MemoryStat.TOTAL_UNEVICTABLE_FIELD_NUMBER  # what follows are groups: usage, swap, kernel
_V1_MEMORY = [
    field.name
    for field in v1.MemoryStat.DESCRIPTOR.fields
    if field.number <= _LAST_V1 and field.name not in _V1_RENAMED.values()
]
_LAST_V2 = v2.MemoryStat.SWAP_LIMIT_FIELD_NUMBER  # what follows came later, and containerd does not show it
_V2_MEMORY = [field.name for field in v2.MemoryStat.DESCRIPTOR.fields if field.number <= _LAST_V2]

_PIDS = {
    "pids_limit": ("pids.limit", "The limit to the number of pids allowed"),
    "pids_current": ("pids.current", "The current number of pids"),
}
V1 = {
    **_PIDS,
    "cpu_total_nanoseconds": ("cpu.usage.total", "The total cpu time"),
    "cpu_kernel_nanoseconds": ("cpu.usage.kernel", "The total kernel cpu time"),
    "cpu_user_nanoseconds": ("cpu.usage.user", "The total user cpu time"),
    "cpu_throttle_periods_total": ("cpu.throttling.periods", "The total cpu throttle periods"),
    "cpu_throttled_periods_total": ("cpu.throttling.throttled_periods", "The total cpu throttled periods"),
    "cpu_throttled_time_nanoseconds": ("cpu.throttling.throttled_time", "The total cpu throttled time"),
    **{f"memory_{name}_bytes": (f"memory.{name}", f"The {name} amount") for name in _V1_MEMORY},
    **{f"memory_{name}_bytes": (f"memory.{at}", f"The {name} amount") for name, at in _V1_RENAMED.items()},
    **{
        f"memory_{name}_{part}_{'total' if part == 'failcnt' else 'bytes'}": (
            f"memory.{at}.{part}",
            f"The {name} {part}",
        )
        for name, at in _V1_ENTRIES.items()
        for part in ("failcnt", "limit", "max", "usage")
    },
}
V2 = {
    **_PIDS,
    "cpu_usage_usec_microseconds": ("cpu.usage_usec", "Total cpu usage (cgroup v2)"),
    "cpu_user_usec_microseconds": ("cpu.user_usec", "Current cpu usage in user space (cgroup v2)"),
    "cpu_system_usec_microseconds": ("cpu.system_usec", "Current cpu usage in kernel space (cgroup v2)"),
    "cpu_nr_periods_total": ("cpu.nr_periods", "Current cpu number of periods (only if controller is enabled)"),
    "cpu_nr_throttled_total": ("cpu.nr_throttled", "Total number of times tasks have been throttled"),
    "cpu_throttled_usec_microseconds": ("cpu.throttled_usec", "Total time duration for which tasks were throttled"),
    **{f"memory_{name}_bytes": (f"memory.{name}", f"The {name} amount (cgroup v2)") for name in _V2_MEMORY},
    "memory_oom_total": ("memory_events.oom", "The number of times a container has received an oom event"),
}


async def ask(tasks: Tasks) -> list[Answer]:
    """Every task's Stats; one whose shim does not answer in time has no metrics this time."""
    answers = await asyncio.gather(*(_ask(task) for task in await tasks.list()))
    return [answer for answer in answers if answer is not None]


async def _ask(task: Task) -> Answer | None:
    try:
        request = shim_pb2.StatsRequest(id=task.id)
        response = await task.client.call("Stats", request, shim_pb2.StatsResponse, _PATIENCE)
        message = anys.unpack(response.stats)
    except Fault as fault:
        if not isinstance(fault, NotFound):  # which is a task that ends at this moment
            logger.error("stat task %s: %s", task.id, fault)
        return None
    return (task.namespace, task.id, message) if isinstance(message, Message) else None


def families(answers: Sequence[Answer]) -> Iterator[Family]:
    """Every metric of every container that answered."""
    for kind, names in ((v1.Metrics, V1), (v2.Metrics, V2)):
        found = [answer for answer in answers if isinstance(answer[2], kind)]
        for name, (path, text) in names.items():
            yield _family(name, path, text, found)
    yield _per_cpu(answer for answer in answers if isinstance(answer[2], v1.Metrics))


def _family(name: str, path: str, text: str, answers: Sequence[Answer]) -> Family:
    family = Family(f"container_{name}", "gauge", text)
    *groups, last = path.split(".")
    for namespace, container_id, message in answers:
        part: Any = message
        for group in groups:
            if not part.HasField(group):  # a controller that is not there has no values, rather than zeros
                break
            part = getattr(part, group)
        else:
            family.add(getattr(part, last), container_id=container_id, namespace=namespace)
    return family


def _per_cpu(answers: Iterable[Answer]) -> Family:
    family = Family("container_per_cpu_nanoseconds", "gauge", "The total cpu time per cpu")
    for namespace, container_id, message in answers:
        assert isinstance(message, v1.Metrics)
        for number, value in enumerate(message.cpu.usage.per_cpu):
            family.add(value, container_id=container_id, cpu=str(number), namespace=namespace)
    return family
