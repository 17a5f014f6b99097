"""From a bundle to a container whose init waits for `start`: what `create` and `run` have in common.

Half-built containers undo themselves: init is killed, the cgroup removed, the directory last.
"""

import os
import time

from lowrt import hooks
from lowrt.cgroup.driver import new_driver
from lowrt.cgroup.path import is_unified
from lowrt.container import destroy, state_file
from lowrt.container.container import Container
from lowrt.container.filter import load_filter
from lowrt.container.status import CREATING
from lowrt.errors import InvalidArgument, console_without_socket, naming, socket_without_console
from lowrt.ids import check_id
from lowrt.init import container_init, fds, fifo, identity, parent, sync, userns
from lowrt.init.job import Job
from lowrt.linux import constants as c
from lowrt.linux.namespaces import FLAGS
from lowrt.paths import StateDir, in_user_namespace
from lowrt.rootfs import build
from lowrt.rootfs.plan import build_plan
from lowrt.spec.load import load_spec
from lowrt.spec.validate import validate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lowrt.cli import Context
    from lowrt.init.parent import Forked
    from lowrt.spec.model import Spec


class Request:
    """What the command line asked for."""

    __slots__ = ("bundle", "id", "keep", "new_keyring", "no_pivot", "pidfd_socket", "preserve_fds")

    def __init__(self, container_id: str, bundle: str) -> None:
        self.id = container_id
        self.bundle = bundle
        self.pidfd_socket = ""
        self.preserve_fds = 0
        self.no_pivot = False
        self.new_keyring = True
        self.keep = False


class Created:
    """A container and its init, which is our child."""

    __slots__ = ("container", "forked", "lock")

    def __init__(self, container: Container, forked: "Forked", lock: int) -> None:
        self.container = container
        self.forked = forked
        self.lock = lock

    def close(self) -> None:
        self.forked.close()
        os.close(self.lock)


def load(request: Request) -> "Spec":
    """Enter the bundle and read its configuration."""
    if request.bundle:
        try:
            os.chdir(request.bundle)
        except OSError as error:
            raise naming("chdir", error) from error
    return load_spec(os.getcwd())


def create(context: "Context", request: Request, spec: "Spec", console_fd: int = -1) -> Created:
    """Create the container; `console_fd` is where the master of its terminal goes, if it wants one."""
    check(context, request, spec)
    preserved = fds.check_preserved(request.preserve_fds, context.inherited_fds)
    state_dir = StateDir(context.root, request.id)
    lock = state_file.claim(state_dir)
    try:
        container = record(context, spec, request, state_dir)
        if os.environ.get("NOTIFY_SOCKET"):
            from lowrt.container import notify

            notify.give(spec, state_dir)
        fds.announce_listeners(spec.process)
        job = _prepare(spec, request, container, preserved)
        job.console_socket = console_fd
        return Created(container, _bring_up(context, request, container, job), lock)
    except BaseException:
        if not request.keep:
            destroy.remove_state(state_dir)
        os.close(lock)
        raise


def check(context: "Context", request: Request, spec: "Spec") -> None:
    """Refuse what can never become a container."""
    check_id(request.id)
    validate(spec, rootless=os.geteuid() != 0, cgroup2=is_unified(), warn=context.log.warning)
    if request.no_pivot and not spec.has_namespace("mount"):
        raise InvalidArgument("--no-pivot without a MNT namespace would move the host's root, and is refused")


def check_terminal(*, detach: bool, terminal: bool, console_socket: str) -> None:
    """A detached terminal needs somebody to take its master, and nobody else may be offered one."""
    if detach and terminal and not console_socket:
        raise console_without_socket()
    if (not detach or not terminal) and console_socket:
        raise socket_without_console()


def _is_rootless(context: "Context") -> bool:
    """Whether cgroups may be out of reach: an ordinary user's are, also where he is root of a user namespace."""
    if context.rootless != "auto":
        return context.rootless == "true"
    return os.geteuid() != 0 or in_user_namespace()


def record(context: "Context", spec: "Spec", request: Request, state_dir: StateDir) -> Container:
    """Write down what is about to exist, so that `delete` finds it whatever happens next."""
    driver = new_driver(spec, request.id, systemd=context.systemd_cgroup, rootless=_is_rootless(context))
    state = {
        "id": request.id,
        "bundle": spec.bundle,
        "rootfs": spec.rootfs,
        "created": _now(),
        "owner": os.geteuid(),
        "annotations": spec.annotations,
        "new_keyring": request.new_keyring,
        "private_pids": spec.has_new_namespace("pid"),
        "hooks": {point: spec.hooks[point] for point in hooks.LATE if spec.hooks.get(point)},
        "init": {"pid": 0, "start_time": 0},
        "cgroup": driver.to_state(),
        "descriptors": _descriptors(spec),
    }
    if not spec.has_namespace("mount"):
        from lowrt.rootfs import host_mounts

        state["mounts_before"] = host_mounts.stacked(spec.rootfs)
    with open(os.path.join(spec.bundle, "config.json"), "rb") as file:
        state_file.write_atomically(state_dir.config, file.read())
    state_file.save(state_dir, state)
    container = Container(state_dir, state)
    container.adopt(driver, spec)
    return container


