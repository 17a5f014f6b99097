"""A container out of an image: criu makes its processes, in the cgroup and on the root that we give it.

criu runs in a mount namespace of its own, where the root lies over the state directory: it must be a mount point whose
parent nobody has covered. So the host never sees that mount, nor those that the mount points are made through, and
whoever dies in the middle leaves none of them. The restored init is our child, as one that `create` has forked.
"""

import os

from lowrt import hooks
from lowrt.cgroup.path import is_unified, parse_proc_cgroup
from lowrt.checkpoint import criu_log, external, messages, mountpoints
from lowrt.checkpoint.criu import FIRST_EXTRA_FD, Criu, CriuError
from lowrt.checkpoint.dump import DESCRIPTORS
from lowrt.checkpoint.options import common_request
from lowrt.container import create, destroy, state_file
from lowrt.container.create import Created
from lowrt.container.status import CREATING
from lowrt.errors import Fault, naming
from lowrt.init import sync
from lowrt.init.parent import Forked
from lowrt.jsontext import loads
from lowrt.linux import constants as c
from lowrt.linux import netdev
from lowrt.linux.namespaces import setns
from lowrt.paths import StateDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.checkpoint.options import Options
    from lowrt.cli import Context
    from lowrt.container.container import Container
    from lowrt.container.create import Request
    from lowrt.spec.model import Spec

    Json = dict[str, Any]


def restore(context: "Context", request: "Request", spec: "Spec", options: "Options", console_fd: int = -1) -> Created:
    """Restore into a container of a new id; `console_fd` is where the master of its terminal goes."""
    create.check(context, request, spec)
    descriptors = _read_descriptors(options.image)
    state_dir = StateDir(context.root, request.id)
    lock = state_file.claim(state_dir)
    try:
        container = create.record(context, spec, request, state_dir)
        container.cgroup.create()
        try:
            forked = _Restorer(context, container, options, console_fd).run(descriptors)
        except BaseException:
            container.cgroup.kill(c.SIGKILL)
            container.cgroup.destroy()
            raise
        return Created(container, forked, lock)
    except BaseException:
        destroy.remove_state(state_dir)
        os.close(lock)
        raise


def _read_descriptors(image: str) -> list[str]:
    """What the dumped init had as its stdio."""
    path = os.path.join(image, DESCRIPTORS)
    try:
        with open(path, "rb") as file:
            found = loads(file.read())
    except OSError as error:
        raise naming("open", error) from error
    if not isinstance(found, list):
        raise Fault(f"{path} is not a list of descriptors")
    return [str(entry) for entry in found[:3]]  # no others of criu's descriptors are anybody's stdio


