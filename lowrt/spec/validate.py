"""Whether a configuration makes sense: a list of small checks, in runc's order and words.

Each check takes the Spec and raises SpecError; none changes anything. Those about namespaces, sysctl and id maps are in
`validate_linux`.
"""

import os

from lowrt.spec import memory_policy, mount_options
from lowrt.spec.model import SpecError
from lowrt.spec.validate_linux import check_namespaces, check_rootless, check_sysctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lowrt.spec.model import Spec

    Warn = Callable[[str], None]


def validate(spec: "Spec", *, rootless: bool = False, cgroup2: bool = False, warn: "Warn | None" = None) -> None:
    """Raise SpecError at the first thing that is wrong; what runc only frowns at goes to `warn`."""
    _check_cgroups(spec, cgroup2)
    for check in (_check_rootfs, _check_netdevices, _check_uts, _check_security, check_namespaces, check_sysctl):
        check(spec)
    _check_intel_rdt(spec)
    if rootless:
        check_rootless(spec)
    for check in (_check_mounts, _check_devices, _check_propagation, _check_scheduler, _check_io_priority):
        check(spec)
    _check_personality(spec)
    if spec.linux.get("memoryPolicy"):
        memory_policy.parse(spec.linux["memoryPolicy"])
    if warn is not None:
        _warn_about(spec, warn)


def _check_cgroups(spec: "Spec", cgroup2: bool) -> None:
    unified = spec.resources.get("unified")
    if not cgroup2 and unified is not None:
        raise SpecError("invalid configuration: cannot use unified on cgroup v1")


def _check_rootfs(spec: "Spec") -> None:
    if not spec.document.get("root"):
        raise SpecError("root must be specified")
    try:
        os.stat(spec.rootfs)
        real = os.path.realpath(spec.rootfs, strict=True)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise SpecError(f"invalid rootfs: stat {spec.rootfs}: {reason}") from None
    if real != spec.rootfs:
        raise SpecError("invalid rootfs: not an absolute path, or a symlink")


def _check_netdevices(spec: "Spec") -> None:
    devices = spec.linux.get("netDevices") or {}
    if devices and not spec.has_namespace("network"):
        raise SpecError("unable to move network devices without a NET namespace")
    for name, device in devices.items():
        new_name = (device or {}).get("name") or name
        for candidate in (name, new_name):
            if not _is_device_name(candidate):
                raise SpecError(f'invalid network device name "{candidate}"')


def _is_device_name(name: str) -> bool:
    return 0 < len(name) <= 15 and name not in (".", "..") and not any(c in "/: \t\n" for c in name)


def _check_uts(spec: "Spec") -> None:
    for field in ("hostname", "domainname"):
        if spec.document.get(field) and not spec.has_namespace("uts"):
            raise SpecError(f"unable to set {field} without a private UTS namespace")


def _check_security(spec: "Spec") -> None:
    restricted = spec.linux.get("maskedPaths") or spec.linux.get("readonlyPaths")
    if restricted and not spec.has_namespace("mount"):
        raise SpecError("unable to restrict sys entries without a private MNT namespace")
    if spec.linux.get("mountLabel") and not os.path.exists("/sys/fs/selinux/enforce"):
        raise SpecError("mountLabel is specified in config, but selinux is disabled or not supported")


def _check_intel_rdt(spec: "Spec") -> None:
    # The resctrl filesystem is not driven here: asking for it is an error on every machine, never a silent no.
    if spec.linux.get("intelRdt"):
        raise SpecError("intelRdt is specified in config, but Intel RDT is not enabled")


def _check_mounts(spec: "Spec") -> None:
    for entry in spec.mounts:
        options = mount_options.parse(entry.get("options") or [])
        is_bind = bool(options.flags & 0x1000)  # MS_BIND
        where = f"invalid mount {entry.get('destination')!r}"
        if not entry.get("destination"):
            raise SpecError("invalid mount: destination must not be empty")
        if is_bind and options.data:
            raise SpecError(f"{where}: bind mounts cannot have any filesystem-specific options applied")
        if not is_bind and not entry.get("type"):
            raise SpecError(f"{where}: type must be specified unless it is a bind mount")
        if options.idmap or entry.get("uidMappings") or entry.get("gidMappings"):
            _check_idmap(spec, entry.get("uidMappings"), entry.get("gidMappings"), is_bind, where)


