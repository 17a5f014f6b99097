"""A checked profile → the verdict on every system call number → the program; pure.

What a rule means (first unconditional one wins, a later one sweeps conditional ones away, calls newer than the
profile get ENOSYS rather than its refusal) is libseccomp's and runc's.
"""

from lowrt.seccomp import program, syscalls
from lowrt.seccomp.profile import ALLOW, ERRNO, KILL_THREAD, LOG, TRACE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.seccomp.profile import Profile
    from lowrt.seccomp.program import Alternatives, Ranges, Verdict

_ENOSYS = ERRNO | 38


def assemble(profile: "Profile", machine: str = "") -> bytes:
    """The program for this machine: its own architecture always, its others if the profile names them."""
    native, *others = syscalls.native_architectures(machine)
    named = {name.removeprefix("SCMP_ARCH_") for name in profile.architectures}
    chosen = [native, *(name for name in others if name in named)]
    sections = []
    for architecture in chosen:
        if architecture == "X32":
            continue  # part of X86_64's section
        ranges = ranges_of(profile, architecture, machine)
        if architecture == "X86_64":
            ranges = _with_x32(profile, ranges, machine, wanted="X32" in chosen)
        sections.append((syscalls.AUDIT[architecture], ranges))
    return program.build(sections, profile.default, KILL_THREAD)


def ranges_of(profile: "Profile", architecture: str, machine: str = "") -> "Ranges":
    """The verdict on every number from 0 (or x32's bit) up."""
    numbers = syscalls.numbers(architecture, machine)
    verdicts = _verdicts(profile, numbers, syscalls.multiplexed(architecture))
    narrow = architecture in syscalls.NARROW
    last = max((numbers[name] for name in profile.names if name in numbers), default=0)
    ranges: Ranges = [(syscalls.X32_BIT if architecture == "X32" else 0, profile.default)]
    for number in sorted(verdicts):
        verdict = verdicts[number]
        _put(ranges, number, verdict if isinstance(verdict, int) else (narrow, verdict))
        _put(ranges, number + 1, profile.default)
    if last and not _is_permissive(profile.default):
        _put(ranges, last + 1, _ENOSYS)
    return ranges


def _is_permissive(action: int) -> bool:
    """Then a call nobody has heard of yet needs no ENOSYS: it gets through, or a tracer knows what to do."""
    return action in (ALLOW, LOG) or action & 0xFFFF0000 == TRACE


def _put(ranges: "Ranges", start: int, verdict: "Verdict") -> None:
    """Append, letting equal neighbours be one range."""
    if ranges[-1][0] == start:
        ranges.pop()
    if not ranges or ranges[-1][1] != verdict:
        ranges.append((start, verdict))


def _verdicts(
    profile: "Profile", numbers: dict[str, int], multiplexed: dict[str, tuple[str, int]]
) -> "dict[int, int | Alternatives]":
    verdicts: dict[int, int | Alternatives] = {}
    for name, action, conditions in profile.rules:
        if name in multiplexed:
            call, index = multiplexed[name]
            # The other arguments lie in memory, where a filter cannot look: conditions on them stay as written.
            inner = [(0, "SCMP_CMP_EQ", index, 0), *(condition for condition in conditions if condition[0] != 0)]
            _add(verdicts, numbers[call], action, tuple(inner))
        if name in numbers:
            _add(verdicts, numbers[name], action, tuple(conditions))
    return verdicts


def _add(verdicts: "dict[int, int | Alternatives]", number: int, action: int, conditions: "tuple[Any, ...]") -> None:
    present = verdicts.get(number, ())
    if isinstance(present, int):
        return  # an unconditional rule already says it all
    verdicts[number] = (*present, (conditions, action)) if conditions else action


def _with_x32(profile: "Profile", ranges: "Ranges", machine: str, *, wanted: bool) -> "Ranges":
    """x32's numbers are x86_64's above a bit: allowed for, they follow; not allowed for, they are a foreign ABI."""
    bit = syscalls.X32_BIT
    if wanted:
        extra = ranges_of(profile, "X32", machine)
    else:
        extra = [(bit, KILL_THREAD)]
        if not _is_permissive(profile.default):
            extra += [(bit * 2, _ENOSYS), (bit * 3, KILL_THREAD)]
        # What a tracer puts there to skip a call.
        extra.append((0xFFFFFFFF, profile.default))
    for start, verdict in extra:
        _put(ranges, start, verdict)
    return ranges
