"""OCI resources and annotations → properties of a systemd unit; pure, but for warnings that the caller logs.

Names, conversions and their odd corners are runc's. systemd only needs to know what it would else undo: whatever has
no property is written into the cgroup's files as without systemd, and so are those that have one.
"""

from lowrt.cgroup import devices as rules
from lowrt.cgroup.files import CgroupError
from lowrt.cgroup.resources import shares_to_weight, swap_to_v2
from lowrt.dbus.wire import Variant

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.cgroup.devices import Policy
    from lowrt.cgroup.systemd_units import Unit

    Json = dict[str, Any]
    Property = tuple[str, Variant]

INFINITY = (1 << 64) - 1
_DEFAULT_PERIOD = 100_000
_ANNOTATION = "org.systemd.property."


def _u64(name: str, value: int) -> "Property":
    return name, Variant("t", value & INFINITY)  # -1 is infinity, as with runc


def of_new_unit(unit: "Unit", slice_: str, pid: int, *, unified: bool) -> "list[Property]":
    """What a unit begins with."""
    accounting = ("Memory", "CPU", "IO" if unified else "BlockIO", "Tasks")
    properties = [("Description", Variant("s", f"libcontainer container {unit.container}"))]
    if unit.is_slice:
        properties.append(("Wants", Variant("as", [slice_])))
    else:
        properties += [("Slice", Variant("s", slice_)), ("Delegate", Variant("b", True))]
        properties.append(("PIDs", Variant("au", [pid])))
    properties += [(f"{name}Accounting", Variant("b", True)) for name in accounting]
    properties.append(("DefaultDependencies", Variant("b", False)))
    if not unified:
        # Without a rule the unit has no cgroup for devices, and the first one would make systemd move its processes out
        # of the one that we have made, into the slice's: no rule would hold for them.
        everything = [("block-*", "rwm"), ("char-*", "rwm")]
        properties += [("DevicePolicy", Variant("s", "strict")), ("DeviceAllow", Variant("a(ss)", everything))]
    return properties


# What an annotation may set: how the unit ends, and what it may use. Others start units, run programs or reboot the
# host (FailureAction, OnFailure, Wants …), and annotations are often in the hands of users (CVE-2024-3154).
_HARMLESS = frozenset(
    (
        "After",
        "Before",
        "CollectMode",
        "DefaultDependencies",
        "Description",
        "Documentation",
        "IgnoreOnIsolate",
        "FinalKillSignal",
        "KillMode",
        "KillSignal",
        "SendSIGHUP",
        "SendSIGKILL",
        "WatchdogSignal",
        "OOMPolicy",
        "RuntimeMaxUSec",
        "RuntimeRandomizedExtraUSec",
        "TimeoutStopUSec",
        "IPAccounting",
    )
)
_HARMLESS_FAMILIES = (
    "Allowed",
    "BlockIO",
    "CPU",
    "IOAcc",
    "IOD",
    "IOR",
    "IOW",
    "ManagedOOM",
    "Memory",
    "Startup",
    "Tasks",
)


def of_annotations(annotations: dict[str, str]) -> "list[Property]":
    """`org.systemd.property.NAME`: GLib's text format; a time in seconds becomes one in microseconds."""
    properties = []
    for key, text in annotations.items():
        if not key.startswith(_ANNOTATION):
            continue
        from lowrt.dbus.variant_text import TextError, parse

        name = key.removeprefix(_ANNOTATION)
        _check_name(key, name)
        try:
            value = parse(text)
            stem = name.removesuffix("Sec")
            if stem != name and stem[-1:].islower():
                name, value = f"{stem}USec", _microseconds(value)
        except TextError as error:
            raise CgroupError(f"annotation {key}={text} value parse error: {error}") from None
        if name not in _HARMLESS and not name.startswith(_HARMLESS_FAMILIES):
            raise CgroupError(f"annotation {key}: a property that reaches beyond the unit is refused")
        properties.append((name, value))
    return properties


