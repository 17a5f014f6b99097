"""Rules → a classic BPF program: one binary search over ranges of system call numbers per architecture; pure.

Neighbouring numbers with the same answer are one range, so Docker's 400 rules become some 70 ranges and a call is
decided in seven comparisons. Small programs matter: while the container starts, the kernel translates the filter and
runs it once for every system call number.

The code is put down from its end, so that every jump knows where its target is. A conditional jump reaches 255
instructions; what is further is reached by a copy of the return, or over an unconditional jump.
"""

import struct

from lowrt.errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.seccomp.profile import Condition

    Alternative = tuple[tuple[Condition, ...], int]
    Alternatives = tuple[Alternative, ...]
    # What happens to one system call number: always one return value, or the first whose conditions hold; the flag says
    # that only the lower halves of arguments count.
    Verdict = int | tuple[bool, Alternatives]
    Ranges = list[tuple[int, Verdict]]  # first number, verdict; up to the next

_LD_ABS, _AND, _JA, _JEQ, _JGT, _JGE, _RET = 0x20, 0x54, 0x05, 0x15, 0x25, 0x35, 0x06
_NR, _ARCH, _ARGS = 0, 4, 16  # struct seccomp_data
_REACH = 255
_MAX_INSTRUCTIONS = 4096
_LOW = 0xFFFFFFFF


class Assembler:
    """Instructions in reverse. A label is the number of instructions from the target to the end."""

    __slots__ = ("_code", "_returns", "default")

    def __init__(self, default: int) -> None:
        self._code: list[bytes] = []
        self._returns: dict[int, int] = {}
        self.default = default

    def finish(self) -> bytes:
        if len(self._code) > _MAX_INSTRUCTIONS:
            raise Fault(f"seccomp filter is too long: {len(self._code)} instructions of {_MAX_INSTRUCTIONS}")
        return b"".join(reversed(self._code))

    def answer(self, value: int) -> int:
        """A return of this value, near enough to be jumped to."""
        label = self._returns.get(value, 0)
        # Some room is kept for the loads and jumps between here and the jump that will want it.
        if label and len(self._code) - label < _REACH - 16:
            return label
        label = self._emit(_RET, value)
        self._returns[value] = label
        return label

    def load(self, offset: int, then: int) -> int:
        return self._chain(_LD_ABS, offset, then)

    def mask(self, value: int, then: int) -> int:
        return self._chain(_AND, value, then)

    def _chain(self, code: int, value: int, then: int) -> int:
        """An instruction that falls through to its successor, which has to be the one put down last."""
        if then != len(self._code):
            self._emit(_JA, len(self._code) - then)
        return self._emit(code, value)

    def jump(self, code: int, value: int, yes: int, no: int) -> int:
        if yes == no:
            return yes
        yes, no = self._within_reach(yes), self._within_reach(no)
        here = len(self._code)
        return self._emit(code, value, here - yes, here - no)

    def _within_reach(self, label: int) -> int:
        # One more for the other target, which may need a stepping stone too.
        if len(self._code) + 1 - label <= _REACH:
            return label
        return self._emit(_JA, len(self._code) - label)

    def _emit(self, code: int, value: int, yes: int = 0, no: int = 0) -> int:
        self._code.append(struct.pack("=HBBI", code, yes, no, value & _LOW))
        return len(self._code)


def build(sections: "list[tuple[int, Ranges]]", default: int, bad_architecture: int) -> bytes:
    """One section per architecture as the kernel names it: (AUDIT_ARCH_*, ranges)."""
    assembler = Assembler(default)
    entries = []
    for audit, ranges in reversed(sections):
        tree = _search(assembler, ranges, 0, len(ranges))
        entries.append((audit, assembler.load(_NR, tree)))
    label = assembler.answer(bad_architecture)
    for audit, entry in entries:
        label = assembler.jump(_JEQ, audit, entry, label)
    assembler.load(_ARCH, label)
    return assembler.finish()


def _search(assembler: Assembler, ranges: "Ranges", low: int, high: int) -> int:
    if high - low == 1:
        return _decide(assembler, ranges[low][1])
    middle = (low + high) // 2
    right = _search(assembler, ranges, middle, high)
    left = _search(assembler, ranges, low, middle)
    return assembler.jump(_JGE, ranges[middle][0], right, left)


def _decide(assembler: Assembler, verdict: "Verdict") -> int:
    if isinstance(verdict, int):
        return assembler.answer(verdict)
    narrow, alternatives = verdict
    label = assembler.answer(assembler.default)
    position = len(alternatives)
    while position:
        first = _start_of_group(alternatives, position)
        label = _group(assembler, alternatives[first:position], label, narrow)
        position = first
    return label


def _start_of_group(alternatives: "Alternatives", end: int) -> int:
    """Alternatives that compare one argument for equality, with the same upper half, load it once for all of them."""
    key = _equality(alternatives[end - 1])
    first = end - 1
    while key is not None and first > 0 and _equality(alternatives[first - 1]) == key:
        first -= 1
    return first


def _equality(alternative: "Alternative") -> "tuple[int, int, int] | None":
    conditions, action = alternative
    if len(conditions) != 1 or conditions[0][1] != "SCMP_CMP_EQ":
        return None
    index, _, value, _ = conditions[0]
    return index, value >> 32, action


def _group(assembler: Assembler, group: "Alternatives", otherwise: int, narrow: bool) -> int:
    conditions, action = group[0]
    if len(group) == 1:
        label = assembler.answer(action)
        for condition in reversed(conditions):
            label = _compare(assembler, condition, label, otherwise, narrow)
        return label
    yes, label = assembler.answer(action), otherwise
    for alternative, _ in reversed(group):
        label = assembler.jump(_JEQ, alternative[0][2] & _LOW, yes, label)
    index, _, value, _ = conditions[0]
    label = assembler.load(_offset(index), label)
    if not narrow:
        label = assembler.jump(_JEQ, value >> 32, label, otherwise)
        label = assembler.load(_offset(index) + 4, label)
    return label


def _offset(index: int) -> int:
    """Of an argument's lower half; every architecture supported here is little-endian."""
    return _ARGS + 8 * index


def _compare(assembler: Assembler, condition: "Condition", yes: int, no: int, narrow: bool) -> int:
    index, operator, value, second = condition
    if operator == "SCMP_CMP_MASKED_EQ":
        return _masked(assembler, index, value, second & value, yes, no, narrow)
    if operator in ("SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE"):
        yes, no = no, yes
    code = {"SCMP_CMP_EQ": _JEQ, "SCMP_CMP_NE": _JEQ, "SCMP_CMP_GT": _JGT, "SCMP_CMP_LE": _JGT}.get(operator, _JGE)
    label = assembler.load(_offset(index), assembler.jump(code, value & _LOW, yes, no))
    if narrow:
        return label
    label = assembler.jump(_JEQ, value >> 32, label, no)
    if code != _JEQ:
        # The upper half decides, unless it is equal.
        label = assembler.jump(_JGT, value >> 32, yes, label)
    return assembler.load(_offset(index) + 4, label)


def _masked(assembler: Assembler, index: int, mask: int, value: int, yes: int, no: int, narrow: bool) -> int:
    label = yes
    if mask & _LOW or mask == 0 or narrow:
        label = assembler.jump(_JEQ, value & _LOW, label, no)
        label = assembler.load(_offset(index), assembler.mask(mask & _LOW, label))
    if mask >> 32 and not narrow:
        label = assembler.jump(_JEQ, value >> 32, label, no)
        label = assembler.load(_offset(index) + 4, assembler.mask(mask >> 32, label))
    return label
