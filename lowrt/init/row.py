"""The straight way without a copy of the parent: its calls lie in a table, made by a child that shares our memory.

A fork of an interpreter costs what it copies: page tables, and every page that either side writes to until the child
has a program of its own. vfork(2) copies nothing, but what runs in such a child must not change what it shares, which
no interpreter can promise. So this child runs neither Python nor C: twenty-two instructions walk along the table.

    enter:  clone3(rdi, rsi)           walk:  rax, rdi, rsi, rdx, r10, r8, r9 = a row's first seven words; syscall
            child: rbx = rdx; walk            it failed, and the eighth is a row's address: go on there
            parent: return                    else: go on with the next row

A table ends in execve(2), or in a "no" on the pipe and an exit. The child has no stack, no handlers, and writes to no
memory. Whoever may trace it sees its parent's memory: so this is for a parent that does nothing else than this (the one
that runs a container's health checks), and not for containers whose processes may trace.

Only on machines whose instructions are known, and only for what is most common (`table` gives None): the rest goes the
straight way, and so does what meets an error.
"""

import os
import struct
from collections import deque

from lowrt.linux import caps, keyring
from lowrt.linux import constants as c
from lowrt.linux import ffi as ctypes
from lowrt.linux.libc import libc, libc_locked
from lowrt.linux.namespaces import CloneArguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from lowrt.init.straight import Call, Plan

    Row = tuple[tuple[int, ...], int]  # the call's number and arguments; where to go on when it fails

# fmt: off
_CODE = {
    "x86_64": bytes.fromhex(
        "b8b3010000 0f05 85c0 7537 4889d3"  # mov eax, clone3; syscall; test eax; jnz done; mov rbx, rdx
        "488b03 488b7b08 488b7310 488b5318"  # walk: mov rax, [rbx]; rdi, [+8]; rsi, [+16]; rdx, [+24]
        "4c8b5320 4c8b4328 4c8b4b30 0f05"  # mov r10, [+32]; r8, [+40]; r9, [+48]; syscall
        "488b4b38 4883c340 4885c0 79d6"  # mov rcx, [+56]; add rbx, 64; test rax; jns walk
        "4885c9 74d1 4889cb ebcc c3"  # test rcx; jz walk; mov rbx, rcx; jmp walk; done: ret
    )
}
# x86-64's numbers
_WRITE, _CLOSE, _RT_SIGACTION, _RT_SIGPROCMASK, _DUP2, _EXECVE, _CHDIR, _FCHOWN = 1, 3, 13, 14, 33, 59, 80, 93
_UMASK, _SETUID, _SETGID, _SETSID, _SETGROUPS, _PRCTL, _SCHED_SETAFFINITY = 95, 105, 106, 112, 116, 157, 203
_EXIT_GROUP, _OPENAT, _FACCESSAT, _PRLIMIT64, _SETNS = 231, 257, 269, 302, 308
# fmt: on
_NUMBERS = {
    id(libc_locked.prctl): _PRCTL,
    id(libc_locked.umask): _UMASK,
    id(libc_locked.dup2): _DUP2,
    id(libc_locked.chdir): _CHDIR,
    id(libc_locked.setgroups): _SETGROUPS,
    id(libc_locked.setgid): _SETGID,
    id(libc_locked.setuid): _SETUID,
    id(libc_locked.setns): _SETNS,
    id(libc_locked.fchown): _FCHOWN,
    id(libc_locked.sched_setaffinity): _SCHED_SETAFFINITY,
}
_ON, _NO = 0, -1  # where to go on after a failure: with the next row, or with the "no"; else a row's place
_ROW = 64
_X_OK, _AT_FDCWD = 1, -100
_SIGNAL_SET = 8  # bytes, to the kernel
_CLONE_VM, _CLONE_CLEAR_SIGHAND = 0x100, 0x100000000
_READ_EXECUTE, _PRIVATE = 5, 2
_CAN_TRACE = 1 << caps.NUMBERS["CAP_SYS_PTRACE"]
# What the kernel makes a session's keyring with (KEY_POS_ALL; VIEW, READ and LINK of its user), and its user's SEARCH.
_KEYRING_RIGHTS, _SESSION_KEYRING = 0x3F130000 | keyring.KEY_USR_SEARCH, -3
_KEPT = 16

