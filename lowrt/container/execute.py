"""Another process in a container that runs: what `exec` does once it knows which container and what process."""

import os

from lowrt.container import status
from lowrt.container.container import Container
from lowrt.container.filter import load_filter
from lowrt.errors import container_not_running
from lowrt.init import fds, identity, parent, scheduling, setns_init, sync
from lowrt.init.job import Job
from lowrt.linux.namespaces import FILES, FLAGS
from lowrt.paths import in_user_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.cli import Context
    from lowrt.init.parent import Forked
    from lowrt.log import Log
    from lowrt.seccomp.compile import CompiledFilter

    Json = dict[str, Any]
    Begun = tuple[parent.Dance, Forked]

# What a process document leaves open, the container's own process decides.
_INHERITED = (
    "capabilities",
    "apparmorProfile",
    "selinuxLabel",
    "rlimits",
    "scheduler",
    "ioPriority",
    "execCPUAffinity",
)


class Request:
    """What the command line asked for."""

    __slots__ = ("below", "console_fd", "container", "pidfd_socket", "preserve_fds", "process", "stdio")

    def __init__(self, container: Container, process: "Json") -> None:
        self.container = container
        self.process = process
        self.preserve_fds = 0
        self.pidfd_socket = ""
        self.below: dict[str, str] = {}  # controller → cgroup below the container's
        self.console_fd = -1  # where the terminal's master goes
        self.stdio: tuple[int, ...] = ()  # what becomes 0, 1 and 2, where ours are not meant


def check_status(container: Container, *, ignore_paused: bool) -> None:
    """Refuse a container that is stopped, or paused where that is not said to be right."""
    now = container.status()
    if not (now == status.PAUSED and ignore_paused):
        status.check("exec", now, container.id)


def execute(context: "Context", request: Request, console_fd: int = -1) -> "Forked":
    """Make the process; it is our child, and executes its program at once."""
    request.console_fd = console_fd
    preserved = fds.check_preserved(request.preserve_fds, context.inherited_fds, listening=0)
    dance, forked = begin(context.log, request, load_filter_of(request.container), preserved)
    try:
        dance.lead(forked)
    except BaseException as error:
        forked.kill()
        forked.close()
        if isinstance(error, Exception):
            raise parent.explain(error, 0) from error
        raise
    return forked


def begin(log: "Log", request: Request, filter_: "CompiledFilter | None", preserved: int = 0) -> "Begun":
    """Fork it into the container's cgroup and pid namespace; it waits for the first word, and does the rest itself."""
    container = request.container
    job = prepare(container, request.process)
    job.filter = filter_
    job.preserved = preserved
    job.console_socket = request.console_fd
    job.stdio = request.stdio
    if not request.stdio:  # else it keeps nothing but those
        job.foreign_fds = fds.seal(preserved, request.console_fd)
    opened = [container.open_init(), os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]
    job.target_fd, job.proc_fd = opened
    try:
        if os.geteuid() == 0 and not in_user_namespace():
            job.target_flags = target_flags(container)
        else:
            _open_namespaces(job, container, opened)
        return _fork(log, request, job)
    finally:
        for fd in opened:
            os.close(fd)


def load_filter_of(container: Container) -> "CompiledFilter | None":
    """The container's seccomp filter, compiled."""
    return load_filter(container.spec, os.path.dirname(container.dir.path))


def prepare(container: Container, process: "Json") -> Job:
    """What the process needs that comes from documents."""
    spec = container.spec
    for key in _INHERITED:
        if not process.get(key) and spec.process.get(key):
            process[key] = spec.process[key]
    job = Job(spec, process, container.id)
    job.state = container.oci_state(status.RUNNING)
    job.new_keyring = bool(container.state["new_keyring"])
    job.groups_allowed = identity.setgroups_allowed(container.pid)
    identity.check_groups(job.identity, allowed=job.groups_allowed)
    return job


def _open_namespaces(job: Job, container: Container, opened: list[int]) -> None:
    """Without privilege the user namespace comes first, and gives the right to join the others."""
    for kind in container.spec.namespaces:
        fd = os.open(f"/proc/{container.pid}/ns/{FILES[kind]}", os.O_RDONLY | os.O_CLOEXEC)
        opened.append(fd)
        job.joins.append((kind, fd))


def _fork(log: "Log", request: Request, job: Job) -> "Begun":
    container = request.container
    initial = (job.process.get("execCPUAffinity") or {}).get("initial")
    if initial:
        scheduling.set_affinity(0, initial)
    made: list[Forked] = []
    container.cgroup.follow(container.pid)
    dance = parent.Dance(job, log, sync.EXEC_ORDER, {sync.READY: lambda: parent.limit(job, made[0].pid)})
    try:
        made.append(dance.fork(0, setns_init.sequence, container.cgroup))
    except ProcessLookupError:
        raise container_not_running() from None
    forked = made[0]
    try:
        container.cgroup.adopt(forked.pid)
        if request.below:
            container.cgroup.enter(forked.pid, request.below)
        parent.set_oom_score(forked.pid, container.spec.process.get("oomScoreAdj"))
        parent.settle_affinity(job, forked.pid)
        if request.pidfd_socket:
            parent.send_pidfd(request.pidfd_socket, forked, "setns")
    except BaseException as error:
        forked.kill()
        forked.close()
        if isinstance(error, Exception):
            raise parent.explain(error, 0) from error
        raise
    return dance, forked


def target_flags(container: Container) -> int:
    """The namespaces to join by init's pidfd, all at once; the pid namespace, which only a fork enters, among them."""
    flags = 0
    for kind in container.spec.namespaces:
        flags |= FLAGS[kind]
    if container.state.get("time_namespace"):  # out of a checkpoint
        flags |= FLAGS["time"]
    return flags
