"""OCI resources → what to write into which file; pure.

The conversions and their odd corners (0 means unset, -1 means unlimited, memory+swap) are runc's, so that the same
document gives the same kernel state under either. What depends on what a cgroup holds already is decided by the caller,
from marks on the Write.
"""

from lowrt.cgroup.files import CgroupError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]


class Write:
    """One value for one file.

    `later`: EINVAL may only mean that the old value of a sibling is in the way: try again after the siblings.
    `optional`: a kernel without the file is fine. `otherwise`: the file and value to use where this file is missing.
    `confirm`: the kernel clamps silently: read it back.
    """

    __slots__ = ("confirm", "file", "later", "optional", "otherwise", "value")

    def __init__(
        self,
        file: str,
        value: object,
        *,
        later: bool = False,
        optional: bool = False,
        otherwise: "tuple[str, str] | None" = None,
        confirm: bool = False,
    ) -> None:
        self.file = file
        self.value = str(value)
        self.later = later
        self.optional = optional
        self.otherwise = otherwise
        self.confirm = confirm

    def __repr__(self) -> str:
        return f"{self.file}={self.value}"


def v1_writes(resources: "Json") -> dict[str, list[Write]]:
    """Controller → writes, in the order runc makes them; memory is `v1_memory`'s, devices are in `devices`."""
    return {
        "cpuset": _cpuset(resources),
        "cpu": _v1_cpu(resources.get("cpu") or {}),
        "pids": _pids(resources),
        "blkio": _v1_blkio(resources.get("blockIO") or {}),
        "hugetlb": _hugetlb(resources, "limit_in_bytes"),
        "net_cls": _net_cls(resources),
        "net_prio": _net_prio(resources),
        "rdma": _rdma(resources),
    }


def _cpuset(resources: "Json") -> list[Write]:
    cpu = resources.get("cpu") or {}
    return [Write(f"cpuset.{name}", cpu[name]) for name in ("cpus", "mems") if cpu.get(name)]


def v1_realtime(cpu: "Json") -> list[Write]:
    """Set before a process enters: a SCHED_RR process may not join a group without real-time bandwidth."""
    writes = []
    if cpu.get("realtimePeriod"):
        writes.append(Write("cpu.rt_period_us", cpu["realtimePeriod"], later=bool(cpu.get("realtimeRuntime"))))
    if cpu.get("realtimeRuntime"):
        writes.append(Write("cpu.rt_runtime_us", cpu["realtimeRuntime"]))
    return writes


def _v1_cpu(cpu: "Json") -> list[Write]:
    writes = []
    quota = cpu.get("quota") or 0
    if cpu.get("shares"):
        writes.append(Write("cpu.shares", cpu["shares"], confirm=True))
    if cpu.get("period"):
        writes.append(Write("cpu.cfs_period_us", cpu["period"], later=bool(quota)))
    if cpu.get("burst") is not None:
        writes.append(Write("cpu.cfs_burst_us", cpu["burst"], later=bool(quota), optional=True))
    if quota:
        writes.append(Write("cpu.cfs_quota_us", quota))
    if cpu.get("idle") is not None:
        writes.append(Write("cpu.idle", cpu["idle"]))
    return writes + v1_realtime(cpu)


def v1_memory(memory: "Json", current_limit: int, has_swap: bool) -> list[Write]:
    """Memory and memory+swap in the order that keeps limit ≤ memory+swap at every moment."""
    limit, swap = memory.get("limit") or 0, memory.get("swap") or 0
    if limit == -1 and swap == 0 and has_swap:
        swap = -1  # unlimited memory below a limit of memory+swap would be no unlimited memory
    writes = [Write("memory.limit_in_bytes", limit)] if limit else []
    if swap:
        write = Write("memory.memsw.limit_in_bytes", swap)
        growing = limit and (swap == -1 or current_limit < swap)
        writes.insert(0 if growing else len(writes), write)
    if memory.get("reservation"):
        writes.append(Write("memory.soft_limit_in_bytes", memory["reservation"]))
    if memory.get("disableOOMKiller"):
        writes.append(Write("memory.oom_control", 1))
    swappiness = memory.get("swappiness")
    if swappiness is not None and swappiness != (1 << 64) - 1:
        if swappiness > 100:
            raise CgroupError(f"invalid memory swappiness value: {swappiness} (valid range is 0-100)")
        writes.append(Write("memory.swappiness", swappiness))
    return writes


