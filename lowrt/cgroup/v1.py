"""cgroup v1: one folder per controller, which may be mounted or not.

Where a controller is not mounted a container simply has none of it, unless a limit is asked for: that is an error.
cpuset is the odd one: a new folder has no cpus and no memory nodes, and nobody can enter it before it gets some.
"""

import errno
import os

from lowrt.cgroup import devices, files, freezer, kill, resources
from lowrt.cgroup.apply import carry_out
from lowrt.cgroup.files import CgroupError
from lowrt.cgroup.oom import OomWatch, oom_kills
from lowrt.paths import in_user_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]


class CgroupV1:
    """A container's folders under v1; see driver.CgroupDriver."""

    __slots__ = ("_chosen", "_folders", "_own_nodes", "_resources", "_rootless")

    def __init__(
        self, folders: dict[str, str], wanted: "Json", own_nodes: "set[str]", *, rootless: bool, chosen: bool
    ) -> None:
        self._folders = folders
        self._resources = wanted
        self._own_nodes = own_nodes
        self._rootless = rootless
        self._chosen = chosen  # the path is the user's wish, not our default

    def create(self) -> None:
        self.check_unused()
        self.make()

    def make(self) -> None:
        """Make the folders that are not there."""
        for controller, folder in list(self._folders.items()):
            try:
                self._make(controller, folder)
            except (OSError, CgroupError) as error:
                self._forgive(controller, error)

    def check_unused(self) -> None:
        """A cgroup that exists may be taken if nobody is in it, and it is not frozen."""
        present = self.all_pids()
        if present:
            raise CgroupError(f"container's cgroup is not empty: {len(present)} process(es) found")
        if self.is_frozen():
            raise CgroupError("container's cgroup unexpectedly frozen")

    def _make(self, controller: str, folder: str) -> None:
        if controller == "cpuset":
            _make_cpuset(os.path.dirname(folder))
            files.make(folder)
            carry_out(folder, resources.v1_writes(self._resources)["cpuset"])
            _inherit_cpuset(folder)
            return
        files.make(folder)
        if controller == "cpu":
            carry_out(folder, resources.v1_realtime(self._resources.get("cpu") or {}))

    def _forgive(self, controller: str, error: Exception) -> None:
        """An ordinary user may have no cgroup of some controller, unless the path was asked for."""
        code = getattr(error, "errno", 0)
        if not self._rootless or self._chosen or code not in (errno.EPERM, errno.EACCES, errno.EROFS):
            raise error
        del self._folders[controller]

    def adopt(self, pid: int) -> None:
        """It has entered by itself."""

    def follow(self, init_pid: int) -> None:
        """v1 takes processes at every level."""

    def enter(self, pid: int, below: dict[str, str] | None = None) -> None:
        below = below or {}
        for controller in below:
            if controller and controller not in self._folders:
                raise CgroupError(f"unknown controller {controller} in SubCgroupPaths")
        # cpu and cpuacct are often one hierarchy: once is enough.
        targets = {}
        for controller, folder in self._folders.items():
            sub = below.get(controller, below.get("", ""))
            targets[inside(folder, sub)] = controller
        for target, controller in targets.items():
            try:
                files.enter(target, pid)
            except CgroupError as error:
                self._forgive(controller, error)

    def clone_fd(self) -> int:
        return files.open_folder(self._folders[""]) if "" in self._folders else -1

    def enter_self(self, *, cloned: bool) -> None:
        folders = {folder: controller for controller, folder in self._folders.items() if controller or not cloned}
        for folder, controller in folders.items():
            # A thread that moves itself needs no lock against forks and exits; v1 lets one thread move, v2 does not.
            file = "tasks" if controller else "cgroup.procs"
            try:
                files.write(folder, file, "0")
            except CgroupError as error:
                self._forgive(controller, error)

    def apply(self, resources_wanted: "Json", *, devices: bool = True) -> None:
        if resources_wanted.get("unified"):
            raise CgroupError("invalid configuration: cannot use unified on cgroup v1")
        writes = resources.v1_writes(resources_wanted)
        self._set("cpuset", writes.pop("cpuset"))
        if devices:
            self._apply_devices(resources_wanted)
        memory = resources_wanted.get("memory") or {}
        if memory:
            self._set("memory", self._memory_writes(memory), memory)
        for controller, items in writes.items():
            self._set(controller, items)

    def _set(self, controller: str, writes: "list[resources.Write]", memory: "Json | None" = None) -> None:
        if not writes:
            return
        if controller not in self._folders:
            raise CgroupError(f"cannot set {controller} limit: container could not join or create cgroup")
        folder = self._folders[controller]
        try:
            carry_out(folder, writes)
        except CgroupError as error:
            if memory is None or error.errno != errno.EBUSY or not memory.get("limit"):
                raise
            usage, peak = (files.read_int(folder, f"memory.{name}_in_bytes") for name in ("usage", "max_usage"))
            raise CgroupError(
                f"unable to set memory limit to {memory['limit']} (current usage: {usage}, peak usage: {peak})"
            ) from error

    def _memory_writes(self, memory: "Json") -> "list[resources.Write]":
        folder = self._folders.get("memory")
        if folder is None:
            return resources.v1_memory(memory, 0, has_swap=False)
        current = files.read_int(folder, "memory.limit_in_bytes") if memory.get("swap") else 0
        has_swap = os.path.exists(f"{folder}/memory.memsw.limit_in_bytes")
        return resources.v1_memory(memory, current, has_swap)

    def _apply_devices(self, resources_wanted: "Json") -> None:
        if in_user_namespace():
            return  # the kernel lets nobody but the initial user namespace write there, nor make nodes at all
        folder = self._folders.get("devices")
        if folder is None:
            if self._rootless:
                return
            raise CgroupError("cannot set devices limit: container could not join or create cgroup")
        wanted = devices.policy_of(devices.rules_of(resources_wanted, self._own_nodes))
        present = devices.policy_from_list(files.read(folder, "devices.list"))
        try:
            for name, line in devices.v1_lines(present, wanted):
                files.write(folder, name, line)
            self._confirm_devices(folder, wanted)
        except CgroupError:
            if not self._rootless:
                raise

    @staticmethod
    def _confirm_devices(folder: str, wanted: "devices.Policy") -> None:
        """The kernel drops without a word what the parent does not allow; a filter must be what was asked for."""
        result = devices.policy_from_list(files.read(folder, "devices.list"))
        if result.allow != wanted.allow:
            raise CgroupError("resulting devices cgroup doesn't match target mode")
        if not wanted.allow and result != wanted:
            raise CgroupError("resulting devices cgroup doesn't precisely match target")

    def completed(self, resources_wanted: "Json") -> "Json":
        """Each value has a file of its own."""
        return resources_wanted

    def freeze(self) -> None:
        if "freezer" not in self._folders:
            raise CgroupError("cannot toggle freezer: cgroups not configured for container")
        freezer.freeze_v1(self._folders["freezer"])

    def thaw(self) -> None:
        if "freezer" in self._folders:
            freezer.thaw_v1(self._folders["freezer"])

    def is_frozen(self) -> bool:
        return "freezer" in self._folders and freezer.is_frozen_v1(self._folders["freezer"])

    def exists(self) -> bool:
        return os.path.isdir(self._any_folder())

    def bandwidth(self) -> tuple[int, int]:
        """The CPU quota and its period as they are; 0 where there is none."""
        folder = self._folders.get("cpu")
        if folder is None:
            return 0, 0
        return tuple(int(files.read_or(folder, f"cpu.cfs_{name}_us", "0")) for name in ("quota", "period"))  # type: ignore[return-value]

    def pids(self) -> list[int]:
        folder = self._any_folder()
        return files.pids(folder) if folder else []

    def all_pids(self) -> list[int]:
        folder = self._any_folder()
        return files.all_pids(folder) if folder else []

    def _any_folder(self) -> str:
        """Every hierarchy has all the processes; an ordinary user may have a folder in none."""
        return self._folders.get("devices") or next(iter(self._folders.values()), "")

    def kill(self, signal: int) -> None:
        kill.kill_frozen(self, signal)

    def stats(self) -> "Json":
        from lowrt.cgroup.stats_v1 import stats_v1

        return stats_v1(self._folders)

    def oom_kills(self) -> int:
        return oom_kills(self._folders["memory"], unified=False) if "memory" in self._folders else 0

    def watch_oom(self) -> OomWatch:
        return OomWatch(self._folders.get("memory", ""), unified=False)

    def destroy(self) -> None:
        errors = []
        for folder in set(self._folders.values()):
            try:
                files.remove(folder)
            except CgroupError as error:
                errors.append(str(error))
        if errors:
            raise CgroupError("Failed to remove paths: " + "; ".join(sorted(errors)))

    def paths(self) -> dict[str, str]:
        return dict(self._folders)

    def to_state(self) -> "Json":
        return {"driver": "v1", "paths": dict(self._folders), "rootless": self._rootless}


