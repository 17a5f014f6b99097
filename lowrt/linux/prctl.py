"""prctl(2), one function per option that lowrt uses."""

from lowrt.linux import constants as c
from lowrt.linux import ffi as ctypes
from lowrt.linux.libc import check, libc


def prctl(option: int, argument: int = 0, argument3: int = 0) -> int:
    """prctl(2)."""
    unused = ctypes.c_ulong(0)
    third = ctypes.c_ulong(argument3)
    return check(libc.prctl(option, ctypes.c_ulong(argument), third, unused, unused), "prctl")


def set_parent_death_signal(signal: int) -> None:
    """Be sent `signal` when the thread that forked us ends; 0 takes it back."""
    prctl(c.PR_SET_PDEATHSIG, signal)


def set_dumpable(dumpable: bool) -> None:
    """Decide whether our /proc/<pid>/{exe,fd,mem} opens to processes with our uid."""
    prctl(c.PR_SET_DUMPABLE, int(dumpable))


def set_child_subreaper() -> None:
    """Adopt orphaned descendants."""
    prctl(c.PR_SET_CHILD_SUBREAPER, 1)


def set_no_new_privs() -> None:
    """Let no execve(2) raise privileges any more."""
    prctl(c.PR_SET_NO_NEW_PRIVS, 1)


def set_keep_caps(keep: bool) -> None:
    """Keep the permitted set while the uid changes."""
    prctl(c.PR_SET_KEEPCAPS, int(keep))


def set_name(name: str) -> None:
    """Set /proc/self/comm."""
    check(libc.prctl(c.PR_SET_NAME, ctypes.c_char_p(name.encode()[:15])), "prctl")
