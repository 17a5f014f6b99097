"""An exec'd process's straight way into a container: its system calls are prepared before the fork, and made in a row.

A fork of an interpreter pays for every page that it touches; the ordinary way (`setns_init`) touches four hundred. Here
the calls and their arguments lie side by side. What is not common (`plan` gives None) goes the ordinary way; so does
what meets an error, whatever it is: that way has the words for it, and until then nothing has been executed.

    parent                      process
      | fork ─────────────────▶ | streams, cgroup, namespaces, session, limits; home; user, capabilities, look-up
      |◀─────── "go" ────────── | execve
      |◀─────── "no" ────────── | a call failed: exit
"""

import os

from lowrt.init import child, execve, identity, row
from lowrt.init.freeze import freeze_imports
from lowrt.init.intermediate import fork_directly
from lowrt.init.parent import Forked
from lowrt.linux import caps, keyring, prctl
from lowrt.linux import constants as c
from lowrt.linux import ffi as ctypes
from lowrt.linux.libc import libc_locked as libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from lowrt.cgroup.driver import CgroupDriver
    from lowrt.init.job import Job

    Call = tuple[Any, ...]  # a function of libc's, and its arguments

_GO, _NO = b"g", b"n"
_EXECUTED = b""  # what a child that shares our memory says: execve closes the pipe
_NOT_COMMON = ("apparmorProfile", "selinuxLabel", "scheduler", "ioPriority", "execCPUAffinity", "consoleSize")
_SIG_SETMASK = 2
_LAST_FD = 0xFFFFFFFF
_WRITING = os.O_WRONLY | os.O_CLOEXEC


class Astray(Exception):
    """The straight way led nowhere; the ordinary one may, or knows why not."""


class Plan:
    """One process's calls, in rows that are made one after the other; good for any number of forks."""

    __slots__ = ("bounded", "cgroups", "freely", "job", "keyring", "oom_score", "outside", "table", "user", "within")

    def __init__(self, job: "Job", cgroup: "CgroupDriver") -> None:
        identity_ = job.identity
        self.job = job
        score = job.spec.process.get("oomScoreAdj")
        self.oom_score = None if score is None else str(score).encode()
        self.outside: list[Call] = [_prctl(c.PR_SET_NAME, b"lowrt:init"), _prctl(c.PR_SET_PDEATHSIG, c.SIGKILL)]
        # Of v1 each hierarchy, as CgroupV1.enter_self has it; a v2 one it is born into.
        folders = {folder for controller, folder in cgroup.paths().items() if controller}
        self.cgroups = [os.fsencode(f"{folder}/tasks") for folder in sorted(folders)]
        self.keyring: Call = ()
        if job.new_keyring:
            name = f"_ses.{job.container_id}".encode()
            self.keyring = (
                libc.syscall,
                ctypes.c_long(c.NR_KEYCTL),
                ctypes.c_long(keyring.KEYCTL_JOIN_SESSION_KEYRING),
                name,
            )
        self.freely = [*_default_signals(), _every_cpu()]  # whose results do not matter
        self.within: list[Call] = [_prctl(c.PR_SET_NO_NEW_PRIVS, 1)] if identity_.no_new_privileges else []
        if identity_.umask is not None:
            self.within.append((libc.umask, ctypes.c_uint(identity_.umask)))
        self.within.append(_prctl(c.PR_SET_PDEATHSIG, 0))
        self.bounded: list[Call] = []
        if job.filter is not None:
            from lowrt.seccomp.install import prepared

            # As in `child.finish`: without no_new_privs it is a privileged thing to load, with it, it comes last.
            (self.bounded if identity_.no_new_privileges else self.within).append(prepared(job.filter))
        self.user = _user_calls(job)
        self.table: row.Table | None = None  # for a child that shares the parent's memory


def plan(job: "Job", cgroup: "CgroupDriver") -> Plan | None:
    """None where the process, or its container, is not a common one."""
    linux = job.spec.linux
    uncommon = (
        job.terminal
        or any(job.process.get(key) for key in _NOT_COMMON)
        or linux.get("personality")
        or linux.get("memoryPolicy")
        or job.spec.has_namespace("user")
        or (job.filter is not None and job.filter.notifies)
        or cgroup.to_state()["driver"] not in ("v1", "v2")
    )
    return None if uncommon else Plan(job, cgroup)


