"""Capability sets by name: capget(2), capset(2), the bounding and the ambient set."""

from lowrt.linux import constants as c
from lowrt.linux import ffi as ctypes
from lowrt.linux.libc import check, libc, syscall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# <linux/capability.h>: a capability's number is its place.
# fmt: off
NAMES = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
    "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
)
# fmt: on
NUMBERS = {name: number for number, name in enumerate(NAMES)}

_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    """Two of struct __user_cap_data_struct: the low 32 capabilities, then the high ones."""

    _fields_ = tuple((f"{name}{half}", ctypes.c_uint32) for half in (0, 1) for name in ("eff", "per", "inh"))


def mask(names: "Iterable[str]") -> tuple[int, list[str]]:
    """The bits of the names, and the names that are none."""
    bits, unknown = 0, []
    for name in names:
        if name in NUMBERS:
            bits |= 1 << NUMBERS[name]
        else:
            unknown.append(name)
    return bits, unknown


def names(bits: int) -> list[str]:
    """The names of the bits, in order."""
    return [name for number, name in enumerate(NAMES) if bits >> number & 1]


def capget() -> tuple[int, int, int]:
    """capget(2) of this process: effective, permitted, inheritable."""
    data = _Data()
    check(syscall(c.NR_CAPGET, _Header(_VERSION_3, 0), data), "capget")
    return data.eff0 | data.eff1 << 32, data.per0 | data.per1 << 32, data.inh0 | data.inh1 << 32


def capset(effective: int, permitted: int, inheritable: int) -> None:
    """capset(2) for this process."""
    check(syscall(c.NR_CAPSET, *arguments(effective, permitted, inheritable)), "capset")


def arguments(effective: int, permitted: int, inheritable: int) -> tuple[ctypes.Structure, ctypes.Structure]:
    """What capset(2) takes."""
    low, high = ((1 << 32) - 1), 32
    data = _Data(
        effective & low, permitted & low, inheritable & low, effective >> high, permitted >> high, inheritable >> high
    )
    return _Header(_VERSION_3, 0), data


def last_cap() -> int:
    """The highest capability that the running kernel has."""
    with open("/proc/sys/kernel/cap_last_cap", "rb") as file:
        return int(file.read())


def limit_bounding_set(keep: int) -> None:
    """Drop from the bounding set all that is not in `keep`."""
    zero = ctypes.c_ulong(0)
    for number in held_bounding_set():
        if not keep >> number & 1:
            check(libc.prctl(c.PR_CAPBSET_DROP, ctypes.c_ulong(number), zero, zero, zero), "prctl")


def held_bounding_set() -> list[int]:
    """The numbers in this process's bounding set."""
    zero = ctypes.c_ulong(0)
    found = []
    for number in range(64):
        held = libc.prctl(c.PR_CAPBSET_READ, ctypes.c_ulong(number), zero, zero, zero)
        if held < 0:  # EINVAL: past the last capability
            break
        if held:
            found.append(number)
    return found


def clear_ambient_set() -> None:
    """Empty the ambient set."""
    zero = ctypes.c_ulong(0)
    check(libc.prctl(c.PR_CAP_AMBIENT, ctypes.c_ulong(c.PR_CAP_AMBIENT_CLEAR_ALL), zero, zero, zero), "prctl")


def raise_ambient(number: int) -> None:
    """Add one capability, permitted and inheritable, to the ambient set."""
    zero = ctypes.c_ulong(0)
    raise_ = ctypes.c_ulong(c.PR_CAP_AMBIENT_RAISE)
    check(libc.prctl(c.PR_CAP_AMBIENT, raise_, ctypes.c_ulong(number), zero, zero), "prctl")
