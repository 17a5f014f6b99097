"""Device rules: what the list of the specification amounts to, and how each cgroup version is told; pure.

The rules are played through in order on a Policy, which behaves as the v1 kernel does: a wildcard rule resets
everything, afterwards only exceptions are kept. v1 gets the lines that lead from its present policy to the wanted one,
v2 gets the policy as a BPF program.
"""

import struct

from lowrt.cgroup.files import CgroupError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]
    Device = tuple[str, int, int]  # type, major, minor; -1 is any

# Always added, as runc does: users cannot do without them and many have come to rely on it.
# (path of the node or "", type, major, minor, access)
DEFAULT_RULES = (
    ("", "c", -1, -1, "m"),
    ("", "b", -1, -1, "m"),
    ("/dev/null", "c", 1, 3, "rwm"),
    ("/dev/random", "c", 1, 8, "rwm"),
    ("/dev/full", "c", 1, 7, "rwm"),
    ("/dev/tty", "c", 5, 0, "rwm"),
    ("/dev/zero", "c", 1, 5, "rwm"),
    ("/dev/urandom", "c", 1, 9, "rwm"),
    ("", "c", 136, -1, "rwm"),  # /dev/pts/*
    ("", "c", 5, 2, "rwm"),  # /dev/ptmx
    ("", "c", 10, 200, "rwm"),  # /dev/net/tun
)


class Rule:
    """One line of the specification, defaults filled in."""

    __slots__ = ("access", "allow", "device")

    def __init__(self, allow: bool, kind: str, major: int, minor: int, access: str) -> None:
        self.allow = allow
        self.device: Device = (kind, major, minor)
        self.access = access

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and str(self) == str(other) and self.allow == other.allow

    __hash__ = None  # type: ignore[assignment]  # never a key

    def __str__(self) -> str:
        kind, major, minor = self.device
        return f"{kind} {_number(major)}:{_number(minor)} {self.access}"

    def __repr__(self) -> str:
        return ("allow " if self.allow else "deny ") + str(self)


def _number(value: int) -> str:
    return "*" if value < 0 else str(value)


def rules_of(resources: "Json", own_nodes: "set[str]") -> list[Rule]:
    """The document's rules, then the default ones whose node the container does not define itself."""
    rules = []
    for entry in resources.get("devices") or ():
        major, minor = entry.get("major"), entry.get("minor")
        rules.append(
            Rule(
                bool(entry.get("allow")),
                entry.get("type") or "a",
                -1 if major is None else major,
                -1 if minor is None else minor,
                entry.get("access") or "",
            )
        )
    for path, kind, major, minor, access in DEFAULT_RULES:
        if not path or path not in own_nodes:
            rules.append(Rule(True, kind, major, minor, access))
    return rules


class Policy:
    """What is allowed: a default, and exceptions from it."""

    __slots__ = ("allow", "exceptions")

    def __init__(self, *, allow: bool = False) -> None:
        self.allow = allow
        self.exceptions: dict[Device, set[str]] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and (self.allow, self.exceptions) == (other.allow, other.exceptions)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def apply(self, rule: Rule) -> None:
        """Take one more rule into account."""
        if rule.device[0] == "a":
            self.allow = rule.allow
            self.exceptions = {}
        elif rule.allow != self.allow:
            self.exceptions.setdefault(rule.device, set()).update(rule.access)
        else:
            self._take_back(rule)

    def _take_back(self, rule: Rule) -> None:
        kind, major, minor = rule.device
        for wider in ((kind, -1, minor), (kind, major, -1), (kind, -1, -1)):
            overlap = self.exceptions.get(wider, set()) & set(rule.access)
            if wider != rule.device and overlap:
                # v1 would silently keep the wider rule, and the user would believe the device to be closed.
                wide = Rule(not self.allow, *wider, _ordered(self.exceptions[wider]))
                raise CgroupError(
                    f"unable to remove '{'deny' if self.allow else 'allow'}' exception: requested rule [{rule}] not "
                    f"supported by devices cgroupv1 (cannot punch hole in existing wildcard rule [{wide}])"
                )
        left = self.exceptions.get(rule.device, set()) - set(rule.access)
        if left:
            self.exceptions[rule.device] = left
        else:
            self.exceptions.pop(rule.device, None)

    def ordered(self) -> list[Rule]:
        """The exceptions as rules, sorted by number."""
        devices = sorted(self.exceptions, key=lambda device: (device[1], device[2], device[0]))
        return [Rule(not self.allow, *device, _ordered(self.exceptions[device])) for device in devices]


