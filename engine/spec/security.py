"""SecurityOpt, masked and read-only paths: what a container may not do or see."""

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
_UNCONFINED = frozenset({("apparmor", "unconfined"), ("apparmor", ""), ("label", "disable")})
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


@dataclass(frozen=True, slots=True)
class SecurityOptions:
    """The parsed SecurityOpt list."""

    seccomp: str = ""  # "", "unconfined", "builtin" or a profile's JSON
    no_new_privileges: bool | None = None
    unmasked: bool = False  # systempaths=unconfined
    modules: tuple[str, ...] = ()  # what asks AppArmor or SELinux for confinement


def parse(options: Sequence[str] | None) -> SecurityOptions:
    """Parse; an option that is none is refused by name."""
    seccomp, no_new, unmasked = "", None, False
    modules: list[str] = []
    for option in options or ():
        if option == "no-new-privileges":
            no_new = True
            continue
        name, value = _split(option)
        match name:
            case "seccomp":
                seccomp = value
            case "no-new-privileges":
                no_new = _boolean(value, option)
            case "systempaths" if value == "unconfined":
                unmasked = True
            case "apparmor" | "label":
                if (name, value) not in _UNCONFINED:
                    modules.append(option)
            case _:
                raise InvalidArgument(f'invalid --security-opt 2: "{option}"')
    return SecurityOptions(seccomp, no_new, unmasked, tuple(modules))


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


def hidden_paths(host_config: Json, options: SecurityOptions) -> tuple[list[str], list[str]]:
    """(masked, read-only): the client's own lists, none for privileged containers, else Docker's."""
    if host_config["Privileged"] or options.unmasked:
        return [], []
    masked, readonly = host_config.get("MaskedPaths"), host_config.get("ReadonlyPaths")
    return (
        list(MASKED_PATHS if masked is None else masked),
        list(READONLY_PATHS if readonly is None else readonly),
    )
