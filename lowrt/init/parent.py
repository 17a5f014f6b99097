"""The parent's side of both dances in `sync`: fork, cgroup, id maps, hooks, limits, and whose fault it was.

Whatever fails here kills the child: nothing may run that nobody knows of.
"""

import os

from lowrt.errors import Fault, describe, reason_of
from lowrt.init import child, identity, intermediate, scheduling, sync, userns
from lowrt.init.sync import Channel, InitError, Message, Order
from lowrt.linux import constants as c
from lowrt.linux import prctl, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lowrt.cgroup.driver import CgroupDriver
    from lowrt.init.job import Job
    from lowrt.log import Log

    Step = Callable[[], None]


class Forked:
    """The process made: its pid, and a pidfd that its owner closes."""

    __slots__ = ("pid", "pidfd", "start_time")

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self.start_time = process.stat(pid)[1]

    def kill(self) -> None:
        """SIGKILL and reap: it is our child."""
        try:
            process.pidfd_send_signal(self.pidfd, c.SIGKILL)
        except ProcessLookupError:
            pass
        os.waitpid(self.pid, 0)

    def close(self) -> None:
        os.close(self.pidfd)


class Dance:
    """One process being made; `steps` are what the parent does when the child says the word."""

    def __init__(
        self,
        job: "Job",
        log: "Log",
        order: dict[str, tuple[str, ...]],
        steps: "dict[str, Step]",
        meanwhile: "Step | None" = None,
    ) -> None:
        self._job = job
        self._log = log
        self._order = Order(order)
        # As runc words it; until 1.2 it told without preface of what comes after `ready`.
        self._prefix = "error during container init: " if order is sync.CREATE_ORDER else ""
        self._steps = steps
        self._meanwhile = meanwhile  # what may be done while the child goes on after its first word
        self._channel, self._childs_end = Channel.pair()

    def fork(self, new: int, sequence: "Callable[[Job, Channel], None]", cgroup: "CgroupDriver") -> Forked:
        """Fork the child, which enters the cgroup by itself and waits for the first `proceed`."""
        job = self._job
        if os.geteuid() == 0:
            # Processes of the container must not read the child's memory, nor reach its files through /proc/<pid>, from
            # the moment it is among them (CVE-2016-9962). An ordinary user's child must be left open to its id maps.
            prctl.set_dumpable(False)
        if intermediate.is_needed(new, job.joins):
            offsets = job.spec.linux.get("timeOffsets")
            pid, pidfd = intermediate.fork_by_intermediate(
                new, job.joins, offsets, lambda: cgroup.enter_self(cloned=False)
            )
            job.joins, job.enter_cgroup = [], None
        else:
            pid, pidfd = self._fork_into_cgroup(new, cgroup)
        if pid == 0:
            self._channel.close()
            child.run(job, self._childs_end, sequence)
        self._childs_end.close()
        return Forked(pid, pidfd)

    def _fork_into_cgroup(self, new: int, cgroup: "CgroupDriver") -> tuple[int, int]:
        """Where there is a v2 hierarchy, the child is born inside; the v1 ones it enters itself."""
        job = self._job
        cgroup_fd = cgroup.clone_fd()
        try:
            job.enter_cgroup = lambda: cgroup.enter_self(cloned=cgroup_fd >= 0)
            pid_joins = [fd for kind, fd in job.joins if kind == "pid"]
            if job.target_flags & c.CLONE_NEWPID:
                pid_joins.append(job.target_fd)
            return intermediate.fork_directly(new, pid_joins, cgroup_fd)
        finally:
            if cgroup_fd >= 0:
                os.close(cgroup_fd)

    def lead(self, forked: Forked) -> None:
        """Follow the child's messages until it is on its own; raises what it, or a step, says went wrong."""
        try:
            self.release()
            while not self.advance(forked):
                continue
        finally:
            self.close()

    def release(self) -> None:
        """Say the first word."""
        self._say_proceed()

    def fileno(self) -> int:
        """Readable when the child has said something."""
        return self._channel.fileno()

    def advance(self, forked: Forked) -> bool:
        """Take one message, waiting for it if need be; whether it was the last."""
        self._take(self._channel.receive(), forked)
        return self._order.finished

    def close(self) -> None:
        """Hang up."""
        self._channel.close()

    def _say_proceed(self) -> None:
        try:
            self._channel.send(Message(sync.PROCEED))
        except BrokenPipeError:  # it died before it read our answer, perhaps with a last word
            self._drain()
            raise Fault("container init died unexpectedly") from None

    def _take(self, message: Message | None, forked: Forked) -> None:
        kind = "eof" if message is None else message.kind
        if message is not None and kind == sync.ERROR:
            fault = InitError(self._prefix + message.text)
            fault.code = message.code
            raise fault
        if message is not None and kind == sync.WARNING:
            self._log.warning(message.text)
            return
        self._order.accept(kind)
        if message is None:
            return
        if kind == sync.SECCOMP:
            self._send_listener(forked, message.number)
        else:
            self._steps[kind]()
        self._say_proceed()
        if self._meanwhile is not None:
            step, self._meanwhile = self._meanwhile, None
            step()

    def _drain(self) -> None:
        """Raise the error that the child managed to send."""
        while (message := self._channel.receive()) is not None:
            if message.kind == sync.ERROR:
                raise InitError(self._prefix + message.text)

    def _send_listener(self, forked: Forked, number: int) -> None:
        from lowrt.seccomp.notify import send_listener

        fd = process.pidfd_getfd(forked.pidfd, number)
        try:
            send_listener(self._job.spec.seccomp or {}, fd, forked.pid, self._job.state)
        finally:
            os.close(fd)