def _check_name(key: str, name: str) -> None:
    if len(name) < 3:
        raise CgroupError(f"annotation {key} name incorrect: too short")
    if not (name.isascii() and name.isalpha()):
        raise CgroupError(f"annotation {key} name incorrect: contains non-alphabetic character")


def _microseconds(value: Variant) -> Variant:
    from lowrt.dbus.variant_text import TextError

    if value.signature not in "ynqiuxtd":
        raise TextError("not a number")
    return Variant("t", int(value.value * 1_000_000) & INFINITY)


def of_resources_v1(resources: "Json", version: int) -> "list[Property]":
    """The limits that systemd knows on cgroup v1."""
    memory, cpu, block = (resources.get(key) or {} for key in ("memory", "cpu", "blockIO"))
    properties = []
    if memory.get("limit"):
        properties.append(_u64("MemoryLimit", memory["limit"]))
    if cpu.get("shares"):
        properties.append(_u64("CPUShares", cpu["shares"]))
    properties += _quota(cpu.get("quota") or 0, cpu.get("period") or 0, version)
    if block.get("weight"):
        properties.append(_u64("BlockIOWeight", block["weight"]))
    return properties + _tasks(resources) + _cpuset(cpu, version)


def of_resources_v2(resources: "Json", version: int) -> "list[Property]":
    """The limits that systemd knows on cgroup v2, `unified` among them."""
    memory, cpu = resources.get("memory") or {}, resources.get("cpu") or {}
    properties = []
    for name, value in (("MemoryMax", memory.get("limit")), ("MemoryLow", memory.get("reservation"))):
        if value:
            properties.append(_u64(name, value))
    swap = swap_to_v2(memory.get("swap") or 0, memory.get("limit") or 0)
    if swap:
        properties.append(_u64("MemorySwapMax", swap))
    idle = cpu.get("idle") == 1 and version >= 252
    if idle:
        properties.append(_u64("CPUWeight", 0))  # systemd's way to say idle
    elif cpu.get("shares"):
        properties.append(_u64("CPUWeight", shares_to_weight(cpu["shares"])))
    properties += _quota(cpu.get("quota") or 0, cpu.get("period") or 0, version)
    return properties + _tasks(resources) + _cpuset(cpu, version) + _unified(resources.get("unified") or {}, version)


