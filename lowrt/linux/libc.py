"""The C library handle, errno turned into OSError, and the raw door for calls that libc does not wrap.

Wrappers elsewhere in this folder keep the kernel's name, take Python types, return the useful value and hold no policy.
"""

import os

from lowrt.linux import ffi as ctypes

libc = ctypes.CDLL(None, use_errno=True)

# The same functions called with the interpreter's lock held: a child of a raw clone must not find it released.
libc_locked = ctypes.PyDLL(None, use_errno=True)

libc.syscall.restype = ctypes.c_long
libc_locked.syscall.restype = ctypes.c_long

Argument = int | bytes | None | ctypes.Array[ctypes.c_char] | ctypes.Structure


def check(result: int, call: str, path: str | None = None) -> int:
    """Return `result`, or raise the OSError that errno names."""
    if result < 0:
        code = ctypes.get_errno()
        # Plain OSError: Python turns it into FileNotFoundError and friends by itself; a subclass would stay itself.
        raise OSError(code, f"{call}: {os.strerror(code)}", path)
    return result


def syscall(number: int, *arguments: Argument) -> int:
    """syscall(2): ints travel as long, bytes as a pointer to them, structures and arrays by reference; -1 on error."""
    return int(libc.syscall(ctypes.c_long(number), *map(_as_register, arguments)))


def _as_register(argument: Argument) -> object:
    if argument is None:
        return ctypes.c_void_p(None)
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    if isinstance(argument, ctypes.Structure):
        return ctypes.byref(argument)
    return argument
