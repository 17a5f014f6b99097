"""cgroup v2: one folder for all controllers, which have to be enabled in every folder above it."""

import errno
import os

from lowrt.cgroup import devices, files, freezer, kill, resources
from lowrt.cgroup.apply import carry_out
from lowrt.cgroup.files import ROOT, CgroupError
from lowrt.cgroup.oom import OomWatch, oom_kills
from lowrt.cgroup.path import parse_proc_cgroup
from lowrt.cgroup.v1 import inside
from lowrt.errors import reason_of
from lowrt.paths import in_user_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Json = dict[str, Any]


class CgroupV2:
    """A container's folder under v2; see driver.CgroupDriver."""

    __slots__ = ("_chosen", "_entry", "_folder", "_own_nodes", "_resources", "_rootless")

    def __init__(self, folder: str, wanted: "Json", own_nodes: "set[str]", *, rootless: bool, chosen: bool) -> None:
        self._folder = folder
        self._entry = folder  # where processes go, if not there
        self._resources = wanted
        self._own_nodes = own_nodes
        self._rootless = rootless
        self._chosen = chosen

    def create(self) -> None:
        if os.path.isdir(self._folder):
            self.check_unused()
        self.make()

    def check_unused(self) -> None:
        """A cgroup that exists may be taken if nobody is in it, and it is not frozen."""
        present = self.all_pids()
        if present:
            raise CgroupError(f"container's cgroup is not empty: {len(present)} process(es) found")
        if self.is_frozen():
            raise CgroupError("container's cgroup unexpectedly frozen")

    def make(self) -> None:
        """Make the folder and those above it."""
        try:
            make_path(self._folder, needs_domain=resources.needs_domain(self._resources))
        except (OSError, CgroupError) as error:
            if not self._may_do_without(error):
                raise

    def _may_do_without(self, error: "OSError | CgroupError") -> bool:
        """An ordinary user without delegation runs in the caller's cgroup, if no limit is asked for."""
        if not self._rootless or self._chosen or error.errno not in (errno.EPERM, errno.EACCES, errno.EROFS):
            return False
        if resources.v2_writes(self._resources) or resources.v2_unified(self._resources):
            reason = reason_of(error) if isinstance(error, OSError) else str(error)
            raise CgroupError(
                f"rootless needs no limits + no cgrouppath when no permission is granted for cgroups: {reason}"
            ) from error
        self._folder = ""
        return True

    def adopt(self, pid: int) -> None:
        """It was born inside, or has entered by itself."""

    def follow(self, init_pid: int) -> None:
        # Controllers enabled for cgroups below keep processes out of this one.
        if self._folder and files.read_or(self._folder, "cgroup.subtree_control", "").strip():
            with open(f"/proc/{init_pid}/cgroup", encoding="utf-8") as file:
                self._entry = ROOT + parse_proc_cgroup(file.read())[""]

    def enter(self, pid: int, below: dict[str, str] | None = None) -> None:
        below = below or {}
        for controller in below:
            if controller:
                raise CgroupError(f"unknown controller {controller} in SubCgroupPaths")
        if self._folder:
            files.enter(inside(self._folder, below[""]) if below.get("") else self._entry, pid)

    def clone_fd(self) -> int:
        return files.open_folder(self._entry) if self._folder else -1

    def enter_self(self, *, cloned: bool) -> None:
        if self._folder and not cloned:
            files.write(self._entry, "cgroup.procs", "0")

    def apply(self, resources_wanted: "Json", *, devices: bool = True) -> None:
        writes, unified = resources.v2_writes(resources_wanted), resources.v2_unified(resources_wanted)
        if not self._folder:
            return
        memory = resources_wanted.get("memory") or {}
        self.check_usage(memory)
        carry_out(self._folder, writes)
        if devices:
            self._apply_devices(resources_wanted)
        for item in unified:
            self._set_unified(item)

    def completed(self, resources_wanted: "Json") -> "Json":
        """cpu.max has both quota and period; memory and swap are one sum in the document, and two files here."""
        quota, period = self.bandwidth()
        limit, swap = (self._limit(name) for name in ("memory.max", "memory.swap.max"))
        return resources.completed(resources_wanted, quota or -1, period, limit, swap)

    def _limit(self, name: str) -> "int | None":
        text = files.read_or(self._folder, name, "max").strip()
        return int(text) if text.isdigit() else None

    def check_usage(self, memory: "Json") -> None:
        """`checkBeforeUpdate`: rather refuse a limit than have the kernel kill for it."""
        if not memory.get("checkBeforeUpdate"):
            return
        try:
            usage = files.read_int(self._folder, "memory.current")
        except OSError:
            return  # no memory controller yet, so nothing is used that would count
        for field, word in (("swap", "memory+swap"), ("limit", "memory")):
            limit = memory.get(field) or 0
            if 0 < limit <= usage:
                raise CgroupError(f"rejecting {word} limit {limit} <= usage {usage}")

    def _set_unified(self, item: "resources.Write") -> None:
        try:
            files.write(self._folder, item.file, item.value)
        except CgroupError as error:
            controller = item.file.partition(".")[0]
            missing = error.errno in (errno.EPERM, errno.EACCES, errno.ENOENT)
            if missing and controller != "cgroup" and controller not in self._controllers():
                raise CgroupError(
                    f'unified resource "{item.file}" can\'t be set: controller "{controller}" not available'
                ) from error
            raise CgroupError(f'unable to set unified resource "{item.file}": {error}', error.errno) from error

    def _controllers(self) -> list[str]:
        return files.read(self._folder, "cgroup.controllers").split()

    def _apply_devices(self, resources_wanted: "Json") -> None:
        rules = devices.rules_of(resources_wanted, self._own_nodes)
        program = devices.v2_program(devices.policy_of(rules))
        try:
            _install_device_program(self._folder, program)
        except OSError as error:
            # Where bpf(2) is forbidden, only rules that open everything can be left out with a clear conscience.
            if self._rootless or in_user_namespace() or all(r.allow and set(r.access) == set("rwm") for r in rules):
                return
            raise CgroupError(f"cannot install the device filter: {reason_of(error)}", error.errno or 0) from error

    def freeze(self) -> None:
        if not self._folder:
            raise CgroupError("cannot toggle freezer: cgroups not configured for container")
        freezer.set_v2(self._folder, frozen=True)

    def thaw(self) -> None:
        if self._folder:
            freezer.set_v2(self._folder, frozen=False)

    def is_frozen(self) -> bool:
        return bool(self._folder) and freezer.is_frozen_v2(self._folder)

    def exists(self) -> bool:
        return os.path.isdir(self._folder)

    def bandwidth(self) -> tuple[int, int]:
        """The CPU quota and its period as they are; 0 where there is none."""
        quota, _, period = files.read_or(self._folder, "cpu.max", "max 0").strip().partition(" ")
        return (0 if quota == "max" else int(quota)), int(period)

    def pids(self) -> list[int]:
        return files.pids(self._folder)

    def all_pids(self) -> list[int]:
        return files.all_pids(self._folder)

    def kill(self, signal: int) -> None:
        kill.kill_v2(self._folder, self, signal)

    def stats(self) -> "Json":
        from lowrt.cgroup.stats_v2 import stats_v2

        return stats_v2(self._folder)

    def oom_kills(self) -> int:
        return oom_kills(self._folder, unified=True)

    def watch_oom(self) -> OomWatch:
        return OomWatch(self._folder, unified=True)

    def destroy(self) -> None:
        if self._folder:
            files.remove(self._folder)

    def paths(self) -> dict[str, str]:
        return {"": self._folder} if self._folder else {}

    def to_state(self) -> "Json":
        return {"driver": "v2", "path": self._folder, "rootless": self._rootless}


