"""The specification's seccomp section, read and checked: actions as return values, conditions as tuples; pure.

Words, defaults and refusals are runc's.
"""

from lowrt.errors import InvalidArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]
    # argument index, operator, value, second value
    Condition = tuple[int, str, int, int]
    # system call name, return value, conditions that must all hold
    Rule = tuple[str, int, list[Condition]]

# <linux/seccomp.h>
KILL_PROCESS = 0x80000000
KILL_THREAD = 0x00000000
TRAP = 0x00030000
ERRNO = 0x00050000
NOTIFY = 0x7FC00000
TRACE = 0x7FF00000
LOG = 0x7FFC0000
ALLOW = 0x7FFF0000

ACTIONS = {
    "SCMP_ACT_ALLOW": ALLOW,
    "SCMP_ACT_ERRNO": ERRNO,
    "SCMP_ACT_KILL": KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": KILL_PROCESS,
    "SCMP_ACT_KILL_THREAD": KILL_THREAD,
    "SCMP_ACT_LOG": LOG,
    "SCMP_ACT_NOTIFY": NOTIFY,
    "SCMP_ACT_TRACE": TRACE,
    "SCMP_ACT_TRAP": TRAP,
}
OPERATORS = (
    "SCMP_CMP_EQ",
    "SCMP_CMP_GE",
    "SCMP_CMP_GT",
    "SCMP_CMP_LE",
    "SCMP_CMP_LT",
    "SCMP_CMP_MASKED_EQ",
    "SCMP_CMP_NE",
)
ARCHITECTURES = (
    "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_ARM",
    "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",
    "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_S390X",
    "SCMP_ARCH_X32",
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X86_64",
)
# TSYNC is accepted and has nothing to do: the process that installs the filter has one thread.
FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": 0,
    "SECCOMP_FILTER_FLAG_LOG": 1 << 1,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 1 << 2,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": 1 << 5,
}
NEW_LISTENER = 1 << 3
_EPERM = 1
_MAX_ARGUMENTS = 6


class Profile:
    """One seccomp section."""

    __slots__ = ("architectures", "default", "flags", "names", "notifies", "rules")

    def __init__(self, section: "Json") -> None:
        self.default = _action(section.get("defaultAction") or "", section.get("defaultErrnoRet"))
        if self.default == NOTIFY:
            raise InvalidArgument("SCMP_ACT_NOTIFY cannot be used as default action")
        self.architectures = [_architecture(name) for name in section.get("architectures") or ()]
        self.names: set[str] = set()
        self.rules: list[Rule] = []
        self.notifies = False
        for entry in section.get("syscalls") or ():
            self._add(entry)
        self.flags = _flags(section.get("flags")) | (NEW_LISTENER if self.notifies else 0)

    def _add(self, entry: "Json") -> None:
        action = _action(entry.get("action") or "", entry.get("errnoRet"))
        names = entry.get("names") or []
        if "" in names:
            raise InvalidArgument("empty string is not a valid syscall")
        if action == NOTIFY:
            self.notifies = True
            if "write" in names:
                # The listener's number is told to the parent by write(2), after the filter is in force.
                raise InvalidArgument("SCMP_ACT_NOTIFY cannot be used for the write syscall")
        self.names.update(names)
        if action == self.default:
            return
        for conditions in _alternatives([_condition(argument) for argument in entry.get("args") or ()]):
            self.rules += [(name, action, conditions) for name in names]


def _alternatives(conditions: "list[Condition]") -> "list[list[Condition]]":
    """All conditions must hold; but two on one argument have always meant that either may, and profiles rely on it."""
    indexes = [condition[0] for condition in conditions]
    if len(set(indexes)) < len(indexes):
        return [[condition] for condition in conditions]
    return [conditions]


def _action(name: str, errno: int | None) -> int:
    if name not in ACTIONS:
        raise InvalidArgument(f"string {name} is not a valid action for seccomp")
    action = ACTIONS[name]
    if action in (ERRNO, TRACE):
        action |= (_EPERM if errno is None else errno) & 0xFFFF
    return action


def _architecture(name: str) -> str:
    if name not in ARCHITECTURES:
        raise InvalidArgument(f"string {name} is not a valid arch for seccomp")
    return name


def _condition(argument: "Json") -> "Condition":
    operator = argument.get("op") or ""
    if operator not in OPERATORS:
        raise InvalidArgument(f"string {operator} is not a valid operator for seccomp")
    index = argument.get("index") or 0
    if index >= _MAX_ARGUMENTS:
        raise InvalidArgument(f"seccomp: system calls have {_MAX_ARGUMENTS} arguments, there is no number {index}")
    return index, operator, argument.get("value") or 0, argument.get("valueTwo") or 0


def _flags(names: "list[str] | None") -> int:
    if names is None:
        return FLAGS["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]
    flags = 0
    for name in names:
        if name not in FLAGS:
            raise InvalidArgument(f"seccomp flag {name} is not known to lowrt")
        flags |= FLAGS[name]
    return flags