def _prctl(option: int, argument: int | bytes) -> "Call":
    value = ctypes.c_char_p(argument) if isinstance(argument, bytes) else ctypes.c_ulong(argument)
    unused = ctypes.c_ulong(0)
    return (libc.prctl, ctypes.c_int(option), value, unused, unused, unused)


def _ambient(what: int, number: int = 0) -> "Call":
    unused = ctypes.c_ulong(0)
    option = ctypes.c_int(c.PR_CAP_AMBIENT)
    return (libc.prctl, option, ctypes.c_ulong(what), ctypes.c_ulong(number), unused, unused)


def _default_signals() -> "list[Call]":
    """As `process.reset_signals`."""
    blocked = ctypes.create_string_buffer(128)
    calls: list[Call] = [(libc.sigprocmask, ctypes.c_int(_SIG_SETMASK), blocked, None)]
    catchable = (number for number in range(1, 32) if number not in (c.SIGKILL, c.SIGSTOP))
    return calls + [(libc.signal, ctypes.c_int(number), None) for number in catchable]


def _every_cpu() -> "Call":
    """As `scheduling.reset_affinity`."""
    mask = (1 << (os.cpu_count() or 1)) - 1
    size = (mask.bit_length() + 63) // 64 * 8
    return (libc.sched_setaffinity, ctypes.c_int(0), ctypes.c_size_t(size), mask.to_bytes(size, "little"))


def _user_calls(job: "Job") -> "list[Call]":
    """As `identity.become`, but for the streams' owner, which is the parent's to know, and the check of the cwd."""
    identity_ = job.identity
    effective, permitted, inheritable, bounding, ambient = identity.affordable(identity_, _unheard)
    calls: list[Call] = [(libc.chdir, os.fsencode(identity_.cwd))]
    dropped = (number for number in caps.held_bounding_set() if not bounding >> number & 1)
    calls += [_prctl(c.PR_CAPBSET_DROP, number) for number in dropped]
    calls.append(_prctl(c.PR_SET_KEEPCAPS, 1))
    if job.groups_allowed:
        groups = (ctypes.c_uint * len(identity_.groups))(*identity_.groups)
        calls.append((libc.setgroups, ctypes.c_size_t(len(identity_.groups)), groups))
    calls.append((libc.setgid, ctypes.c_uint(identity_.gid)))
    calls.append((libc.setuid, ctypes.c_uint(identity_.uid)))
    calls.append(_prctl(c.PR_SET_KEEPCAPS, 0))
    sets = map(ctypes.byref, caps.arguments(effective, permitted, inheritable))
    calls.append((libc.syscall, ctypes.c_long(c.NR_CAPSET), *sets))
    calls.append(_ambient(c.PR_CAP_AMBIENT_CLEAR_ALL))
    calls += [_ambient(c.PR_CAP_AMBIENT_RAISE, number) for number in range(64) if ambient >> number & 1]
    return calls


def _unheard(_warning: str) -> None:
    """The caller has no log."""


class Straight:
    """One process on the straight way; to be led as a `parent.Dance` is."""

    def __init__(self, reading: int, good: bytes = _GO) -> None:
        self._reading = reading
        self._good = good

    def release(self) -> None:
        """It waits for nothing."""

    def fileno(self) -> int:
        """Readable when it has said where the way led."""
        return self._reading

    def advance(self, _forked: Forked) -> bool:
        """Hear it."""
        if os.read(self._reading, 1) != self._good:  # it failed, or died, or its filter forbids it to write
            raise Astray
        return True

    def close(self) -> None:
        """Hang up."""
        os.close(self._reading)