def settle(job: "Job", pid: int) -> None:
    """What the child gets from outside before it may move: id maps, its OOM score, its CPUs."""
    set_oom_score(pid, job.process.get("oomScoreAdj"))
    scheduling.reset_affinity(pid)  # execCPUAffinity is for those that come later
    if job.spec.has_new_namespace("user"):
        linux = job.spec.linux
        userns.write_maps(pid, linux.get("uidMappings") or [], linux.get("gidMappings") or [])


def send_pidfd(socket_path: str, forked: Forked, kind: str) -> None:
    """What `--pidfd-socket` asks for."""
    connection = sync.connect(socket_path)
    try:
        sync.send_fd(connection, forked.pidfd, kind)
    finally:
        os.close(connection)


def set_oom_score(pid: int, score: int | None) -> None:
    """Write oom_score_adj, unless that is what it is."""
    if score is None:
        return
    path = f"/proc/{pid}/oom_score_adj"
    try:
        with open(path, "r+") as file:
            if int(file.read()) == score:
                return
            file.seek(0)
            file.write(str(score))
    except OSError as error:
        raise Fault(f"failed to update {path}: {reason_of(error)}") from error


def limit(job: "Job", pid: int) -> None:
    """Set the limits while the process still has the user that we are."""
    identity.set_rlimits(pid, job.identity.rlimits)


def settle_affinity(job: "Job", pid: int) -> None:
    """Free an exec's process of our caller's CPU affinity, or set its own."""
    wanted = (job.process.get("execCPUAffinity") or {}).get("final")
    if wanted:
        scheduling.set_affinity(pid, wanted)
    else:
        scheduling.reset_affinity(pid)


def explain(error: Exception, oom_kills: int) -> Fault:
    """The fault that the caller sees; where the kernel's OOM killer was at work, that is the cause."""
    if oom_kills > 0:
        return Fault("unable to start container process: container init was OOM-killed (memory limit too low?)")
    fault = Fault(f"unable to start container process: {describe(error)}")
    fault.code = getattr(error, "code", "")
    return fault