def _ordered(access: "set[str]") -> str:
    return "".join(letter for letter in "rwm" if letter in access)


def policy_of(rules: list[Rule]) -> Policy:
    policy = Policy()
    for rule in rules:
        policy.apply(rule)
    return policy


def policy_from_list(text: str) -> Policy:
    """devices.list of v1. Its deny exceptions are not shown: a policy that allows all is all that can be known."""
    policy = Policy()
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "a":
            policy.apply(Rule(True, "a", -1, -1, "rwm"))
            continue
        numbers, _, access = rest.partition(" ")
        major, _, minor = numbers.partition(":")
        policy.apply(Rule(True, kind, _parse(major), _parse(minor), access))
    return policy


def _parse(number: str) -> int:
    return -1 if number == "*" else int(number)


def v1_lines(present: Policy, wanted: Policy) -> list[tuple[str, str]]:
    """(file, line) for each write that leads from the present policy to the wanted one."""
    rules = []
    old = present.exceptions
    if present.allow or present.allow != wanted.allow:
        # Which exceptions a policy that allows has cannot be read: start afresh.
        rules.append(Rule(wanted.allow, "a", -1, -1, "rwm"))
        old = {}
    for rule in present.ordered() if old else ():
        dropped = set(rule.access) - wanted.exceptions.get(rule.device, set())
        if dropped:
            rules.append(Rule(wanted.allow, *rule.device, _ordered(dropped)))
    for rule in wanted.ordered():
        gained = set(rule.access) - old.get(rule.device, set())
        if gained:
            rules.append(Rule(rule.allow, *rule.device, _ordered(gained)))
    return [("devices.allow" if rule.allow else "devices.deny", str(rule)) for rule in rules]


# <linux/bpf.h>: struct bpf_cgroup_dev_ctx and the few instructions that read it.
_BPF_TYPE = {"b": 1, "c": 2}
_BPF_ACCESS = {"m": 1, "r": 2, "w": 4}
_LDX_W, _AND_K, _RSH_K, _MOV_X, _MOV_K, _JNE_K, _JNE_X, _EXIT = 0x61, 0x54, 0x74, 0xBC, 0xB4, 0x56, 0x5E, 0x95


def v2_program(policy: Policy) -> bytes:
    """The policy as a BPF_PROG_TYPE_CGROUP_DEVICE program: one block per exception, then the default."""
    code = [
        _instruction(_LDX_W, 2, 1, 0),  # r2 = type | access << 16
        _instruction(_MOV_X, 3, 2),
        _instruction(_AND_K, 2, immediate=0xFFFF),
        _instruction(_RSH_K, 3, immediate=16),
        _instruction(_LDX_W, 4, 1, 4),  # r4 = major
        _instruction(_LDX_W, 5, 1, 8),  # r5 = minor
    ]
    for rule in policy.ordered():
        code += _block(rule)
    code += [_instruction(_MOV_K, 0, immediate=int(policy.allow)), _instruction(_EXIT)]
    return b"".join(code)


def _block(rule: Rule) -> list[bytes]:
    """Decide by this rule, or fall out of the block's end."""
    kind, major, minor = rule.device
    if major >= 1 << 32 or minor >= 1 << 32:
        raise CgroupError(f"invalid device number in rule [{rule}]")
    access = sum(_BPF_ACCESS[letter] for letter in rule.access)
    end = [_instruction(_MOV_K, 0, immediate=int(rule.allow)), _instruction(_EXIT)]
    tests: list[tuple[int, int, int, int]] = [(_JNE_K, 2, 0, _BPF_TYPE[kind])]
    if major >= 0:
        tests.append((_JNE_K, 4, 0, major))
    if minor >= 0:
        tests.append((_JNE_K, 5, 0, minor))
    masked = []
    if access != 7:
        # Every access asked for has to be among the rule's: (asked & rule) == asked.
        masked = [_instruction(_MOV_X, 1, 3), _instruction(_AND_K, 1, immediate=access)]
        tests.append((_JNE_X, 1, 3, 0))
    block: list[bytes] = []
    total = len(tests) + len(masked) + len(end)
    for position, (opcode, destination, source, immediate) in enumerate(tests):
        if masked and position == len(tests) - 1:
            block += masked
        block.append(_instruction(opcode, destination, source, total - len(block) - 1, immediate))
    return block + end


def _instruction(opcode: int, destination: int = 0, source: int = 0, offset: int = 0, immediate: int = 0) -> bytes:
    signed = immediate - (1 << 32) if immediate >= 1 << 31 else immediate
    return struct.pack("=BBhi", opcode, source << 4 | destination, offset, signed)
