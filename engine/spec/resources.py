"""HostConfig's limits → the spec's linux.resources."""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

_CFS_PERIOD = 100_000


def resources(host_config: Json, device_rules: Sequence[Json]) -> Json:
    """All limits of a new container; numbers of zero mean "not set"."""
    done = limits(host_config)
    done["devices"] = list(device_rules)
    return done


def limits(host_config: Json) -> Json:
    """The limits that may also be changed while the container runs (no devices)."""
    done: Json = {}
    for key, part in (("cpu", cpu(host_config)), ("memory", memory(host_config)), ("blockIO", block_io(host_config))):
        if part:
            done[key] = part
    pids = host_config.get("PidsLimit")
    if pids:
        done["pids"] = {"limit": -1 if pids < 0 else pids}
    return done


def cpu(host_config: Json) -> Json:
    """Shares, quota and sets."""
    done: Json = {}
    for key, name in (
        ("CpuShares", "shares"),
        ("CpuPeriod", "period"),
        ("CpuQuota", "quota"),
        ("CpuRealtimePeriod", "realtimePeriod"),
        ("CpuRealtimeRuntime", "realtimeRuntime"),
        ("CpusetCpus", "cpus"),
        ("CpusetMems", "mems"),
    ):
        if host_config.get(key):
            done[name] = host_config[key]
    if host_config.get("NanoCpus"):
        done["period"] = _CFS_PERIOD
        done["quota"] = host_config["NanoCpus"] * _CFS_PERIOD // 1_000_000_000
    return done


def memory(host_config: Json) -> Json:
    """Memory, swap and what to do when they run out."""
    done: Json = {}
    for key, name in (("Memory", "limit"), ("MemoryReservation", "reservation")):
        if host_config.get(key):
            done[name] = host_config[key]
    if host_config.get("MemorySwap"):
        done["swap"] = host_config["MemorySwap"]
    swappiness = host_config.get("MemorySwappiness")
    if swappiness is not None and swappiness != -1:
        done["swappiness"] = swappiness
    if host_config.get("OomKillDisable"):
        done["disableOOMKiller"] = True
    return done


def block_io(host_config: Json) -> Json:
    """Weights and throttles; the devices' numbers were looked up before ("Major", "Minor" beside "Path")."""
    done: Json = {}
    if host_config.get("BlkioWeight"):
        done["weight"] = host_config["BlkioWeight"]
    weights = host_config.get("BlkioWeightDevice") or ()
    if weights:
        done["weightDevice"] = [
            {"major": entry["Major"], "minor": entry["Minor"], "weight": entry["Weight"]} for entry in weights
        ]
    for key, name in (
        ("BlkioDeviceReadBps", "throttleReadBpsDevice"),
        ("BlkioDeviceWriteBps", "throttleWriteBpsDevice"),
        ("BlkioDeviceReadIOps", "throttleReadIOPSDevice"),
        ("BlkioDeviceWriteIOps", "throttleWriteIOPSDevice"),
    ):
        entries = host_config.get(key) or ()
        if entries:
            done[name] = [
                {"major": entry["Major"], "minor": entry["Minor"], "rate": entry["Rate"]} for entry in entries
            ]
    return done