def make_path(folder: str, *, needs_domain: bool) -> None:
    """Make the folder and those above it, enabling every controller on the way down; undone if it fails."""
    if not folder.startswith(ROOT + "/"):
        raise CgroupError(f"invalid cgroup path {folder}")
    wanted = files.read(ROOT, "cgroup.controllers").split()
    made: list[str] = []
    current = ROOT
    try:
        for name in folder[len(ROOT) + 1 :].split("/"):
            _enable(current, wanted)
            current = f"{current}/{name}"
            if not os.path.isdir(current):
                os.mkdir(current, 0o755)
                made.append(current)
            _check_type(current, needs_domain=needs_domain)
    except BaseException:
        for path in reversed(made):
            files.remove(path)
        raise


def _enable(folder: str, wanted: list[str]) -> None:
    missing = set(wanted) - set(files.read(folder, "cgroup.subtree_control").split())
    if not missing:
        return
    try:
        files.write(folder, "cgroup.subtree_control", " ".join(f"+{name}" for name in sorted(missing)))
    except CgroupError:
        # One that cannot be enabled spoils the whole write; whether its absence matters shows when a limit needs it.
        for name in sorted(missing):
            try:
                files.write(folder, "cgroup.subtree_control", f"+{name}")
            except CgroupError:
                continue


def _check_type(folder: str, *, needs_domain: bool) -> None:
    """A folder below a threaded one starts as "domain invalid", which nobody can enter."""
    kind = files.read_or(folder, "cgroup.type", "domain").strip()
    if kind == "domain":
        return
    if needs_domain:
        state = "an invalid state" if kind == "domain invalid" else f"{kind} mode"
        raise CgroupError(f'cannot enter cgroupv2 "{folder}" with domain controllers -- it is in {state}')
    if kind == "domain invalid":
        files.write(folder, "cgroup.type", "threaded")


def _install_device_program(folder: str, instructions: bytes) -> None:
    """Attach the filter; an older one of ours gives way in the same moment, so that no device is open in between."""
    from lowrt.linux import bpf

    cgroup_fd = files.open_folder(folder)
    held = [cgroup_fd]
    try:
        old = bpf.attached_device_programs(cgroup_fd)
        held += old
        new = bpf.load_device_program(instructions)
        held.append(new)
        bpf.attach_device_program(cgroup_fd, new, old[0] if len(old) == 1 else -1)
        for program in old if len(old) > 1 else ():
            bpf.detach_device_program(cgroup_fd, program)
    finally:
        for fd in held:
            os.close(fd)
