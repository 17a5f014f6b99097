"""Checks about namespaces, their id maps and offsets, and which sysctls they make safe to set."""

import os

from lowrt.spec import mount_options
from lowrt.spec.model import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.spec.model import Spec

# The kernel keeps these per IPC namespace.
_IPC_SYSCTLS = {
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
}


def check_namespaces(spec: "Spec") -> None:
    """Each namespace exists in this kernel, and what belongs to one comes only with it."""
    _check_user(spec)
    if spec.has_namespace("cgroup") and not os.path.exists("/proc/self/ns/cgroup"):
        raise SpecError("cgroup namespaces aren't enabled in the kernel")
    _check_time(spec)


def _check_user(spec: "Spec") -> None:
    mappings = spec.linux.get("uidMappings") is not None or spec.linux.get("gidMappings") is not None
    if not spec.has_namespace("user"):
        if mappings:
            raise SpecError("user namespace mappings specified, but user namespace isn't enabled in the config")
        return
    if not os.path.exists("/proc/self/ns/user"):
        raise SpecError("user namespaces aren't enabled in the kernel")
    if spec.has_new_namespace("user") and not mappings:
        raise SpecError("user namespaces enabled, but no namespace path to join nor mappings to apply specified")


def _check_time(spec: "Spec") -> None:
    offsets = spec.linux.get("timeOffsets")
    if not spec.has_namespace("time"):
        if offsets is not None:
            raise SpecError("time namespace offsets specified, but time namespace isn't enabled in the config")
        return
    if not os.path.exists("/proc/self/timens_offsets"):
        raise SpecError("time namespaces aren't enabled in the kernel")
    if offsets is not None and not spec.has_new_namespace("time"):
        raise SpecError(
            "time namespace enabled, but both namespace path and time offsets specified -- you may only provide one"
        )
    for clock in offsets or ():
        if clock not in ("monotonic", "boottime"):
            raise SpecError(f"invalid clock {clock!r} in timeOffsets")


def check_sysctl(spec: "Spec") -> None:
    """A sysctl may be set only where a namespace of the container's own holds it (CVE-2022-0811)."""
    for key in spec.sysctl:
        sysctl_path(key)
        _check_one_sysctl(spec, dotted_sysctl(key))


def _check_one_sysctl(spec: "Spec", key: str) -> None:
    if key in _IPC_SYSCTLS or key.startswith("fs.mqueue."):
        if not spec.has_namespace("ipc"):
            raise SpecError(f'sysctl "{key}" is not allowed in the hosts ipc namespace')
    elif key.startswith("net."):
        if _is_host_network(spec):
            raise SpecError(f'sysctl "{key}" not allowed in host network namespace')
    elif key == "kernel.domainname" and spec.has_namespace("uts"):
        return  # namespaced, and no field of the spec fights over it
    elif key == "kernel.hostname" and spec.has_namespace("uts"):
        raise SpecError(f'sysctl "{key}" is not allowed as it conflicts with the OCI "hostname" field')
    elif key.startswith("user."):
        if not spec.has_namespace("user"):
            raise SpecError(f"setting ucounts without a user namespace not allowed: {key}")
    else:
        raise SpecError(f'sysctl "{key}" is not in a separate kernel namespace')


def dotted_sysctl(key: str) -> str:
    """`net/ipv4/conf/eno2.100/x` means `net.ipv4.conf.eno2/100.x`: the first separator rules, says sysctl.d(5)."""
    first = next((character for character in key if character in "./"), ".")
    return key if first == "." else key.translate({0x2E: "/", 0x2F: "."})


def sysctl_path(key: str) -> str:
    """The file under /proc/sys; dots separate, and a slash stands for a dot inside a name."""
    path = dotted_sysctl(key).translate({0x2E: "/", 0x2F: "."})
    if any(part in ("", ".", "..") for part in path.split("/")):
        # net/../kernel/core_pattern begins with "net." and ends up on the host.
        raise SpecError(f'sysctl "{key}" is not a valid name')
    return path


def _is_host_network(spec: "Spec") -> bool:
    if not spec.has_namespace("network"):
        return True
    path = spec.namespaces["network"]
    if not path:
        return False
    try:
        theirs = os.stat(path)
    except OSError as error:
        raise SpecError(f"invalid netns path: stat {path}: {os.strerror(error.errno or 0).lower()}") from None
    ours = os.stat("/proc/self/ns/net")
    return (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino)


def check_rootless(spec: "Spec") -> None:
    """What cannot work when the caller is not root."""
    if not spec.has_namespace("user"):
        raise SpecError("rootless container requires user namespaces")
    if spec.has_new_namespace("user"):
        for kind, field in (("UID", "uidMappings"), ("GID", "gidMappings")):
            if not spec.linux.get(field):
                raise SpecError(f"rootless containers requires at least one {kind} mapping")
    if spec.linux.get("netDevices"):
        raise SpecError("network devices are not supported for rootless containers")
    for entry in spec.mounts:
        options = mount_options.parse(entry.get("options") or [])
        if options.idmap or entry.get("uidMappings") or entry.get("gidMappings"):
            raise SpecError("id-mapped mounts are not supported for rootless containers")
        for option in options.data.split(","):
            _check_owner_option(spec, option)


def _check_owner_option(spec: "Spec", option: str) -> None:
    name, _, value = option.partition("=")
    if name in ("uid", "gid") and value.isdecimal() and spec.host_id(int(value), name) is None:
        raise SpecError(f"cannot specify {option} mount option for rootless container: id {value} is not mapped")
