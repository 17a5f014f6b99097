"""bpf(2), as much of it as device cgroups need: load a program, attach it, find and detach those attached."""

import errno
import os

from lowrt.linux import ffi as ctypes
from lowrt.linux.libc import check, libc

BPF_PROG_LOAD = 5
BPF_PROG_ATTACH = 8
BPF_PROG_DETACH = 9
BPF_PROG_GET_FD_BY_ID = 13
BPF_PROG_QUERY = 16
BPF_PROG_TYPE_CGROUP_DEVICE = 15
BPF_CGROUP_DEVICE = 6
BPF_F_ALLOW_MULTI = 2
BPF_F_REPLACE = 4

_NUMBERS = {"x86_64": 321, "i386": 357, "i686": 357, "s390x": 351, "ppc64le": 361, "armv7l": 386}
_SYS_BPF = _NUMBERS.get(os.uname().machine, 280)
_ATTACHED_AT_MOST = 64  # the kernel's BPF_CGROUP_MAX_PROGS

_u32, _u64 = ctypes.c_uint32, ctypes.c_uint64


class _Load(ctypes.Structure):
    _fields_ = (
        ("prog_type", _u32),
        ("insn_cnt", _u32),
        ("insns", _u64),
        ("license", _u64),
        ("log_level", _u32),
        ("log_size", _u32),
        ("log_buf", _u64),
    )


class _Attach(ctypes.Structure):
    _fields_ = (
        ("target_fd", _u32),
        ("attach_bpf_fd", _u32),
        ("attach_type", _u32),
        ("attach_flags", _u32),
        ("replace_bpf_fd", _u32),
    )


class _Query(ctypes.Structure):
    # The tail is unused, but Linux 6.17 to 7.1 write `revision` whatever size they are told.
    _fields_ = (
        ("target_fd", _u32),
        ("attach_type", _u32),
        ("query_flags", _u32),
        ("attach_flags", _u32),
        ("prog_ids", _u64),
        ("prog_cnt", _u32),
        ("padding", _u32),
        ("prog_attach_flags", _u64),
        ("link_ids", _u64),
        ("link_attach_flags", _u64),
        ("revision", _u64),
    )


_bpf_call = libc["syscall"]
_bpf_call.restype = ctypes.c_long
_bpf_call.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint)


def bpf(command: int, attributes: ctypes.Structure) -> int:
    """bpf(2)."""
    return check(_bpf_call(_SYS_BPF, command, ctypes.byref(attributes), ctypes.sizeof(attributes)), "bpf")


def load_device_program(instructions: bytes) -> int:
    """BPF_PROG_LOAD of a cgroup device filter; its fd."""
    code = ctypes.create_string_buffer(instructions, len(instructions))
    license_name = ctypes.create_string_buffer(b"Apache-2.0")
    attributes = _Load(
        prog_type=BPF_PROG_TYPE_CGROUP_DEVICE,
        insn_cnt=len(instructions) // 8,
        insns=ctypes.addressof(code),
        license=ctypes.addressof(license_name),
    )
    for _ in range(5):
        try:
            return bpf(BPF_PROG_LOAD, attributes)
        except BlockingIOError:
            continue  # a signal interrupted the verifier
    return bpf(BPF_PROG_LOAD, attributes)


def attached_device_programs(cgroup_fd: int) -> list[int]:
    """fds of the device filters on a cgroup; those that policy forbids us to open are left out, and in force."""
    ids = (_u32 * _ATTACHED_AT_MOST)()
    query = _Query(
        target_fd=cgroup_fd,
        attach_type=BPF_CGROUP_DEVICE,
        prog_ids=ctypes.addressof(ids),
        prog_cnt=_ATTACHED_AT_MOST,
    )
    bpf(BPF_PROG_QUERY, query)
    programs = []
    for position in range(query.prog_cnt):
        wanted = _Attach(target_fd=ids[position])
        try:
            programs.append(bpf(BPF_PROG_GET_FD_BY_ID, wanted))
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EACCES):
                raise
    return programs


def attach_device_program(cgroup_fd: int, program_fd: int, replaced_fd: int = -1) -> None:
    """BPF_PROG_ATTACH; with `replaced_fd` the old program goes as the new one comes, without a moment between."""
    flags = BPF_F_ALLOW_MULTI | (BPF_F_REPLACE if replaced_fd >= 0 else 0)
    bpf(BPF_PROG_ATTACH, _Attach(cgroup_fd, program_fd, BPF_CGROUP_DEVICE, flags, max(replaced_fd, 0)))


def detach_device_program(cgroup_fd: int, program_fd: int) -> None:
    """BPF_PROG_DETACH."""
    bpf(BPF_PROG_DETACH, _Attach(cgroup_fd, program_fd, BPF_CGROUP_DEVICE, 0, 0))
