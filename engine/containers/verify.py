"""Refuses what a container cannot be: each check is one rule of dockerd's, with its words; and what this engine has
not built, by name.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from engine import patterns
from engine.containers import restart_policy
from engine.containers.signals import parse_signal
from engine.logs import json_file
from engine.spec import capabilities, devices, security
from proto.errdefs import InvalidArgument

Json = dict[str, Any]

_MIN_MEMORY = 6 << 20
_ENV = re.compile(r"^[^=]+")


def verify(config: Json, host_config: Json, known_runtime: Callable[[str], bool]) -> list[str]:
    """Raise for what is wrong; the answer is warnings."""
    _unbuilt(config, host_config)
    _config(config)
    _modes(host_config)
    _memory(host_config)
    _cpu(host_config)
    _logging(host_config["LogConfig"])
    restart_policy.check(host_config["RestartPolicy"], auto_remove=host_config["AutoRemove"])
    capabilities.normalise(host_config["CapAdd"], "CapAdd")
    capabilities.normalise(host_config["CapDrop"], "CapDrop")
    security.parse(host_config["SecurityOpt"])
    for mapping in host_config["Devices"] or ():
        devices.check_mapping(mapping)
    for rule in host_config["DeviceCgroupRules"] or ():
        devices.parse_rule(rule)
    if host_config["Runtime"] and not known_runtime(host_config["Runtime"]):
        raise InvalidArgument(f"unknown or invalid runtime name: {host_config['Runtime']}")
    _sysctls(host_config)
    _block_io(host_config)
    for port in host_config["PortBindings"] or {}:
        number = port.partition("/")[0]
        if not number.isdecimal() or int(number) > 65535:
            raise InvalidArgument(f'invalid port specification: "{port}"')
    if any(not key for key in host_config.get("Annotations") or {}):
        raise InvalidArgument("invalid Annotations: the empty string is not permitted as an annotation key")
    return list(_warnings(host_config))


def _block_io(host_config: Json) -> None:
    if host_config["BlkioWeight"] and not 10 <= host_config["BlkioWeight"] <= 1000:
        raise InvalidArgument("Range of blkio weight is from 10 to 1000")


_OF_WINDOWS = ("CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth")


def _warnings(host_config: Json) -> Iterator[str]:
    """What is legal and unwise, or of another system: clients print it."""
    for name in _OF_WINDOWS:
        if host_config[name]:
            yield f"HostConfig.{name} is for Windows, and has no effect here"
    if host_config["NetworkMode"] == "host" and any((host_config["PortBindings"] or {}).values()):
        yield "Published ports are discarded when using host network mode"
    if host_config["OomKillDisable"] and not host_config["Memory"]:
        yield (
            "OOM killer is disabled for the container, but no memory limit is set, this can result in the system "
            "running out of resources."
        )


_UNBUILT: Mapping[str, tuple[Any, ...]] = {
    "StorageOpt": (None, {}),
    "Cgroup": ("",),
    "KernelMemory": (0, None),
    "KernelMemoryTCP": (0, None),
}


def _unbuilt(config: Json, host_config: Json) -> None:
    for name, allowed in _UNBUILT.items():
        if host_config.get(name) not in allowed:
            raise InvalidArgument(f"HostConfig.{name} is not built into this engine")


def _config(config: Json) -> None:
    for entry in config["Env"] or ():
        if not _ENV.match(entry):
            raise InvalidArgument(f"invalid environment variable: {entry}")
    workdir = config["WorkingDir"]
    if workdir and not os.path.isabs(workdir):
        raise InvalidArgument(f"the working directory '{workdir}' is invalid, it needs to be an absolute path")
    if config["StopSignal"]:
        parse_signal(config["StopSignal"])
    if config["Hostname"] and (len(config["Hostname"]) > 63 or "/" in config["Hostname"]):
        raise InvalidArgument(f"invalid hostname format for --hostname: {config['Hostname']}")
    _healthcheck(config["Healthcheck"])


def _healthcheck(check: Json | None) -> None:
    if not check:
        return
    for name, words in (
        ("Interval", "Interval"),
        ("Timeout", "Timeout"),
        ("StartPeriod", "StartPeriod"),
        ("StartInterval", "StartInterval"),
    ):
        value = check.get(name) or 0
        if value and value < 1_000_000:
            raise InvalidArgument(f"{words} in Healthcheck cannot be less than 1ms")
    if (check.get("Retries") or 0) < 0:
        raise InvalidArgument("Retries in Healthcheck cannot be negative")


def _modes(host_config: Json) -> None:
    if host_config["Isolation"] not in ("", "default"):
        raise InvalidArgument(f"invalid isolation ({host_config['Isolation']}): linux only supports 'default'")
    for name, mode in (("IPC", host_config["IpcMode"]), ("PID", host_config["PidMode"])):
        allowed = ("", "host", "private", "shareable", "none") if name == "IPC" else ("", "host")
        if mode not in allowed and not (mode.startswith("container:") and len(mode) > len("container:")):
            raise InvalidArgument(f"invalid {name} mode: {mode}")
    if host_config["UTSMode"] not in ("", "host"):
        raise InvalidArgument(f"invalid UTS mode: {host_config['UTSMode']}")
    if host_config["CgroupnsMode"] not in ("", "host", "private"):
        raise InvalidArgument(f"invalid cgroup namespace mode: {host_config['CgroupnsMode']}")
    if host_config["ShmSize"] < 0:
        raise InvalidArgument("SHM size can not be less than 0")
    if not -1000 <= host_config["OomScoreAdj"] <= 1000:
        raise InvalidArgument(f"Invalid value {host_config['OomScoreAdj']}, range for oom score adj is [-1000, 1000]")


def _memory(host_config: Json) -> None:
    memory, swap = host_config["Memory"], host_config["MemorySwap"]
    if memory and memory < _MIN_MEMORY:
        raise InvalidArgument("Minimum memory limit allowed is 6MB")
    if memory > 0 and 0 < swap < memory:
        raise InvalidArgument("Minimum memoryswap limit should be larger than memory limit, see usage")
    if memory == 0 and swap > 0:
        raise InvalidArgument("You should always set the Memory limit when using Memoryswap limit, see usage")
    swappiness = host_config["MemorySwappiness"]
    if swappiness is not None and not -1 <= swappiness <= 100:
        raise InvalidArgument(f"Invalid value: {swappiness}, valid memory swappiness range is 0-100")
    if 0 < host_config["MemoryReservation"] < _MIN_MEMORY:
        raise InvalidArgument("Minimum memory reservation allowed is 6MB")
    if memory > 0 and host_config["MemoryReservation"] > memory:
        raise InvalidArgument("Minimum memory limit can not be less than memory reservation limit, see usage")


def _cpu(host_config: Json) -> None:
    nano, period, quota = host_config["NanoCpus"], host_config["CpuPeriod"], host_config["CpuQuota"]
    if host_config["CpuShares"] < 0:
        raise InvalidArgument(f"invalid CPU shares ({host_config['CpuShares']}): value must be a positive integer")
    if nano and period:
        raise InvalidArgument("Conflicting options: Nano CPUs and CPU Period cannot both be set")
    if nano and quota:
        raise InvalidArgument("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
    count = os.cpu_count() or 1
    if not 0 <= nano <= count * 1_000_000_000:
        raise InvalidArgument(f"range of CPUs is from 0.01 to {count}.00, as there are only {count} CPUs available")
    if period and not 1000 <= period <= 1_000_000:
        raise InvalidArgument("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
    if quota > 0 and quota < 1000:
        raise InvalidArgument("CPU cfs quota can not be less than 1ms (i.e. 1000)")
    _cpu_set("cpuset cpus", host_config["CpusetCpus"], "CPUs", "/sys/devices/system/cpu/online")
    _cpu_set("cpuset mems", host_config["CpusetMems"], "memory nodes", "/sys/devices/system/node/online")


def _cpu_set(words: str, text: str, noun: str, online: str) -> None:
    if not text:
        return
    try:
        asked = parse_set(text)
    except ValueError:
        raise InvalidArgument(f"Invalid value {text} for {words}: invalid format: {text}") from None
    try:
        with open(online, encoding="ascii") as file:
            available = file.read().strip()
    except OSError:
        available = "0"
    if not asked <= parse_set(available):
        raise InvalidArgument(f"Requested {noun} are not available - requested {text}, available: {available}")


def parse_set(text: str) -> set[int]:
    """ "0-2,7" → numbers; bounded, so that no range eats the memory (CVE-2018-20699)."""
    done: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        low, high = int(first), int(last) if dash else int(first)
        if high < low or high > 8192 or low < 0:
            raise ValueError(text)
        done.update(range(low, high + 1))
    return done


def _logging(log: Json) -> None:
    driver, config = log.get("Type") or "", log.get("Config") or {}
    if not driver or json_file.is_kept(driver):
        json_file.options(config, driver or "json-file")
        _patterns(config)
    elif driver != "none":
        raise InvalidArgument(f'error looking up logging plugin {driver}: plugin "{driver}" not found')


def _patterns(config: Json) -> None:
    for name in ("env-regex", "labels-regex"):
        patterns.check(config.get(name) or "", name)


def _sysctls(host_config: Json) -> None:
    for name in host_config.get("Sysctls") or {}:
        if name.startswith("net.") and host_config["NetworkMode"] == "host":
            raise InvalidArgument(f"sysctl '{name}' is not allowed with host network mode (--net=host)")
        if (
            name.startswith(("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."))
            and host_config["IpcMode"] == "host"
        ):
            raise InvalidArgument(f"sysctl '{name}' is not allowed with host ipc mode (--ipc=host)")