def fork(
    plan_: Plan, cgroup: "CgroupDriver", target: tuple[int, int], proc_fd: int, streams: "Sequence[int]"
) -> tuple[Straight, Forked]:
    """Fork the process; `target` is a pidfd of the container's init, and what of it to join."""
    target_fd, flags = target
    reading, writing = os.pipe2(os.O_CLOEXEC)
    cgroup_fd = -1
    cgroups: list[int] = []
    try:
        cgroup_fd = cgroup.clone_fd()
        opening = [(libc.dup2, ctypes.c_int(fd), ctypes.c_int(number)) for number, fd in enumerate(streams)]
        opening += _closing((writing, target_fd, proc_fd))
        joining = (libc.setns, ctypes.c_int(target_fd), ctypes.c_int(flags & ~c.CLONE_NEWPID))
        owners = _owners(plan_, streams)
        prctl.set_dumpable(False)  # as in Dance.fork
        pid_joins = [target_fd] if flags & c.CLONE_NEWPID else []
        if plan_.table is not None:
            cgroups += [os.open(path, _WRITING) for path in plan_.cgroups]
            laid = plan_.table.laid(opening, [joining], owners, row.Fds(cgroups, target_fd, proc_fd, writing))
            try:
                return Straight(reading, _EXECUTED), Forked(*fork_directly(0, pid_joins, cgroup_fd, laid.enter))
            except OSError:  # a filter around us that knows no clone3, say
                plan_.table = None
        pid, pidfd = fork_directly(0, pid_joins, cgroup_fd)
        if pid == 0:
            _go(plan_, opening, joining, owners, writing, proc_fd)
    except BaseException:
        os.close(reading)
        raise
    finally:
        for fd in (writing, *cgroups):
            os.close(fd)
        if cgroup_fd >= 0:
            os.close(cgroup_fd)
    return Straight(reading), Forked(pid, pidfd)


def _closing(kept: "Sequence[int]") -> "list[Call]":
    """Everything from 3 on but those."""
    calls: list[Call] = []
    first = 3
    for fd in (*sorted(kept), _LAST_FD + 1):
        if fd > first:
            head = (libc.syscall, ctypes.c_long(c.NR_CLOSE_RANGE))
            calls.append((*head, ctypes.c_uint(first), ctypes.c_uint(fd - 1), ctypes.c_uint(0)))
        first = fd + 1
    return calls


def _owners(plan_: Plan, streams: "Sequence[int]") -> "list[Call]":
    """As `identity.fix_stdio_owner`."""
    uid = plan_.job.identity.uid
    changed = [number for number, fd in enumerate(streams) if identity.is_not_owned(os.fstat(fd), uid)]
    return [(libc.fchown, ctypes.c_int(number), ctypes.c_uint(uid), ctypes.c_uint(0xFFFFFFFF)) for number in changed]


def _go(
    plan_: Plan,
    opening: "list[Call]",
    joining: "Call",
    owners: "list[Call]",
    writing: int,
    proc_fd: int,
) -> "NoReturn":
    """The process: everything; ends in execve, or says no."""
    try:
        freeze_imports()
        job = plan_.job
        _make(opening)
        _make(plan_.outside)
        for path in plan_.cgroups:
            _write(os.open(path, _WRITING), b"0")
        for call in plan_.freely:
            call[0](*call[1:])
        if plan_.oom_score is not None:
            _write(os.open("self/oom_score_adj", _WRITING, dir_fd=proc_fd), plan_.oom_score)
        _make([joining])
        os.setsid()
        if plan_.keyring:
            _join_keyring(plan_.keyring)
        if job.identity.rlimits:
            identity.set_rlimits(0, job.identity.rlimits)
        _make(plan_.within)
        if not job.program.environment.get(b"HOME"):
            job.program.set_default_home(child.home_of(job.identity.uid))
        for call in owners:
            call[0](*call[1:])
        _make(plan_.user)
        identity.verify_cwd()
        file = execve.look_up(job.program)
        _make(plan_.bounded)
        os.write(writing, _GO)
        child.hand_over(file, job)
    except BaseException:
        os.write(writing, _NO)  # nobody hears it any more after "go"
    finally:
        os._exit(1)  # whatever happens, it never returns into the parent's code


def _join_keyring(join: "Call") -> None:
    """As `child.become_session_leader`."""
    ring = join[0](*join[1:])
    text = ctypes.create_string_buffer(256)
    length = libc.syscall(join[1], keyring.KEYCTL_DESCRIBE, ring, text, 256)
    if ring < 0 or length < 0:
        raise Astray
    rights = int(text.raw[:length].split(b";")[3], 16) | keyring.KEY_USR_SEARCH
    _make([(libc.syscall, join[1], keyring.KEYCTL_SETPERM, ring, rights)])


def _write(fd: int, text: bytes) -> None:
    os.write(fd, text)
    os.close(fd)


def _make(calls: "list[Call]") -> None:
    for call in calls:
        if call[0](*call[1:]) < 0:
            raise Astray