def _pids(resources: "Json") -> list[Write]:
    limit = (resources.get("pids") or {}).get("limit") or 0
    return [Write("pids.max", limit if limit > 0 else "max")] if limit else []


_THROTTLES = (
    ("throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps"),
    ("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps"),
    ("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops"),
    ("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops"),
)


def _v1_blkio(block: "Json") -> list[Write]:
    writes = []
    if block.get("weight"):
        writes.append(Write("blkio.weight", block["weight"], otherwise=("blkio.bfq.weight", str(block["weight"]))))
    if block.get("leafWeight"):
        writes.append(Write("blkio.leaf_weight", block["leafWeight"]))
    for device in block.get("weightDevice") or ():
        if device.get("weight"):
            value = f"{_device(device)} {device['weight']}"
            writes.append(Write("blkio.weight_device", value, otherwise=("blkio.bfq.weight_device", value)))
        if device.get("leafWeight"):
            writes.append(Write("blkio.leaf_weight_device", f"{_device(device)} {device['leafWeight']}"))
    for field, file, _ in _THROTTLES:
        for device in block.get(field) or ():
            writes.append(Write(file, f"{_device(device)} {device.get('rate') or 0}"))
    return writes


def _device(device: "Json") -> str:
    return f"{device.get('major') or 0}:{device.get('minor') or 0}"


def _hugetlb(resources: "Json", suffix: str) -> list[Write]:
    writes = []
    for limit in resources.get("hugepageLimits") or ():
        prefix, value = f"hugetlb.{limit.get('pageSize') or ''}", limit.get("limit") or 0
        writes.append(Write(f"{prefix}.{suffix}", value))
        writes.append(Write(f"{prefix}.rsvd.{suffix}", value, optional=True))
    return writes


def _net_cls(resources: "Json") -> list[Write]:
    class_id = (resources.get("network") or {}).get("classID")
    return [Write("net_cls.classid", class_id)] if class_id else []


def _net_prio(resources: "Json") -> list[Write]:
    priorities = (resources.get("network") or {}).get("priorities") or ()
    return [Write("net_prio.ifpriomap", f"{p.get('name') or ''} {p.get('priority') or 0}") for p in priorities]


def _rdma(resources: "Json") -> list[Write]:
    writes = []
    for device, limits in (resources.get("rdma") or {}).items():
        line = device
        for field, word in (("hcaHandles", "hca_handle"), ("hcaObjects", "hca_object")):
            if (limits or {}).get(field) is not None:
                line += f" {word}={limits[field]}"
        writes.append(Write("rdma.max", line))
    return writes


def v2_writes(resources: "Json") -> list[Write]:
    """Every write on a v2 host, in runc's order; `unified` last, so that it has the last word."""
    return [
        *_pids(resources),
        *_v2_memory(resources.get("memory") or {}),
        *_v2_io(resources.get("blockIO") or {}),
        *_v2_cpu(resources.get("cpu") or {}),
        *_cpuset(resources),
        *_hugetlb(resources, "max"),
        *_rdma(resources),
    ]


def v2_unified(resources: "Json") -> list[Write]:
    """The `unified` map; a value of several lines is several writes."""
    writes = []
    for name, value in (resources.get("unified") or {}).items():
        if "/" in name:
            raise CgroupError(f'unified resource "{name}" must be a file name (no slashes)')
        if "." not in name.strip("."):
            raise CgroupError(f'unified resource "{name}" must be in the form CONTROLLER.PARAMETER')
        writes += [Write(name, line) for line in value.rstrip("\n").split("\n")]
    return writes


def _v2_memory(memory: "Json") -> list[Write]:
    limit, swap = memory.get("limit") or 0, memory.get("swap") or 0
    writes = []
    swap_value = "0" if limit > 0 and limit == swap else _max(swap_to_v2(swap, limit))
    if swap_value:
        # A kernel without swap accounting has nothing to switch off and no limit to lift.
        writes.append(Write("memory.swap.max", swap_value, optional=swap_value in ("max", "0")))
    for name, value in (("memory.max", _max(limit)), ("memory.low", _max(memory.get("reservation") or 0))):
        if value:
            writes.append(Write(name, value))
    return writes


