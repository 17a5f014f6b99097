"""The straight way in the parent's own memory (`row`): a thread waits for the process, the parent goes on.

parent            thread                          process
  | do ─────────▶ | clone3, as vfork ───────────▶ | its table
  |               ⋮ waits                         |
  |◀── end of the pipe, or "no" ──────────────────| execve, or exit
"""

import _thread
import os

from lowrt.init import row, straight
from lowrt.init.intermediate import fork_directly
from lowrt.linux import constants as c
from lowrt.linux import prctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lowrt.cgroup.driver import CgroupDriver


class Coming:
    """The process of a `Shared`: none until it has its program."""

    __slots__ = ("pid", "pidfd")

    def __init__(self) -> None:
        self.pid, self.pidfd = 0, -1

    def close(self) -> None:
        if self.pidfd >= 0:
            os.close(self.pidfd)


class Waiting:
    """The thread that waits for processes which begin in our memory, one at a time; it never ends.

    A thread that begins or ends may hold a lock of the C library's, and a child forked in that moment would have it
    held for ever. This one has begun when it is made; from then on it holds none when it has let go of the interpreter.
    """

    def __init__(self) -> None:
        self.idle = True
        self._work: Callable[[], None] | None = None
        self._wanted, ready = _thread.allocate_lock(), _thread.allocate_lock()
        self._wanted.acquire()
        ready.acquire()
        _thread.start_new_thread(self._run, (ready,))
        ready.acquire()

    def do(self, work: "Callable[[], None]") -> None:
        """Have something done that raises nothing; only when it is idle."""
        self.idle, self._work = False, work
        self._wanted.release()

    def _run(self, ready: "_thread.LockType") -> None:
        ready.release()
        while True:
            self._wanted.acquire()
            assert self._work is not None
            self._work()
            self._work, self.idle = None, True


class Shared(straight.Straight):
    """A process that begins in our memory: a thread waits until it has its program, as the kernel has it after vfork.

    For so long running out of memory kills nobody for it, and `oom_score_adj` is not that of all who share the memory.
    """

    def __init__(
        self, plan_: straight.Plan, reading: int, fds: "Sequence[int]", enter: "Callable[[], tuple[int, int]]"
    ) -> None:
        super().__init__(reading)
        self.coming = Coming()
        self._plan = plan_
        self._fds = fds
        self._ended = _thread.allocate_lock()
        self._ended.acquire()
        self._enter = enter

    def run(self) -> None:
        """In the thread."""
        try:
            self.coming.pid, self.coming.pidfd = self._enter()
        except OSError:  # there is no process; a filter around us that knows no clone3, say
            pass
        finally:
            for fd in self._fds:
                os.close(fd)
            self._ended.release()

    def advance(self, _forked: object) -> bool:
        """Hear it: nothing is said where it went well, execve closes the pipe."""
        said = os.read(self._reading, 1)
        with self._ended:
            pid = self.coming.pid
        if not pid:
            self._plan.table = None
        elif said:
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:  # whoever reaps was faster
                pass
        if said or not pid:
            raise straight.Astray
        return True


def share(
    plan_: straight.Plan,
    cgroup: "CgroupDriver",
    target: tuple[int, int],
    proc_fd: int,
    streams: "Sequence[int]",
    thread: Waiting,
) -> tuple[Shared, Coming]:
    """Begin it in our memory, the idle thread waiting; the other arguments are those of `fork`."""
    assert plan_.table is not None
    reading, writing = os.pipe2(os.O_CLOEXEC)
    ours = [writing]  # until the thread has ended: the caller closes its own
    try:
        for fd in (target[0], proc_fd, *streams):
            ours.append(os.dup(fd))
        target_fd, proc_fd, *streams = ours[1:]
        for path in plan_.cgroups:
            ours.append(os.open(path, straight.WRITING))
        cgroups = ours[3 + len(streams) :]
        cgroup_fd = cgroup.clone_fd()
        if cgroup_fd >= 0:
            ours.append(cgroup_fd)
        laid = plan_.table.laid(
            [*straight.becoming(streams), *straight.closing((writing, target_fd, proc_fd))],
            [straight.joining_of(target_fd, target[1])],
            straight.owners_of(plan_, streams),
            row.Fds(cgroups, target_fd, proc_fd, writing),
        )
        prctl.set_dumpable(False)  # as in Dance.fork
        joins = [target_fd] if target[1] & c.CLONE_NEWPID else []
        shared = Shared(plan_, reading, ours, lambda: fork_directly(0, joins, cgroup_fd, laid.enter))
    except BaseException:
        for fd in (reading, *ours):
            os.close(fd)
        raise
    thread.do(shared.run)
    return shared, shared.coming