def rounded(resources: "Json") -> "Json":
    """The resources with the CPU quota that systemd makes of them: whole percents of a CPU, upwards."""
    cpu = resources.get("cpu") or {}
    quota, period = cpu.get("quota") or 0, cpu.get("period") or _DEFAULT_PERIOD
    if quota <= 0:
        return resources
    return {**resources, "cpu": {**cpu, "quota": _per_second(quota, period) * period // 1_000_000}}


def _per_second(quota: int, period: int) -> int:
    per_second = quota * 1_000_000 // period
    return -(-per_second // 10_000) * 10_000


def _quota(quota: int, period: int, version: int) -> "list[Property]":
    properties = []
    if period and version >= 242:
        properties.append(_u64("CPUQuotaPeriodUSec", period))
    if quota or period:
        limit = _per_second(quota, period or _DEFAULT_PERIOD) if quota > 0 else INFINITY
        properties.append(_u64("CPUQuotaPerSecUSec", limit))
    return properties


def _tasks(resources: "Json") -> "list[Property]":
    limit = (resources.get("pids") or {}).get("limit")
    if not limit:
        return []
    return [_u64("TasksMax", limit if limit > 0 else INFINITY)]


def _cpuset(cpu: "Json", version: int) -> "list[Property]":
    if version < 244:
        return []
    names = (("cpus", "Cpus", "AllowedCPUs"), ("mems", "Mems", "AllowedMemoryNodes"))
    found = []
    for key, field, name in names:
        if cpu.get(key):
            try:
                found.append((name, Variant("ay", bits(cpu[key]))))
            except ValueError as error:
                raise CgroupError(f'resources.CPU.{field}="{cpu[key]}" conversion error: {error}') from None
    return found


_MOST_CPUS = 1 << 16  # a list may name any number: CVE-2018-20699


def bits(ranges: str) -> bytes:
    """`1,3-5` as a mask, lowest byte first."""
    mask = 0
    for part in ranges.split(","):
        if not part.strip():
            continue
        first, dash, last = (word.strip() for word in part.partition("-"))
        low, high = int(first), int(last) if dash else int(first)
        if low > high:
            raise ValueError(f"invalid range: {part.strip()}")
        if high >= _MOST_CPUS:
            raise ValueError(f"number too large: {high}")
        mask |= ((1 << (high - low + 1)) - 1) << low
    if not mask:
        raise ValueError("empty value")
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


_MEMORY = {
    "memory.high": "MemoryHigh",
    "memory.low": "MemoryLow",
    "memory.min": "MemoryMin",
    "memory.max": "MemoryMax",
    "memory.swap.max": "MemorySwapMax",
}


def _unified(values: dict[str, str], version: int) -> "list[Property]":
    found: list[Property] = []
    for key, raw in values.items():
        value = raw.strip()
        try:
            found += _unified_one(key, value, version)
        except ValueError as error:
            raise CgroupError(f'unified resource "{key}"="{value}" conversion error: {error}') from None
    return found


def _unified_one(key: str, value: str, version: int) -> "list[Property]":
    if key in _MEMORY:
        return [_u64(_MEMORY[key], _number_or_max(value))]
    if key == "pids.max":
        return [_u64("TasksMax", _number_or_max(value) or 1)]
    if key == "cpu.weight":
        return [_u64("CPUWeight", int(value))]
    if key == "cpu.max":
        quota, _, period = value.partition(" ")
        return _quota(0 if quota == "max" else int(quota), int(period or _DEFAULT_PERIOD), version)
    if key == "cpu.idle":
        return [_u64("CPUWeight", 0)] if value == "1" and version >= 252 else []
    if key in ("cpuset.cpus", "cpuset.mems") and version >= 244:
        return [("AllowedCPUs" if key == "cpuset.cpus" else "AllowedMemoryNodes", Variant("ay", bits(value)))]
    return []  # no property: the cgroup's own file gets it


def _number_or_max(value: str) -> int:
    return INFINITY if value == "max" else int(value)


def of_unit_start(resources: "Json", version: int) -> "list[Property]":
    """What systemd takes only while the unit is made."""
    group = ((resources.get("unified") or {}).get("memory.oom.group") or "").strip()
    word = {"0": "continue", "1": "kill"}.get(group)
    return [("OOMPolicy", Variant("s", word))] if word and version >= 253 else []


def of_devices(policy: "Policy", version: int) -> "list[Property]":
    """DeviceAllow and DevicePolicy. What systemd cannot say is left to the rules that are set after it."""
    empty = ("DeviceAllow", Variant("a(ss)", []))  # takes the former list back
    if policy.allow:
        return [empty, ("DevicePolicy", Variant("s", "strict" if policy.exceptions else "auto"))]
    entries = []
    for rule in policy.ordered():
        entry = _device_entry(rule, version)
        if entry:
            entries.append(entry)
    return [empty, ("DevicePolicy", Variant("s", "strict")), ("DeviceAllow", Variant("a(ss)", entries))]


def _device_entry(rule: "rules.Rule", version: int) -> tuple[str, str] | None:
    kind, major, minor = rule.device
    word = "block" if kind == "b" else "char"
    if major < 0:
        return (f"{word}-*", rule.access) if minor < 0 else None
    if minor < 0:
        return (f"{word}-{major}", rule.access) if version >= 240 else None
    return f"/dev/{word}/{major}:{minor}", rule.access
