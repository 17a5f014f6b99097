"""seccomp(2): put a compiled filter on this thread."""

import os

from lowrt.errors import Fault, reason_of
from lowrt.linux import ffi as ctypes
from lowrt.linux.libc import check, libc, libc_locked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.seccomp.compile import CompiledFilter

_SYS_SECCOMP = {"x86_64": 317, "i386": 354, "i686": 354, "armv7l": 383}.get(os.uname().machine, 277)
_SET_MODE_FILTER = 1


class _Program(ctypes.Structure):
    """struct sock_fprog of <linux/filter.h>."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


_seccomp = libc["syscall"]
_seccomp.restype = ctypes.c_long
_seccomp.argtypes = (ctypes.c_long, ctypes.c_uint, ctypes.c_uint, ctypes.POINTER(_Program))


def install(filter_: "CompiledFilter") -> int:
    """Needs no_new_privs or CAP_SYS_ADMIN; gives the listener's fd if the filter notifies, else -1."""
    program = _Program(len(filter_.bpf) // 8, filter_.bpf)
    try:
        result = check(_seccomp(_SYS_SECCOMP, _SET_MODE_FILTER, filter_.flags, program), "seccomp")
    except OSError as error:
        raise Fault(f"unable to init seccomp: error loading seccomp filter into kernel: {reason_of(error)}") from error
    return result if filter_.notifies else -1


def prepared(filter_: "CompiledFilter") -> "tuple[Any, ...]":
    """The same as a function and its arguments, for a filter that does not notify; -1 is a failure."""
    locked = libc_locked["syscall"]
    locked.restype = ctypes.c_long
    locked.argtypes = _seccomp.argtypes
    return (locked, _SYS_SECCOMP, _SET_MODE_FILTER, filter_.flags, _Program(len(filter_.bpf) // 8, filter_.bpf))
