"""containerd's cgroup metrics (v1 or v2) → the numbers of Docker's stats. Pure."""

from typing import Any

from proto.containerd.metrics.cgroups.v1 import metrics_pb2 as v1_pb2
from proto.containerd.metrics.cgroups.v2 import metrics_pb2 as v2_pb2

Json = dict[str, Any]

# The protocol's spelling → the kernel's, which Docker's clients know.
_PAGE_WORDS = {"pg_fault": "pgfault", "pg_maj_fault": "pgmajfault", "pg_pg_in": "pgpgin", "pg_pg_out": "pgpgout"}
_KERNEL_NAMES = _PAGE_WORDS | {f"total_{name}": f"total_{word}" for name, word in _PAGE_WORDS.items()}
_KERNEL_NAMES |= {"hierarchical_swap_limit": "hierarchical_memsw_limit"}


def from_metrics(metrics: v1_pb2.Metrics | v2_pb2.Metrics) -> Json:
    """One sample."""
    return _from_v1(metrics) if isinstance(metrics, v1_pb2.Metrics) else _from_v2(metrics)


def _from_v1(metrics: v1_pb2.Metrics) -> Json:
    usage, throttling = metrics.cpu.usage, metrics.cpu.throttling
    memory = metrics.memory
    stats = {
        _KERNEL_NAMES.get(field.name, field.name): getattr(memory, field.name)
        for field in memory.DESCRIPTOR.fields
        if field.message_type is None
    }
    return {
        "pids_stats": _pids(metrics.pids),
        "cpu_stats": {
            "cpu_usage": {
                "total_usage": usage.total,
                "percpu_usage": list(usage.per_cpu),
                "usage_in_kernelmode": usage.kernel,
                "usage_in_usermode": usage.user,
            },
            "throttling_data": {
                "periods": throttling.periods,
                "throttled_periods": throttling.throttled_periods,
                "throttled_time": throttling.throttled_time,
            },
        },
        "memory_stats": {
            "usage": memory.usage.usage,
            "max_usage": memory.usage.max,
            "stats": stats,
            "limit": memory.usage.limit,
        }
        | ({"failcnt": memory.usage.failcnt} if memory.usage.failcnt else {}),
        "blkio_stats": {
            name.replace("queued", "queue"): [_blkio(entry) for entry in getattr(metrics.blkio, name)]
            for name in (
                "io_service_bytes_recursive",
                "io_serviced_recursive",
                "io_queued_recursive",
                "io_service_time_recursive",
                "io_wait_time_recursive",
                "io_merged_recursive",
                "io_time_recursive",
                "sectors_recursive",
            )
        },
    }


def _blkio(entry: v1_pb2.BlkIOEntry) -> Json:
    return {"major": entry.major, "minor": entry.minor, "op": entry.op, "value": entry.value}


def _pids(pids: Any) -> Json:
    done: Json = {"current": pids.current} if pids.current else {}
    if pids.limit and pids.limit < 1 << 63:
        done["limit"] = pids.limit
    return done


def _from_v2(metrics: v2_pb2.Metrics) -> Json:
    cpu, memory = metrics.cpu, metrics.memory
    stats = {
        field.name: getattr(memory, field.name)
        for field in memory.DESCRIPTOR.fields
        if field.message_type is None and field.name not in ("usage", "usage_limit", "swap_usage", "swap_limit")
    }
    operations = []
    for entry in metrics.io.usage:
        place = {"major": entry.major, "minor": entry.minor}
        operations += [place | {"op": "read", "value": entry.rbytes}, place | {"op": "write", "value": entry.wbytes}]
    return {
        "pids_stats": _pids(metrics.pids),
        "cpu_stats": {
            "cpu_usage": {
                "total_usage": cpu.usage_usec * 1000,
                "usage_in_kernelmode": cpu.system_usec * 1000,
                "usage_in_usermode": cpu.user_usec * 1000,
            },
            "throttling_data": {
                "periods": cpu.nr_periods,
                "throttled_periods": cpu.nr_throttled,
                "throttled_time": cpu.throttled_usec * 1000,
            },
        },
        "memory_stats": {"usage": memory.usage, "stats": stats, "limit": memory.usage_limit},
        "blkio_stats": {"io_service_bytes_recursive": operations}
        | dict.fromkeys(
            (
                "io_serviced_recursive",
                "io_queue_recursive",
                "io_service_time_recursive",
                "io_wait_time_recursive",
                "io_merged_recursive",
                "io_time_recursive",
                "sectors_recursive",
            )
        ),
    }
