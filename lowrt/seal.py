"""Make this program's own file impossible to overwrite from inside a container (CVE-2019-5736).

A container can have `/proc/self/exe` executed, and then holds an open file of whatever runtime executed it: here the
host's python3. So the interpreter is started once more, from a private read-only clone of its file. A warm parent that
did this once has all its children protected; they see it and do nothing.

This runs before most else is imported, and so speaks to the kernel through `_ctypes`: the whole package would cost two
milliseconds.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_EXE = "/proc/self/exe"
_NR_OPEN_TREE, _NR_MOUNT_SETATTR = 428, 442
_AT_FDCWD, _AT_EMPTY_PATH = -100, 0x1000
_OPEN_TREE_CLONE, _MOUNT_ATTR_RDONLY = 1, 1
_F_ADD_SEALS, _F_GET_SEALS = 1033, 1034
_EVERY_SEAL = 0x1 | 0x2 | 0x4 | 0x8  # SEAL, SHRINK, GROW, WRITE
_MARK = "_LOWRT_SEALED"


def is_sealed() -> bool:
    """Whether our file is on a read-only mount, or is a sealed copy in memory."""
    if os.statvfs(_EXE).f_flag & os.ST_RDONLY:
        return True
    import fcntl

    fd = os.open(_EXE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return fcntl.fcntl(fd, _F_GET_SEALS) & _EVERY_SEAL == _EVERY_SEAL
    except OSError:  # EINVAL: an ordinary file
        return False
    finally:
        os.close(fd)


def ensure_sealed(argv: "Sequence[str]") -> None:
    """Come back in a process whose file is protected, if need be a new one that runs the same command line."""
    if os.environ.pop(_MARK, "") or is_sealed():
        return
    fd = _read_only_clone()
    if fd < 0:
        fd = _copy_in_memory()
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
    words = [sys.executable or "python3", "-IS", program, *argv]
    # Should the new process not find itself sealed after all, the mark keeps it from trying for ever.
    os.execve(fd, words, {**os.environ, _MARK: "1"})  # noqa: S606


def _read_only_clone() -> int:
    """A detached mount of nothing but our file, read-only; -1 where the kernel (before 5.12) or our rights lack it."""
    from _ctypes import call_function, dlopen, dlsym

    syscall = dlsym(dlopen(None, 0), "syscall")  # type: ignore[arg-type]  # None is the program itself
    fd: int = call_function(syscall, (_NR_OPEN_TREE, _AT_FDCWD, _EXE.encode(), _OPEN_TREE_CLONE | os.O_CLOEXEC))
    if fd < 0:
        return -1
    attributes = b"".join(value.to_bytes(8, sys.byteorder) for value in (_MOUNT_ATTR_RDONLY, 0, 0, 0))
    if call_function(syscall, (_NR_MOUNT_SETATTR, fd, b"", _AT_EMPTY_PATH, attributes, len(attributes))) < 0:
        os.close(fd)
        return -1
    return fd


def _copy_in_memory() -> int:
    import fcntl

    source = os.open(_EXE, os.O_RDONLY | os.O_CLOEXEC)
    copy = os.memfd_create("lowrt", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    left = os.fstat(source).st_size
    while left > 0:
        left -= os.sendfile(copy, source, None, left)
    os.close(source)
    fcntl.fcntl(copy, _F_ADD_SEALS, _EVERY_SEAL)
    return copy