_recent: "deque[object]" = deque(maxlen=_KEPT)  # tables on which a child may still be, also one that was given up


def known() -> bool:
    """Whether this machine's instructions are."""
    return os.uname().machine in _CODE


def table(plan: "Plan") -> "Table | None":
    """None where the machine, or the process, is not a common one."""
    job = plan.job
    of_container = caps.mask((job.spec.process.get("capabilities") or {}).get("bounding") or ())[0]
    folders = job.program.path.split(b":")
    uncommon = (
        not known()
        or job.preserved
        or (job.identity.capabilities["bounding"] | of_container) & _CAN_TRACE
        or not job.program.environment.get(b"HOME")
        or (b"/" not in job.program.arguments[0] and not all(folder.startswith(b"/") for folder in folders))
    )
    return None if uncommon else Table(plan)


class Table:
    """The rows that are the same each time, in the order of `straight._go`."""

    def __init__(self, plan: "Plan") -> None:
        self._memory: list[object] = []  # what rows point to
        nothing = ctypes.create_string_buffer(32)  # struct sigaction's SIG_DFL, and the empty set of signals
        self._oom_score = self._address(plan.oom_score) if plan.oom_score is not None else 0
        self._oom_score_size = len(plan.oom_score or b"")
        self._oom_path, self._zero, self._no = map(self._address, (b"self/oom_score_adj", b"0", b"n"))
        self.outside = self._rows(plan.outside)
        for call in plan.freely:
            self.outside.append((self._call(call, self._address(nothing)), _ON))
        self.within: list[Row] = [((_SETSID,), _NO)]
        if plan.keyring:
            self.within.append((self._call(plan.keyring), _NO))
            rights = (c.NR_KEYCTL, keyring.KEYCTL_SETPERM, _SESSION_KEYRING, _KEYRING_RIGHTS)
            self.within.append((rights, _NO))
        for kind, soft, hard in plan.job.identity.rlimits:
            limits = struct.pack("2Q", soft & _LARGEST, hard & _LARGEST)
            self.within.append(((_PRLIMIT64, 0, kind, self._address(limits), 0), _NO))
        self.within += self._rows(plan.within)
        self.user = self._rows(plan.user)
        self.last = self._rows(plan.bounded)
        program = plan.job.program
        self._arguments = self._pointers(program.arguments)
        self._environment = self._pointers(b"%b=%b" % pair for pair in program.environment.items())
        name = program.arguments[0]
        self._looked_for = b"/" not in name
        folders = program.path.split(b":") if self._looked_for else ()
        self._files = [self._address(os.path.join(folder, name)) for folder in folders] or [self._address(name)]

    def laid(self, opening: "Sequence[Call]", within: "Sequence[Call]", owners: "Sequence[Call]", fds: "Fds") -> "Laid":
        """With what differs from time to time."""
        rows: list[Row] = [((_WRITE, fd, self._zero, 1), _NO) for fd in fds.cgroups]
        rows += self._rows(opening)
        rows += self.outside
        if self._oom_score:
            free = next(fd for fd in range(3, 7) if fd not in (fds.writing, fds.target, fds.proc))
            rows.append(((_OPENAT, fds.proc, self._oom_path, os.O_WRONLY | os.O_CLOEXEC), _NO))
            rows += [((_WRITE, free, self._oom_score, self._oom_score_size), _NO), ((_CLOSE, free), _NO)]
        rows += self._rows(within)
        # A path such as /proc/self/fd/7/… must find nothing any more (CVE-2024-21626).
        rows += [((_CLOSE, fds.target), _NO), ((_CLOSE, fds.proc), _NO)]
        rows += self.within
        rows += [(self._call(call), _ON) for call in owners]
        rows += self.user
        for file in self._files:
            if self._looked_for:
                following = len(rows) + 2 + len(self.last)
                rows.append(((_FACCESSAT, _AT_FDCWD, file, _X_OK), following))
            rows += [*self.last, ((_EXECVE, file, self._arguments, self._environment), _NO)]
        return Laid(rows, [((_WRITE, fds.writing, self._no, 1), _ON), ((_EXIT_GROUP, 1), _ON)], self)

    def _rows(self, calls: "Iterable[Call]") -> "list[Row]":
        return [(self._call(call), _NO) for call in calls]

    def _call(self, call: "Call", nothing: int = 0) -> "tuple[int, ...]":
        function, *arguments = call
        if function is libc_locked.signal:
            return (_RT_SIGACTION, arguments[0].value, nothing, 0, _SIGNAL_SET)
        if function is libc_locked.sigprocmask:
            return (_RT_SIGPROCMASK, arguments[0].value, nothing, 0, _SIGNAL_SET)
        words = tuple(map(self._word, arguments))
        return (
            (_NUMBERS[id(function)], *words) if id(function) in _NUMBERS else words
        )  # syscall(2) begins with the number

    def _word(self, argument: "Any") -> int:
        value = getattr(argument, "value", argument)
        if value is None or isinstance(value, int):
            return value or 0
        return self._address(value if isinstance(value, bytes) else getattr(argument, "_obj", argument))

    def _address(self, thing: "Any") -> int:
        held = ctypes.create_string_buffer(thing, len(thing) + 1) if isinstance(thing, bytes) else thing
        self._memory.append(held)
        return ctypes.addressof(held)

    def _pointers(self, words: "Iterable[bytes]") -> int:
        addresses = [*map(self._address, words), 0]
        return self._address((ctypes.c_uint64 * len(addresses))(*addresses))


