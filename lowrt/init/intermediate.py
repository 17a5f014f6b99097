"""Forking init where one clone(2) is not enough, by way of a process that lives for a moment.

It joins what has to be joined first, in an order that rights allow, and forks init as its own sibling:

    parent ──fork──▶ intermediate: cgroup, setns …, unshare(time)
       ▲                  │ clone(CLONE_PARENT | new namespaces)
       └── init's pid ────┴──▶ init, the parent's child
"""

import os

from lowrt.errors import Fault, describe
from lowrt.linux import constants as c
from lowrt.linux.namespaces import FILES, FLAGS, fork_into, setns, unshare
from lowrt.paths import in_user_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Json = dict[str, Any]

# A namespace to join: its kind and an fd of it.
Join = tuple[str, int]


def fork_directly(
    new: int, pid_joins: list[int], cgroup_fd: int, fork: "Callable[[int, int], tuple[int, int]]" = fork_into
) -> tuple[int, int]:
    """Fork in one step: (pid, pidfd) here, (0, -1) in the child, which has yet to join what is not a pid namespace."""
    if not pid_joins:
        return fork(new, cgroup_fd)
    # setns(pid) moves our children, not ourselves; the hooks that we still have to run belong outside.
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(pid_joins[0], c.CLONE_NEWPID)
        try:
            pid, pidfd = fork(new, cgroup_fd)
        except OSError:
            setns(own, c.CLONE_NEWPID)
            raise
        if pid:
            setns(own, c.CLONE_NEWPID)
    finally:
        os.close(own)
    return pid, pidfd


def is_needed(new: int, joins: list[Join]) -> bool:
    """Whether something must come before the clone.

    In a new user namespace the rights to join others, and to enter a cgroup of the host's, are gone; those over an
    existing one come only from joining it; a time namespace takes hold of the next child. And who is root in a user
    namespace only may leave the host's pid namespace, but not come back.
    """
    kinds = [kind for kind, _ in joins]
    if "pid" in kinds and in_user_namespace():
        return True
    return bool(new & (c.CLONE_NEWUSER | c.CLONE_NEWTIME)) or "user" in kinds or "time" in kinds


def fork_by_intermediate(
    new: int, joins: list[Join], time_offsets: "Json | None", enter_cgroup: "Callable[[], None]"
) -> tuple[int, int]:
    """Fork init with all that it joins done: (pid, pidfd) here, (0, -1) in init."""
    reading, writing = os.pipe()
    helper = os.fork()
    if helper == 0:
        _intermediate(writing, new, joins, time_offsets, enter_cgroup)
        return 0, -1  # only init comes back from there
    os.close(writing)
    with open(reading, "rb") as report:
        text = report.read().decode()
    os.waitpid(helper, 0)
    if not text.isdigit():
        raise Fault(text or "the intermediate process died")
    return int(text), os.pidfd_open(int(text))


def _intermediate(
    report: int, new: int, joins: list[Join], time_offsets: "Json | None", enter_cgroup: "Callable[[], None]"
) -> None:
    try:
        enter_cgroup()
        join_all(joins)
        if new & c.CLONE_NEWTIME:
            unshare(c.CLONE_NEWTIME)  # clone(2) has no room for this flag; it takes hold of children only
            _write_time_offsets(time_offsets or {})
        pid, _ = fork_into((new & ~c.CLONE_NEWTIME) | c.CLONE_PARENT)
    except (OSError, Fault) as error:
        os.write(report, describe(error).encode())
        os._exit(1)
    if pid:
        os.write(report, str(pid).encode())
        os._exit(0)
    os.close(report)


def join_all(joins: list[Join], *, with_pid: bool = True) -> None:
    """Join them all: first with the rights we have, then, inside the user namespace, those that need its rights."""
    later, user = [], -1
    for kind, fd in joins:
        if kind == "user":
            user = fd
            continue
        if kind == "pid" and not with_pid:
            continue
        try:
            setns(fd, FLAGS[kind])
        except PermissionError:
            later.append((kind, fd))
    if user < 0 and later:
        _refuse(later[0][0])
    if user >= 0:
        setns(user, c.CLONE_NEWUSER)
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    for kind, fd in later:
        setns(fd, FLAGS[kind])


def _refuse(kind: str) -> None:
    raise Fault(f"failed to setns into {FILES[kind]} namespace: operation not permitted")


def _write_time_offsets(offsets: "Json") -> None:
    lines = [
        f"{clock} {offset.get('secs', 0)} {offset.get('nanosecs', 0)}\n" for clock, offset in sorted(offsets.items())
    ]
    with open("/proc/self/timens_offsets", "w") as file:
        file.write("".join(lines))
