"""From the profile to the program."""

import json
from pathlib import Path

import pytest

from lowrt.seccomp import profile as p
from lowrt.seccomp.assemble import assemble
from lowrt.seccomp.profile import Profile
from lowrt.seccomp.syscalls import numbers
from tests.fakes.lowrt_bpf import run_seccomp

X86_64, X86, AARCH64 = 0xC000003E, 0x40000003, 0xC00000B7
ENOSYS, EPERM = p.ERRNO | 38, p.ERRNO | 1
ALL_X86 = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
DOCKER = json.loads((Path(__file__).parents[3] / "golden" / "lowrt" / "seccomp_docker_amd64.json").read_text())


def filter_of(
    syscalls: list[dict[str, object]], default: str = "SCMP_ACT_ERRNO", archs: list[str] | None = None
) -> bytes:
    section = {"defaultAction": default, "architectures": ALL_X86 if archs is None else archs, "syscalls": syscalls}
    return assemble(Profile(section), "x86_64")


def rule(name: str, action: str = "SCMP_ACT_ALLOW", *arguments: tuple[int, str, int]) -> dict[str, object]:
    args = [{"index": index, "op": f"SCMP_CMP_{op}", "value": value} for index, op, value in arguments]
    return {"names": [name], "action": action, "args": args}


def test_dockers_profile_is_a_short_program_that_answers_as_it_should() -> None:
    code = assemble(Profile(DOCKER), "x86_64")
    assert len(code) // 8 < 400
    table = numbers("X86_64", "x86_64")
    assert run_seccomp(code, table["read"], X86_64) == p.ALLOW
    assert run_seccomp(code, table["mount"], X86_64) == EPERM
    assert run_seccomp(code, table["clone3"], X86_64) == ENOSYS
    assert run_seccomp(code, table["clone"], X86_64, (0x11,)) == p.ALLOW
    assert run_seccomp(code, table["clone"], X86_64, (0x10000000,)) == EPERM
    assert run_seccomp(code, table["personality"], X86_64, (0x20008,)) == p.ALLOW
    assert run_seccomp(code, table["personality"], X86_64, (0x40000,)) == EPERM
    assert run_seccomp(code, table["socket"], X86_64, (40,)) == EPERM
    assert run_seccomp(code, table["socket"], X86_64, (2,)) == p.ALLOW


def test_a_call_newer_than_the_profile_does_not_exist() -> None:
    code = filter_of([rule("read"), rule("futex_waitv")])
    last = numbers("X86_64", "x86_64")["futex_waitv"]
    assert run_seccomp(code, last, X86_64) == p.ALLOW
    assert run_seccomp(code, last - 1, X86_64) == EPERM
    assert run_seccomp(code, last + 1, X86_64) == ENOSYS
    assert run_seccomp(code, 0x3FFFFFFF, X86_64) == ENOSYS


@pytest.mark.parametrize("default", ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"])
def test_a_permissive_default_lets_new_calls_through(default: str) -> None:
    code = filter_of([rule("read", "SCMP_ACT_ERRNO")], default)
    assert run_seccomp(code, 100_000, X86_64) == Profile({"defaultAction": default}).default


def test_a_second_abi_counts_only_if_it_is_named() -> None:
    x32_read = 0x40000000
    code = filter_of([rule("read")])
    assert run_seccomp(code, 3, X86) == p.ALLOW
    assert run_seccomp(code, x32_read, X86_64) == p.ALLOW
    code = filter_of([rule("read")], archs=["SCMP_ARCH_X86_64"])
    assert run_seccomp(code, 3, X86) == p.KILL_THREAD
    assert run_seccomp(code, x32_read, X86_64) == p.KILL_THREAD
    assert run_seccomp(code, 0x80000001, X86_64) == ENOSYS
    assert run_seccomp(code, -1, X86_64) == EPERM
    assert run_seccomp(filter_of([rule("read")], archs=[]), 0, X86_64) == p.ALLOW


def test_x32_has_numbers_of_its_own() -> None:
    code = filter_of([rule("ioctl")])
    assert run_seccomp(code, 0x40000000 + 514, X86_64) == p.ALLOW
    assert run_seccomp(code, 0x40000000 + 16, X86_64) == EPERM


def test_on_32_bit_x86_sockets_are_also_reached_through_socketcall() -> None:
    code = filter_of([rule("socket"), rule("shmat")])
    table = numbers("X86", "x86_64")
    assert run_seccomp(code, table["socket"], X86) == p.ALLOW
    assert run_seccomp(code, table["socketcall"], X86, (1,)) == p.ALLOW
    assert run_seccomp(code, table["socketcall"], X86, (2,)) == EPERM
    assert run_seccomp(code, table["ipc"], X86, (21,)) == p.ALLOW
    assert run_seccomp(code, table["ipc"], X86, (22,)) == EPERM


def test_an_unconditional_rule_beats_conditional_ones_in_either_order() -> None:
    conditional, plain = rule("read", "SCMP_ACT_KILL", (0, "EQ", 7)), rule("read", "SCMP_ACT_ALLOW")
    for rules in ([conditional, plain], [plain, conditional]):
        assert run_seccomp(filter_of(rules), 0, X86_64, (7,)) == p.ALLOW


def test_of_two_unconditional_rules_the_first_counts() -> None:
    code = filter_of([rule("read", "SCMP_ACT_ALLOW"), rule("read", "SCMP_ACT_KILL")])
    assert run_seccomp(code, 0, X86_64) == p.ALLOW


def test_upper_halves_count_on_64_bits_only() -> None:
    code = filter_of([rule("read", "SCMP_ACT_ALLOW", (0, "EQ", 5))])
    high = (1 << 32) | 5
    assert run_seccomp(code, 0, X86_64, (5,)) == p.ALLOW
    assert run_seccomp(code, 0, X86_64, (high,)) == EPERM
    assert run_seccomp(code, 3, X86, (high,)) == p.ALLOW


def test_calls_nobody_knows_are_passed_over() -> None:
    code = filter_of([rule("read"), rule("teleport")])
    assert run_seccomp(code, 0, X86_64) == p.ALLOW


def test_another_machine_has_another_table() -> None:
    section = {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ALL_X86, "syscalls": [rule("read")]}
    code = assemble(Profile(section), "aarch64")
    assert run_seccomp(code, 63, AARCH64) == p.ALLOW
    assert run_seccomp(code, 0, X86_64) == p.KILL_THREAD
