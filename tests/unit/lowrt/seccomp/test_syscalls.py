"""Names and numbers of system calls."""

import ctypes.util
import os

import pytest

from lowrt.errors import Fault
from lowrt.seccomp.syscalls import X32_BIT, multiplexed, native_architectures, numbers


@pytest.mark.parametrize(
    ("architecture", "machine", "name", "number"),
    [
        ("X86_64", "x86_64", "read", 0),
        ("X86_64", "x86_64", "openat2", 437),
        ("X86", "x86_64", "read", 3),
        ("X86", "i686", "socketcall", 102),
        ("X32", "x86_64", "read", X32_BIT),
        ("X32", "x86_64", "execve", X32_BIT + 520),
        ("AARCH64", "aarch64", "read", 63),
        ("ARM", "aarch64", "read", 3),
        ("RISCV64", "riscv64", "openat", 56),
        ("LOONGARCH64", "loongarch64", "openat", 56),
    ],
)
def test_numbers(architecture: str, machine: str, name: str, number: int) -> None:
    assert numbers(architecture, machine)[name] == number


def test_a_machines_own_architecture_comes_first() -> None:
    assert native_architectures("x86_64") == ("X86_64", "X86", "X32")
    assert native_architectures("aarch64")[0] == "AARCH64"


def test_a_machine_without_a_table_is_told_so() -> None:
    with pytest.raises(Fault, match="seccomp is not supported on vax"):
        native_architectures("vax")


def test_only_32_bit_x86_multiplexes() -> None:
    assert multiplexed("X86")["accept4"] == ("socketcall", 18)
    assert multiplexed("X86")["shmctl"] == ("ipc", 24)
    assert multiplexed("X86_64") == {}


def test_libseccomp_agrees_where_it_is_installed() -> None:
    """Its older versions know fewer names, never other numbers."""
    library = ctypes.util.find_library("seccomp")
    if library is None or os.uname().machine != "x86_64":
        pytest.skip("needs libseccomp on x86_64")
    resolve = ctypes.CDLL(library).seccomp_syscall_resolve_name
    known = {name: resolve(name.encode()) for name in numbers("X86_64", "x86_64")}
    ours = numbers("X86_64", "x86_64")
    # Negative numbers stand for names that libseccomp treats specially on some architecture.
    assert {name: ours[name] for name, number in known.items() if number >= 0} == {
        name: number for name, number in known.items() if number >= 0
    }