class _Restorer:
    """One restore on its way."""

    def __init__(self, context: "Context", container: "Container", options: "Options", console_fd: int) -> None:
        self._log = context.log
        self._container = container
        self._options = options
        self._console_fd = console_fd
        self._folders: list[int] = []
        self._inherited: list[int] = []  # by criu
        self._forked: Forked | None = None

    def run(self, descriptors: list[str]) -> Forked:
        """Restore; init, which runs."""
        criu = None
        try:
            request = self._plan(descriptors)
            first_folder = FIRST_EXTRA_FD + len(self._inherited)
            terminal = bool(self._container.spec.process.get("terminal"))
            stdio = () if terminal else (0, 1, 2)
            criu = Criu.start(self._log, stdio=stdio, extra=self._inherited, prepare=self._prepare)
            self._container.cgroup.adopt(criu.pid)
            self._container.cgroup.apply(self._container.spec.resources)
            external.check_version(self._container.spec, criu.ask_version(), "the restoration process")
            names = ("images_dir_fd", "work_dir_fd") if self._options.work else ("images_dir_fd",)
            for number, name in enumerate(names, first_folder):
                request[name] = criu.fetch(number)
                self._folders.append(request[name])
            with open(f"/proc/{criu.pid}/cgroup", encoding="utf-8") as file:
                roots = parse_proc_cgroup(file.read())
            request["cg_root"] = [{"ctrl": controller, "path": path} for controller, path in roots.items()]
            self._work(criu, request)
            return self._restored()
        except BaseException:
            self._undo()
            raise
        finally:
            if criu is not None:
                criu.close()
            for fd in (*self._folders, *self._inherited):
                os.close(fd)

    def _plan(self, descriptors: list[str]) -> "Json":
        """All that criu is told but for the cgroups it is in."""
        container, spec, options = self._container, self._container.spec, self._options
        request = common_request(options, -1, criu_log.RESTORE_LOG, spec.annotations)
        if options.work:
            os.makedirs(options.work, mode=0o700, exist_ok=True)
        request |= external.restored_namespaces(spec, FIRST_EXTRA_FD, self._inherited)
        # Pipes that the dumped init had as stdio are replaced by ours.
        pipes = [(name, fd) for fd, name in enumerate(descriptors) if name.startswith("pipe:")]
        request["inherit_fd"] += [{"key": name, "fd": fd} for name, fd in pipes]
        mounts = external.external_mounts(spec, container.cgroup.paths(), unified=is_unified())
        masks = external.restored_masks(spec.linux.get("maskedPaths") or [])
        request["ext_mnt"] = external.restored([*mounts, *external.device_mounts(spec)], spec.rootfs) + masks
        request |= {"root": self._root, "evasive_devices": True, "rst_sibling": True}
        return request

    @property
    def _root(self) -> str:
        """Where criu finds the root, in its own mount namespace."""
        return os.path.realpath(self._container.dir.path)

    def _prepare(self) -> list[int]:
        """In the process that becomes criu: its cgroup, its root, and its folders as its own mount namespace has them.

        criu wants their numbers in our process, not in its own.
        """
        self._container.cgroup.enter_self(cloned=False)
        mountpoints.leave_the_host()
        mountpoints.offer_root(self._container.spec, self._root)
        return mountpoints.open_folders(self._options.image, self._options.work)

    def _work(self, criu: Criu, request: "Json") -> None:
        options = self._options
        try:
            criu.work(messages.RESTORE, request, self._handle)
            code = criu.close()
            if code:
                raise CriuError(f"criu failed: exit status {code}")
        except CriuError as fault:
            raise criu_log.explain(self._log, fault, options.work or options.image, criu_log.RESTORE_LOG) from fault

    def _handle(self, script: str, notification: "Json", fds: list[int]) -> None:
        """criu's notifications while it restores."""
        pid = int(notification.get("pid", 0))
        if script == "setup-namespaces":
            self._set_up(pid)
        elif script == "post-restore":
            self._register(pid)
        elif script == "orphan-pts-master":
            if self._console_fd < 0:
                raise Fault("the checkpoint has a terminal, and the configuration has none")
            sync.send_fd(self._console_fd, fds[0], "orphan-pts-master")

    def _set_up(self, pid: int) -> None:
        """The namespaces are there, and init alone in them."""
        spec = self._container.spec
        if spec.has_new_namespace("network"):
            _bring_up_loopback(pid)
        state = self._container.oci_state(CREATING, pid)
        hooks.run_all(spec.hooks, hooks.PRESTART, state)
        hooks.run_all(spec.hooks, hooks.CREATE_RUNTIME, state)

    def _register(self, pid: int) -> None:
        """All processes are there and do not run yet: from now on the container is on record."""
        container = self._container
        self._forked = forked = Forked(pid, os.pidfd_open(pid))
        container.state |= {
            "cgroup": container.cgroup.to_state(),
            "init": {"pid": pid, "start_time": forked.start_time},
            # criu gives processes a time namespace, so that their clocks go on where they stood.
            "time_namespace": _time_namespace(pid) != _time_namespace(os.getpid()),
        }
        state_file.save(container.dir, container.state)

    def _restored(self) -> Forked:
        if self._forked is None:
            raise Fault("criu did not tell the pid of what it has restored")
        return self._forked

    def _undo(self) -> None:
        """criu kills what it has made when it fails; when we do, we."""
        if self._forked is not None:
            self._forked.kill()
            self._forked.close()


def _time_namespace(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}/ns/time").st_ino
    except FileNotFoundError:  # Linux before 5.6
        return 0


def _bring_up_loopback(pid: int) -> None:
    """As in a new container, which criu leaves to us; in a child, for this process is to stay where it is."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            setns(fd, c.CLONE_NEWNET)
            netdev.bring_up("lo")
            code = 0
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        raise Fault("the loopback device cannot be brought up")
