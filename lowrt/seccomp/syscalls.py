"""Which system call has which number, per architecture that this machine can run, and which hide in a multiplexer."""

import os

from lowrt.errors import Fault

# machine of uname(2): (module, its own architecture first, then those its kernel also runs)
_FAMILIES = {
    "x86_64": ("table_x86", ("X86_64", "X86", "X32")),
    "i686": ("table_x86", ("X86",)),
    "i386": ("table_x86", ("X86",)),
    "aarch64": ("table_arm", ("AARCH64", "ARM")),
    "armv7l": ("table_arm", ("ARM",)),
    "riscv64": ("table_other", ("RISCV64",)),
    "loongarch64": ("table_other", ("LOONGARCH64",)),
}
# <linux/audit.h>; x32 calls itself x86_64 and sets a bit in the number instead.
AUDIT = {
    "X86_64": 0xC000003E,
    "X32": 0xC000003E,
    "X86": 0x40000003,
    "AARCH64": 0xC00000B7,
    "ARM": 0x40000028,
    "RISCV64": 0xC00000F3,
    "LOONGARCH64": 0xC0000102,
}
X32_BIT = 0x40000000
NARROW = ("X86", "X32", "ARM")  # arguments have 32 bits

# <linux/net.h>, <linux/ipc.h>: on 32-bit x86 these are also reached through one call, by number.
_SOCKETCALL = (
    "socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom "
    "shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg"
)
_IPC = {
    "semop": 1,
    "semget": 2,
    "semctl": 3,
    "semtimedop": 4,
    "msgsnd": 11,
    "msgrcv": 12,
    "msgget": 13,
    "msgctl": 14,
    "shmat": 21,
    "shmdt": 22,
    "shmget": 23,
    "shmctl": 24,
}


def native_architectures(machine: str = "") -> tuple[str, ...]:
    """What this kernel runs, its own first. Others never reach a filter here, so they need no place in one."""
    return _family(machine)[1]


def numbers(architecture: str, machine: str = "") -> dict[str, int]:
    """Name → number."""
    table: str = getattr(_table(_family(machine)[0]), architecture)
    offset = X32_BIT if architecture == "X32" else 0
    return {name: int(number) + offset for name, _, number in (entry.partition(":") for entry in table.split())}


def _table(name: str) -> object:
    """Only the one that is needed is loaded, and only when a filter is compiled."""
    if name == "table_x86":
        from lowrt.seccomp import table_x86

        return table_x86
    if name == "table_arm":
        from lowrt.seccomp import table_arm

        return table_arm
    from lowrt.seccomp import table_other

    return table_other


def _family(machine: str) -> tuple[str, tuple[str, ...]]:
    machine = machine or os.uname().machine
    if machine not in _FAMILIES:
        raise Fault(f"seccomp is not supported on {machine}: its system call numbers are not known here")
    return _FAMILIES[machine]


def multiplexed(architecture: str) -> dict[str, tuple[str, int]]:
    """Name → (the call it also hides in, the value of that call's first argument)."""
    if architecture != "X86":
        return {}
    found = {name: ("socketcall", position) for position, name in enumerate(_SOCKETCALL.split(), 1)}
    found.update((name, ("ipc", number)) for name, number in _IPC.items())
    return found
