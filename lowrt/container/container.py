"""One container as it is now: its recorded state, checked against the kernel each time somebody asks."""

import os

from lowrt.cgroup.driver import driver_from_state
from lowrt.container import state_file
from lowrt.container.status import CREATED, CREATING, PAUSED, RUNNING, STOPPED
from lowrt.errors import container_not_running
from lowrt.ids import check_id
from lowrt.linux import process
from lowrt.linux.constants import SIGKILL
from lowrt.paths import StateDir
from lowrt.version import SPEC_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.cgroup.driver import CgroupDriver
    from lowrt.spec.model import Spec

    Json = dict[str, Any]


class Container:
    """A container that `create` has recorded."""

    __slots__ = ("_cgroup", "_held", "_spec", "dir", "state")

    def __init__(self, state_dir: StateDir, state: "Json") -> None:
        self.dir = state_dir
        self.state = state
        self._cgroup: CgroupDriver | None = None
        self._spec: Spec | None = None
        self._held = False  # by us

    @classmethod
    def load(cls, root: str, container_id: str) -> "Container":
        """The container of that id; NotFound when there is none."""
        state_dir = StateDir(root, check_id(container_id))
        return cls(state_dir, state_file.load(state_dir))

    def adopt(self, cgroup: "CgroupDriver", spec: "Spec") -> None:
        """Take over what `create` has built already."""
        self._cgroup = cgroup
        self._spec = spec

    @property
    def id(self) -> str:
        return str(self.state["id"])

    @property
    def bundle(self) -> str:
        return str(self.state["bundle"])

    @property
    def pid(self) -> int:
        return int(self.state["init"]["pid"])

    @property
    def descriptors(self) -> list[str]:
        """What init had as its stdio in the beginning."""
        return [str(entry) for entry in self.state.get("descriptors") or ()]

    @property
    def cgroup(self) -> "CgroupDriver":
        if self._cgroup is None:
            self._cgroup = driver_from_state(self.state["cgroup"])
        return self._cgroup

    @property
    def spec(self) -> "Spec":
        """The configuration as it was at create, whatever has become of the bundle's."""
        if self._spec is None:
            from lowrt.spec.load import parse_spec

            with open(self.dir.config, "rb") as file:
                self._spec = parse_spec(file.read(), self.bundle)
        return self._spec

    @property
    def late_hooks(self) -> "Json":
        """The hooks of start and delete."""
        hooks: Json | None = self.state.get("hooks")
        return self.spec.hooks if hooks is None else hooks

    def hold(self) -> int:
        """Keep every other changing verb out until the fd that this gives is closed."""
        fd = state_file.lock(self.dir)
        self._held = True
        return fd

    def status(self) -> str:
        """The state's name, from the kernel and the fifo."""
        if not self.is_alive():
            # Without a pid `create` has not come far enough, or died on the way; nothing runs.
            return CREATING if self._is_being_created() else STOPPED
        if self.cgroup.is_frozen():
            return PAUSED
        return CREATED if os.path.exists(self.dir.exec_fifo) else RUNNING

    def _is_being_created(self) -> bool:
        if self.pid or self._held:
            return False
        import fcntl

        try:
            fd = os.open(self.dir.lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:  # it is being removed
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def is_alive(self) -> bool:
        return self.pid > 0 and process.is_alive(self.pid, self.state["init"]["start_time"])

    def open_init(self) -> int:
        """A pidfd of the init process; FailedPrecondition when it is gone."""
        if self.pid <= 0:
            raise container_not_running()
        try:
            pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            raise container_not_running() from None
        # The pid may be somebody else's by now: the pidfd holds it still, so look after opening.
        if not self.is_alive():
            os.close(pidfd)
            raise container_not_running()
        return pidfd

    def signal(self, number: int) -> None:
        """Signal init; SIGKILL reaches every process where init's end does not end them."""
        if number == SIGKILL and not self.has_own_pid_namespace:
            self.signal_all(number)
            return
        pidfd = self.open_init()
        try:
            process.pidfd_send_signal(pidfd, number)
        except ProcessLookupError:
            raise container_not_running() from None
        finally:
            os.close(pidfd)
        if number == SIGKILL and self.cgroup.is_frozen():
            self.cgroup.thaw()  # on v1 a frozen process does not even die

    def signal_all(self, number: int) -> None:
        """Signal every process of the container."""
        if not self.is_alive() and not self.cgroup.exists():
            raise container_not_running()
        self.cgroup.kill(number)

    @property
    def has_own_pid_namespace(self) -> bool:
        return bool(self.state["private_pids"])

    def oci_state(self, status: str, pid: int | None = None) -> "Json":
        """The specification's state document, as hooks get it."""
        document: Json = {"ociVersion": SPEC_VERSION, "id": self.id, "status": status}
        pid = self.pid if pid is None else pid
        if pid > 0 and status != STOPPED:
            document["pid"] = pid
        document["bundle"] = self.bundle
        if self.state.get("annotations"):
            document["annotations"] = self.state["annotations"]
        return document

    def runc_state(self) -> "Json":
        """The document that `state` and `list` print."""
        status = self.status()
        document: Json = {
            "ociVersion": SPEC_VERSION,
            "id": self.id,
            "pid": 0 if status == STOPPED else self.pid,
            "status": status,
            "bundle": self.bundle,
            "rootfs": self.state["rootfs"],
            "created": self.state["created"],
        }
        if self.state.get("annotations"):
            document["annotations"] = self.state["annotations"]
        document["owner"] = ""
        return document
