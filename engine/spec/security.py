"""SecurityOpt, masked and read-only paths: what a container may not do or see."""

import functools
import glob
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from proto.errdefs import InvalidArgument

Json = dict[str, Any]

MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
_THERMAL = "/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle"  # GHSA-6fw5-f8r9-fgfm
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


@dataclass(frozen=True, slots=True)
class SecurityOptions:
    """The parsed SecurityOpt list."""

    seccomp: str = ""  # "", "unconfined", "builtin" or a profile's JSON
    no_new_privileges: bool | None = None
    unmasked: bool = False  # systempaths=unconfined
    writable_cgroups: bool | None = None
    apparmor: str = ""  # a profile's name, or "unconfined"
    labels: tuple[str, ...] = ()  # what is said about SELinux's labels: "disable", "type:NAME" …


_BARE = {
    "no-new-privileges": "no-new-privileges=true",
    "writable-cgroups": "writable-cgroups=true",
    "disable": "label=disable",
}


def parse(options: Sequence[str] | None) -> SecurityOptions:
    """Parse; an option that is none is refused by name."""
    seccomp, no_new, unmasked, apparmor, cgroups = "", None, False, "", None
    labels: list[str] = []
    for option in options or ():
        name, value = _split(_BARE.get(option, option))
        match name:
            case "seccomp":
                seccomp = value
            case "no-new-privileges":
                no_new = _boolean(value, option)
            case "systempaths" if value == "unconfined":
                unmasked = True
            case "writable-cgroups":
                cgroups = _boolean(value, option)
            case "apparmor":
                apparmor = value
            case "label":
                labels.append(value)
            case _:
                raise InvalidArgument(f'invalid --security-opt 2: "{option}"')
    return SecurityOptions(seccomp, no_new, unmasked, cgroups, apparmor, tuple(labels))


def _split(option: str) -> tuple[str, str]:
    for separator in ("=", ":"):
        name, found, value = option.partition(separator)
        if found:
            return name, value
    raise InvalidArgument(f'invalid --security-opt 1: "{option}"')


def _boolean(value: str, option: str) -> bool:
    if value.lower() in ("1", "t", "true"):
        return True
    if value.lower() in ("0", "f", "false"):
        return False
    raise InvalidArgument(f'invalid --security-opt 2: "{option}"')


@functools.cache
def thermal_paths(pattern: str = _THERMAL) -> tuple[str, ...]:
    """What tells of each processor's heat, and so of what others compute; the processors of a host do not change."""
    return tuple(sorted(glob.glob(pattern)))


def hidden_paths(host_config: Json, options: SecurityOptions) -> tuple[list[str], list[str]]:
    """(masked, read-only): the client's own lists, none for privileged containers, else Docker's."""
    if host_config["Privileged"] or options.unmasked:
        return [], []
    masked, readonly = host_config.get("MaskedPaths"), host_config.get("ReadonlyPaths")
    return (
        [*MASKED_PATHS, *thermal_paths()] if masked is None else list(masked),
        list(READONLY_PATHS if readonly is None else readonly),
    )