def _descriptors(spec: "Spec") -> list[str]:
    """What init gets as its stdio, which is ours: a checkpoint names these pipes, for others to replace them."""
    if spec.process.get("terminal"):
        return [os.devnull] * 3
    return [os.readlink(f"/proc/self/fd/{fd}") if os.path.lexists(f"/proc/self/fd/{fd}") else "" for fd in range(3)]


def _now() -> str:
    """RFC 3339 with nanoseconds, trailing zeros dropped as Go drops them."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + fraction + "Z"


def _prepare(spec: "Spec", request: Request, container: Container, preserved: int) -> Job:
    job = Job(spec, spec.process, request.id)
    job.preserved = preserved
    job.new_keyring = request.new_keyring
    job.no_pivot = request.no_pivot
    job.state = container.oci_state(CREATING, 0)
    job.groups_allowed = _groups_allowed(spec)
    identity.check_groups(job.identity, allowed=job.groups_allowed)
    job.filter = load_filter(spec, os.path.dirname(container.dir.path))
    return job


def _groups_allowed(spec: "Spec") -> bool:
    if os.geteuid() == 0:
        return identity.setgroups_allowed(os.getpid())
    return spec.has_new_namespace("user") and userns.keeps_groups(spec.linux.get("gidMappings") or [])


def _bring_up(context: "Context", request: Request, container: Container, job: Job) -> "Forked":
    job.foreign_fds = fds.seal(job.preserved, job.console_socket)
    opened: list[int] = []
    try:
        _open_files(job, container.dir, opened)
        container.cgroup.create()
        try:
            _plan_root(job, container)
            return _fork_and_lead(context, request, container, job)
        except Exception as error:
            fault = parent.explain(error, container.cgroup.oom_kills())
            container.cgroup.destroy()
            destroy.take_down_mounts(container)
            raise fault from error
    finally:
        for fd in opened:
            os.close(fd)


def _plan_root(job: Job, container: Container) -> None:
    """Only now, when the cgroup's folders are those that could be had: they may be mounted inside."""
    job.plan = build_plan(job.spec, container.cgroup.paths(), unified=is_unified(), in_userns=in_user_namespace())
    if os.geteuid() == 0:  # whoever is not can do this only inside his own user namespace
        build.open_sources(job.plan)  # after the sealing: the child is to inherit these


def _open_files(job: Job, state_dir: StateDir, opened: list[int]) -> None:
    job.fifo_fd = fifo.make(state_dir.exec_fifo)
    opened.append(job.fifo_fd)
    job.proc_fd = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    opened.append(job.proc_fd)
    for kind, path in job.spec.namespaces.items():
        if path:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            opened.append(fd)
            job.joins.append((kind, fd))


def new_namespaces(spec: "Spec") -> int:
    """The clone(2) flags; the cgroup namespace is made later, by init, once it is in its cgroup."""
    flags = 0
    for kind, path in spec.namespaces.items():
        if not path and kind != "cgroup":
            flags |= FLAGS[kind]
    return flags


def _move_net_devices(job: Job, pid: int) -> None:
    devices = job.spec.linux.get("netDevices")
    if devices:
        from lowrt.container.net_devices import move_all

        move_all(devices, pid)


def _run_runtime_hooks(job: Job, container: Container) -> None:
    state = container.oci_state(CREATING)
    hooks.run_all(job.spec.hooks, hooks.PRESTART, state)
    hooks.run_all(job.spec.hooks, hooks.CREATE_RUNTIME, state)


def _fork_and_lead(context: "Context", request: Request, container: Container, job: Job) -> "Forked":
    def set_limits() -> None:
        container.cgroup.apply(job.spec.resources, devices=False)

    def set_device_rules() -> None:
        """Only while init waits: between two lines of the rules even /dev/null may be forbidden."""
        container.cgroup.apply({"devices": job.spec.resources.get("devices") or []})

    def prepare_outside() -> None:
        _move_net_devices(job, container.pid)
        if has_hooks:
            set_limits()
            set_device_rules()
            _run_runtime_hooks(job, container)

    def settle() -> None:
        if not has_hooks:
            set_device_rules()
        parent.limit(job, container.pid)

    steps = {sync.PREPARED: prepare_outside, sync.READY: settle}
    # Hooks find the limits set; where there are none, init goes on while we set them. `ready` waits for it.
    has_hooks = bool(job.spec.hooks.get(hooks.PRESTART) or job.spec.hooks.get(hooks.CREATE_RUNTIME))
    dance = parent.Dance(job, context.log, sync.CREATE_ORDER, steps, None if has_hooks else set_limits)
    forked = dance.fork(new_namespaces(job.spec), container_init.sequence, container.cgroup)
    try:
        container.cgroup.adopt(forked.pid)
        container.state["cgroup"] = container.cgroup.to_state()  # less what could not be had
        container.state["init"] = {"pid": forked.pid, "start_time": forked.start_time}
        state_file.save(container.dir, container.state)
        parent.settle(job, forked.pid)
        if request.pidfd_socket:
            parent.send_pidfd(request.pidfd_socket, forked, "standard")
        dance.lead(forked)
    except BaseException:
        forked.kill()
        if not job.spec.has_new_namespace("pid"):
            container.cgroup.kill(c.SIGKILL)
        forked.close()
        raise
    return forked
