"""io.containerd.cgroups.v2.Metrics from a cgroup's folder."""

from collections.abc import Iterable

from google.protobuf.message import Message

from proto.containerd.metrics.cgroups.v2 import metrics_pb2
from shim.cgroup_files import device_tables, names_with, number, pressure, read, table

_MEMORY_FILES = {
    "usage": "memory.current",
    "usage_limit": "memory.max",
    "max_usage": "memory.peak",
    "swap_usage": "memory.swap.current",
    "swap_limit": "memory.swap.max",
    "swap_max_usage": "memory.swap.peak",
}


def collect(folder: str) -> metrics_pb2.Metrics:
    """The metrics of one cgroup; what its controllers do not offer stays zero."""
    metrics = metrics_pb2.Metrics(
        pids=metrics_pb2.PidsStat(current=number(read(folder, "pids.current")), limit=number(read(folder, "pids.max"))),
        cpu=cpu_stat(read(folder, "cpu.stat")),
        memory=memory_stat(read(folder, "memory.stat")),
        io=metrics_pb2.IOStat(usage=io_entries(read(folder, "io.stat"))),
        hugetlb=_hugetlb(folder),
    )
    for name, file in _MEMORY_FILES.items():
        setattr(metrics.memory, name, number(read(folder, file)))
    if events := table(read(folder, "memory.events")):
        metrics.memory_events.CopyFrom(memory_events(events))
    for part, file in ((metrics.cpu, "cpu.pressure"), (metrics.memory, "memory.pressure"), (metrics.io, "io.pressure")):
        if stalls := pressure(read(folder, file)):
            part.psi.CopyFrom(psi(stalls))
    metrics.rdma.current.extend(_rdma(read(folder, "rdma.current")))
    metrics.rdma.limit.extend(_rdma(read(folder, "rdma.max")))
    return metrics


def cpu_stat(text: str) -> metrics_pb2.CPUStat:
    """cpu.stat."""
    stat = metrics_pb2.CPUStat()
    _fill(stat, table(text))
    return stat


def memory_stat(text: str) -> metrics_pb2.MemoryStat:
    """memory.stat; names that the message does not have are passed over."""
    stat = metrics_pb2.MemoryStat()
    _fill(stat, table(text))
    return stat


def memory_events(values: dict[str, int]) -> metrics_pb2.MemoryEvents:
    """memory.events."""
    events = metrics_pb2.MemoryEvents()
    _fill(events, values)
    return events


def io_entries(text: str) -> Iterable[metrics_pb2.IOEntry]:
    """io.stat."""
    for major, minor, values in device_tables(text):
        counts = {name: values.get(name, 0) for name in ("rbytes", "wbytes", "rios", "wios")}
        yield metrics_pb2.IOEntry(major=major, minor=minor, **counts)


def psi(stalls: dict[str, tuple[float, float, float, int]]) -> metrics_pb2.PSIStats:
    """A *.pressure file."""
    stats = metrics_pb2.PSIStats()
    for kind, (avg10, avg60, avg300, total) in stalls.items():
        if kind in ("some", "full"):
            part = metrics_pb2.PSIData(avg10=avg10, avg60=avg60, avg300=avg300, total=total)
            getattr(stats, kind).CopyFrom(part)
    return stats


def _fill(message: Message, values: dict[str, int]) -> None:
    known = message.DESCRIPTOR.fields_by_name
    for name, value in values.items():
        if name in known:
            setattr(message, name, value)


def _hugetlb(folder: str) -> Iterable[metrics_pb2.HugeTlbStat]:
    for name in names_with(folder, "hugetlb."):
        size = name.removeprefix("hugetlb.").removesuffix(".current")
        if name.endswith(".current") and not size.endswith(".rsvd"):
            yield metrics_pb2.HugeTlbStat(
                pagesize=size,
                current=number(read(folder, name)),
                max=number(read(folder, f"hugetlb.{size}.max")),
                failcnt=table(read(folder, f"hugetlb.{size}.events")).get("max", 0),
            )


def _rdma(text: str) -> Iterable[metrics_pb2.RdmaEntry]:
    for line in text.splitlines():
        device, *pairs = line.split()
        values = dict(pair.partition("=")[::2] for pair in pairs)
        yield metrics_pb2.RdmaEntry(
            device=device,
            hca_handles=min(number(values.get("hca_handle", "")), 0xFFFFFFFF),
            hca_objects=min(number(values.get("hca_object", "")), 0xFFFFFFFF),
        )