def inside(folder: str, sub: str) -> str:
    """A path below the cgroup, and nowhere else."""
    path = os.path.normpath(f"{folder}/{sub}")
    if path != folder and not path.startswith(folder + "/"):
        raise CgroupError(f"bad sub cgroup path: {sub}")
    return path


def _make_cpuset(folder: str) -> None:
    """Make the parents of a cpuset, each with what its own parent has."""
    if os.path.exists(f"{folder}/cpuset.cpus") and not _is_empty(folder):
        return
    parent = os.path.dirname(folder)
    if parent == folder or not os.path.isdir(parent):
        raise CgroupError(f"no cpuset hierarchy above {folder}")
    if not os.path.exists(f"{parent}/cpuset.cpus") and os.path.isdir(folder):
        return  # the mount point itself
    _make_cpuset(parent)
    files.make(folder)
    _inherit_cpuset(folder)


def _is_empty(folder: str) -> bool:
    return not all(files.read(folder, f"cpuset.{name}").strip() for name in ("cpus", "mems"))


def _inherit_cpuset(folder: str) -> None:
    parent = os.path.dirname(folder)
    for name in ("cpuset.cpus", "cpuset.mems"):
        if not files.read(folder, name).strip():
            files.write(folder, name, files.read(parent, name).strip())
