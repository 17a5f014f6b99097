"""Ranges → BPF."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowrt.errors import Fault
from lowrt.seccomp import program
from tests.fakes.lowrt_bpf import run_seccomp

AUDIT = 0xC000003E
DEFAULT, YES, KILL = 0x50001, 0x7FFF0000, 0
TOP = (1 << 64) - 1
VALUES = [0, 1, 5, 0x20008, 0xFFFFFFFF, 1 << 32, 0x7E020000, 5 << 32 | 5, TOP]

OPERATORS = {
    "SCMP_CMP_EQ": lambda a, v, _: a == v,
    "SCMP_CMP_NE": lambda a, v, _: a != v,
    "SCMP_CMP_LT": lambda a, v, _: a < v,
    "SCMP_CMP_LE": lambda a, v, _: a <= v,
    "SCMP_CMP_GT": lambda a, v, _: a > v,
    "SCMP_CMP_GE": lambda a, v, _: a >= v,
    "SCMP_CMP_MASKED_EQ": lambda a, v, w: a & v == w & v,
}


def build(ranges: list[tuple[int, object]]) -> bytes:
    return program.build([(AUDIT, ranges)], DEFAULT, KILL)  # type: ignore[list-item]


def test_a_foreign_architecture_is_killed() -> None:
    code = build([(0, YES)])
    assert run_seccomp(code, 1, AUDIT) == YES
    assert run_seccomp(code, 1, 0x40000003) == KILL


@settings(deadline=None, max_examples=60)  # the machine may be busy
@given(st.lists(st.tuples(st.integers(1, 2000), st.sampled_from([YES, DEFAULT, 0x30000, 0x7FFC0000])), max_size=400))
def test_every_number_gets_its_ranges_verdict_however_long_the_program(entries: list[tuple[int, int]]) -> None:
    ranges: list[tuple[int, object]] = [(0, DEFAULT), *sorted(dict(entries).items())]
    code = build(ranges)
    for number in {0, 2001, *(start for start, _ in ranges), *(max(start - 1, 0) for start, _ in ranges)}:
        expected = [verdict for start, verdict in ranges if start <= number][-1]
        assert run_seccomp(code, number, AUDIT) == expected


_condition = st.tuples(
    st.integers(0, 5), st.sampled_from(sorted(OPERATORS)), st.sampled_from(VALUES), st.sampled_from(VALUES)
)
_alternatives = st.lists(
    st.tuples(st.lists(_condition, min_size=1, max_size=3).map(tuple), st.sampled_from([YES, 0x30000])),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=60)  # the machine may be busy
@given(_alternatives, st.lists(st.sampled_from(VALUES), min_size=6, max_size=6), st.booleans())
def test_conditions_decide_as_written(
    alternatives: list[tuple[tuple[tuple[int, str, int, int], ...], int]], arguments: list[int], narrow: bool
) -> None:
    code = build([(0, DEFAULT), (7, (narrow, tuple(alternatives))), (8, DEFAULT)])
    low = 0xFFFFFFFF if narrow else TOP
    expected = DEFAULT
    for conditions, action in alternatives:
        if all(OPERATORS[op](arguments[i] & low, value & low, second & low) for i, op, value, second in conditions):
            expected = action
            break
    assert run_seccomp(code, 7, AUDIT, tuple(arguments)) == expected


def test_values_of_one_argument_share_their_loads() -> None:
    alternatives = tuple((((0, "SCMP_CMP_EQ", value, 0),), YES) for value in range(10))
    code = build([(0, (False, alternatives))])
    assert len(code) // 8 < 20
    assert run_seccomp(code, 3, AUDIT, (9,)) == YES
    assert run_seccomp(code, 3, AUDIT, (10,)) == DEFAULT


def test_a_program_longer_than_the_kernel_takes_is_refused() -> None:
    alternatives = tuple((((0, "SCMP_CMP_GT", value, 0),), YES + value) for value in range(1000))
    with pytest.raises(Fault, match="seccomp filter is too long"):
        build([(0, (False, alternatives))])