class Fds:
    """What the child has of ours."""

    __slots__ = ("cgroups", "proc", "target", "writing")

    def __init__(self, cgroups: "Sequence[int]", target: int, proc: int, writing: int) -> None:
        self.cgroups = cgroups
        self.target = target
        self.proc = proc
        self.writing = writing


_LARGEST = (1 << 64) - 1


class Laid:
    """A table in memory."""

    def __init__(self, rows: "list[Row]", end: "list[Row]", table_: Table) -> None:
        self._table = table_
        self._words = (ctypes.c_uint64 * (8 * (len(rows) + len(end))))()
        self.address = ctypes.addressof(self._words)
        places: list[int] = []
        for words, failing in rows + end:
            target = len(rows) if failing == _NO else failing
            places += [*(word & _LARGEST for word in words), *(0,) * (7 - len(words))]
            places.append(self.address + target * _ROW if target else 0)
        self._words[:] = places  # type: ignore[assignment]  # a list of ints is what ctypes takes

    def enter(self, flags: int, cgroup_fd: int) -> tuple[int, int]:
        """As `namespaces.fork_into`, and only the parent comes back."""
        _recent.append(self)
        pidfd = ctypes.c_int(-1)
        flags |= c.CLONE_PIDFD | _CLONE_VM | _CLONE_CLEAR_SIGHAND | (c.CLONE_INTO_CGROUP if cgroup_fd >= 0 else 0)
        arguments = CloneArguments(flags, ctypes.addressof(pidfd))
        arguments.exit_signal, arguments.cgroup = c.SIGCHLD, max(cgroup_fd, 0)
        pid = _code()(ctypes.addressof(arguments), ctypes.sizeof(arguments), self.address)
        if pid < 0:
            raise OSError(-pid, f"clone: {os.strerror(-pid)}")
        return int(pid), pidfd.value


_loaded: "list[Any]" = []


def _code() -> "Any":
    """The instructions, as a function."""
    if not _loaded:
        code = _CODE[os.uname().machine]
        fd = os.memfd_create("lowrt-row", os.MFD_CLOEXEC)
        try:
            os.write(fd, code)
            place = libc["mmap"]
            place.restype = ctypes.c_long
            word = ctypes.c_long
            address = place(None, word(len(code)), word(_READ_EXECUTE), word(_PRIVATE), word(fd), word(0))
            if address == -1:
                raise OSError(ctypes.get_errno(), "mmap: " + os.strerror(ctypes.get_errno()))
        finally:
            os.close(fd)
        _loaded.append(ctypes.function_at(address))
    return _loaded[0]
