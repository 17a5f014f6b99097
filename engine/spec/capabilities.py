"""Which capabilities a container gets: Docker's default set, changed by CapAdd and CapDrop."""

from collections.abc import Sequence

from proto.errdefs import InvalidArgument

# In the kernel's order: the index is the capability's number (capabilities(7)).
ALL = tuple(
    f"CAP_{name}"
    for name in [
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",
        "FOWNER",
        "FSETID",
        "KILL",
        "SETGID",
        "SETUID",
        "SETPCAP",
        "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_ADMIN",
        "NET_RAW",
        "IPC_LOCK",
        "IPC_OWNER",
        "SYS_MODULE",
        "SYS_RAWIO",
        "SYS_CHROOT",
        "SYS_PTRACE",
        "SYS_PACCT",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_NICE",
        "SYS_RESOURCE",
        "SYS_TIME",
        "SYS_TTY_CONFIG",
        "MKNOD",
        "LEASE",
        "AUDIT_WRITE",
        "AUDIT_CONTROL",
        "SETFCAP",
        "MAC_OVERRIDE",
        "MAC_ADMIN",
        "SYSLOG",
        "WAKE_ALARM",
        "BLOCK_SUSPEND",
        "AUDIT_READ",
        "PERFMON",
        "BPF",
        "CHECKPOINT_RESTORE",
    ]
)

DEFAULT = tuple(
    f"CAP_{name}"
    for name in [
        "CHOWN",
        "DAC_OVERRIDE",
        "FSETID",
        "FOWNER",
        "MKNOD",
        "NET_RAW",
        "SETGID",
        "SETUID",
        "SETFCAP",
        "SETPCAP",
        "NET_BIND_SERVICE",
        "SYS_CHROOT",
        "KILL",
        "AUDIT_WRITE",
    ]
)


def from_mask(mask: int) -> tuple[str, ...]:
    """The names of the bits of a capability mask, such as the bounding set in /proc/self/status."""
    return tuple(name for number, name in enumerate(ALL) if mask >> number & 1)


def normalise(names: Sequence[str] | None, owner: str = "capability") -> list[str]:
    """As clients write them ("net_admin", "CAP_NET_ADMIN", "all") → the kernel's names; an unknown one is refused."""
    done = []
    for given in names or ():
        name = given.upper()
        if name == "ALL":
            done.append(name)
            continue
        name = name if name.startswith("CAP_") else f"CAP_{name}"
        if name not in ALL:
            raise InvalidArgument(f'invalid {owner}: unknown capability: "{name}"')
        done.append(name)
    return done


def effective(
    add: Sequence[str] | None, drop: Sequence[str] | None, *, privileged: bool, available: Sequence[str]
) -> list[str]:
    """The final set; "ALL" means what the host has (`available`)."""
    if privileged:
        return list(available)
    adds, drops = normalise(add), normalise(drop)
    if "ALL" in adds:
        return [name for name in available if name not in drops]
    kept = [] if "ALL" in drops else [name for name in DEFAULT if name not in drops]
    return kept + [name for name in adds if name not in kept]