def completed(wanted: "Json", quota: int, period: int, limit: "int | None", swap: "int | None") -> "Json":
    """For v2: half of a bandwidth with its other half, memory with its swap, from what is set; None: nothing is."""
    cpu, memory = wanted.get("cpu") or {}, wanted.get("memory") or {}
    found = dict(wanted)
    if bool(cpu.get("quota")) != bool(cpu.get("period")):
        found["cpu"] = {**cpu, "quota": cpu.get("quota") or quota, "period": cpu.get("period") or period}
    if limit is not None and (memory.get("swap") or 0) > 0 and not memory.get("limit"):
        found["memory"] = {**memory, "limit": limit}
    if limit is not None and swap is not None and (memory.get("limit") or 0) > 0 and not memory.get("swap"):
        found["memory"] = {**memory, "swap": limit + swap}
    return found


def _max(value: int) -> str:
    """v1's -1 is v2's "max"; 0 is unset."""
    return "max" if value == -1 else str(value or "")


def swap_to_v2(swap: int, limit: int) -> int:
    """The OCI field is memory+swap, memory.swap.max is swap alone."""
    if limit == -1 and swap == 0:
        return -1
    if swap in (-1, 0) or limit == -1:
        return swap
    if limit == 0:
        raise CgroupError("unable to set swap limit without memory limit")
    if limit < 0:
        raise CgroupError(f"invalid memory value: {limit}")
    if swap < limit:
        raise CgroupError("memory+swap limit should be >= memory limit")
    return swap - limit


def _v2_io(block: "Json") -> list[Write]:
    writes = []
    weight = block.get("weight") or 0
    if weight:
        converted = 1 + (weight - 10) * 9999 // 990  # [10, 1000] → [1, 10000]
        writes.append(Write("io.bfq.weight", weight, otherwise=("io.weight", str(converted))))
    for device in block.get("weightDevice") or ():
        if device.get("weight"):
            writes.append(Write("io.bfq.weight", f"{_device(device)} {device['weight']}", optional=True))
    for field, _, word in _THROTTLES:
        for device in block.get(field) or ():
            # A rate of 0 means "no limit", which v2 spells "max".
            writes.append(Write("io.max", f"{_device(device)} {word}={device.get('rate') or 'max'}"))
    return writes


def shares_to_weight(shares: int) -> int:
    """cpu.shares [2, 262144] → cpu.weight [1, 10000], on the curve through both ends and 1024 → 100."""
    if shares == 0:
        return 0
    if shares <= 2:
        return 1
    if shares >= 262144:
        return 10000
    from math import ceil, log2

    log = log2(shares)
    return ceil(10 ** ((log * log + 125 * log) / 612.0 - 7.0 / 34.0))


def _v2_cpu(cpu: "Json") -> list[Write]:
    writes = []
    quota, period = cpu.get("quota") or 0, cpu.get("period") or 0
    if cpu.get("idle") is not None:
        writes.append(Write("cpu.idle", cpu["idle"]))
    if cpu.get("shares"):
        writes.append(Write("cpu.weight", shares_to_weight(cpu["shares"])))
    if cpu.get("burst") is not None:
        writes.append(Write("cpu.max.burst", cpu["burst"], later=bool(quota)))
    if quota or period:
        writes.append(Write("cpu.max", f"{quota if quota > 0 else 'max'} {period or 100000}"))
    return writes


def needs_domain(resources: "Json") -> bool:
    """Whether a controller is asked for that a threaded cgroup cannot have."""
    memory, cpu = resources.get("memory") or {}, resources.get("cpu") or {}
    return bool(
        any(memory.get(key) for key in ("limit", "reservation", "swap"))
        or any(cpu.get(key) for key in ("shares", "quota", "period"))
        or cpu.get("idle") is not None
        or cpu.get("burst") is not None
        or resources.get("blockIO")
        or resources.get("hugepageLimits")
    )


def ignored_on_v2(resources: "Json") -> list[str]:
    """Fields that v2 has no file for; runc passes them over too. For a warning."""
    memory, network = resources.get("memory") or {}, resources.get("network") or {}
    found = []
    if memory.get("swappiness") is not None:
        found.append("memory.swappiness")
    if memory.get("disableOOMKiller"):
        found.append("memory.disableOOMKiller")
    found += [f"network.{key}" for key in ("classID", "priorities") if network.get(key)]
    cpu = resources.get("cpu") or {}
    found += [f"cpu.{key}" for key in ("realtimePeriod", "realtimeRuntime") if cpu.get(key)]
    return found