def _check_idmap(spec: "Spec", uids: object, gids: object, is_bind: bool, where: str) -> None:
    if not is_bind:
        raise SpecError(f"{where}: id-mapped mounts are only supported for bind-mounts")
    own = bool(uids) and bool(gids)
    # Without mappings of its own the mount takes the container's user namespace.
    if not own and (uids or gids or not spec.has_namespace("user")):
        raise SpecError(f"{where}: id-mapped mounts must have both uid and gid mappings specified")


def _check_devices(spec: "Spec") -> None:
    for device in spec.linux.get("devices") or ():
        if device.get("type") not in ("b", "c", "u", "p"):
            raise SpecError(f'invalid device type "{device.get("type") or ""}"')
        if not device.get("path"):
            raise SpecError("device path must not be empty")
    for position, rule in enumerate(spec.resources.get("devices") or ()):
        if not rule.get("access"):
            raise SpecError(f"device access at {position} field cannot be empty")
        if (rule.get("type") or "a") not in ("a", "b", "c"):
            raise SpecError(f'invalid cgroup device type "{rule["type"]}"')
        if set(rule["access"]) - set("rwm"):
            raise SpecError(f'invalid device access "{rule["access"]}"')


def _check_propagation(spec: "Spec") -> None:
    word = spec.linux.get("rootfsPropagation") or ""
    if word and word not in mount_options.PROPAGATION:
        raise SpecError(f"rootfsPropagation={word} is not supported")


_POLICIES = ("SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE")


def _check_scheduler(spec: "Spec") -> None:
    scheduler = spec.process.get("scheduler")
    if scheduler is None:
        return
    policy = scheduler.get("policy") or ""
    if not policy:
        raise SpecError("scheduler policy is required")
    if policy not in _POLICIES:
        raise SpecError(f"invalid scheduler policy: {policy}")
    nice = scheduler.get("nice") or 0
    if policy in ("SCHED_OTHER", "SCHED_BATCH") and not -20 <= nice <= 19:
        raise SpecError(f"invalid scheduler.nice: {nice} when scheduler.policy is {policy}")
    if scheduler.get("priority") and policy not in ("SCHED_FIFO", "SCHED_RR"):
        raise SpecError("scheduler.priority can only be specified for SchedFIFO or SchedRR policy")
    deadline = scheduler.get("runtime") or scheduler.get("deadline") or scheduler.get("period")
    if policy != "SCHED_DEADLINE" and deadline:
        raise SpecError("scheduler runtime/deadline/period can only be specified for SchedDeadline policy")


def _check_io_priority(spec: "Spec") -> None:
    priority = spec.process.get("ioPriority")
    if priority is None:
        return
    level = priority.get("priority") or 0
    if not 0 <= level <= 7:
        raise SpecError(f"invalid ioPriority.Priority: {level}")
    if priority.get("class") not in ("IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"):
        raise SpecError(f'invalid ioPriority.Class: "{priority.get("class") or ""}"')


def _check_personality(spec: "Spec") -> None:
    personality = spec.linux.get("personality")
    if personality and personality.get("domain") not in ("LINUX", "LINUX32"):
        raise SpecError(f"invalid personality domain {personality.get('domain') or ''}")
    if personality and personality.get("flags"):
        raise SpecError("personality flags are not supported")


def _warn_about(spec: "Spec", warn: "Warn") -> None:
    for entry in spec.mounts:
        if not entry["destination"].startswith("/"):
            warn(
                f"mount destination {entry['destination']} is not absolute. "
                "Support for non-absolute mount destinations will be removed in a future release."
            )
    memory = spec.resources.get("memory") or {}
    if memory.get("kernel") is not None or memory.get("kernelTCP") is not None:
        warn("Kernel memory settings are ignored and will be removed")
