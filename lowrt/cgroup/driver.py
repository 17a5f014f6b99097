"""What the rest of lowrt asks of a container's cgroup, and the choice of who answers."""

from lowrt.cgroup import path
from lowrt.cgroup.files import CgroupError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from lowrt.cgroup.oom import OomWatch
    from lowrt.cgroup.v1 import CgroupV1
    from lowrt.cgroup.v2 import CgroupV2
    from lowrt.spec.model import Spec

    Json = dict[str, Any]

    class CgroupDriver(Protocol):
        """One container's cgroup, on whichever version the host has."""

        def create(self) -> None:
            """Make the folders; CgroupError if the cgroup is in use or frozen."""

        def adopt(self, pid: int) -> None:
            """A process of the container has been forked: take it in, where it cannot enter by itself."""

        def follow(self, init_pid: int) -> None:
            """For exec: where this cgroup takes no more processes, since init has made some below, enter init's."""

        def enter(self, pid: int, below: dict[str, str] | None = None) -> None:
            """Move a process in; `below` as in `exec --cgroup`: controller ("" for all) → path under the cgroup."""

        def clone_fd(self) -> int:
            """An fd for clone3(CLONE_INTO_CGROUP), to be closed by the caller; -1 where there is no v2 hierarchy."""

        def enter_self(self, *, cloned: bool) -> None:
            """Move this very process in, if it has one thread; `cloned`: it was born through `clone_fd` already.

            Ten times faster than `enter`: moving a process takes a lock that waits for an RCU grace period, 7 to 15 ms;
            moving the current thread, or being born inside, does not. Call it before any unshare.
            """

        def apply(self, resources: Json, *, devices: bool = True) -> None:
            """Set what the document limits and leave the rest; `update` does not touch devices."""

        def completed(self, resources: Json) -> Json:
            """An update's document with what belongs to its values, as it is now."""

        def freeze(self) -> None: ...

        def thaw(self) -> None: ...

        def is_frozen(self) -> bool: ...

        def exists(self) -> bool: ...

        def pids(self) -> list[int]: ...

        def all_pids(self) -> list[int]:
            """Also those of cgroups that the container made below its own."""

        def kill(self, signal: int) -> None:
            """Signal every process in and below the cgroup, leaving none out that is being forked."""

        def stats(self) -> Json:
            """What `events --stats` prints as data."""

        def oom_kills(self) -> int:
            """How many processes the kernel has killed for want of memory."""

        def watch_oom(self) -> OomWatch:
            """An fd that becomes readable when one more is killed."""

        def destroy(self) -> None: ...

        def paths(self) -> dict[str, str]:
            """Controller → folder; one under "" on v2."""

        def to_state(self) -> Json: ...


def new_driver(spec: "Spec", container_id: str, *, systemd: bool = False, rootless: bool = False) -> "CgroupDriver":
    """The driver of a container about to be created."""
    cgroups_path = spec.linux.get("cgroupsPath") or ""
    own_nodes = {device.get("path") or "" for device in spec.linux.get("devices") or ()}
    if systemd:
        from lowrt.cgroup import systemd as by_systemd

        return by_systemd.new(spec, container_id, own_nodes, unified=path.is_unified(), rootless=rootless)
    if path.is_unified():
        from lowrt.cgroup.v2 import CgroupV2

        folder = path.v2_path(cgroups_path, container_id, path.own_cgroups())
        return CgroupV2(folder, spec.resources, own_nodes, rootless=rootless, chosen=bool(cgroups_path))
    from lowrt.cgroup.v1 import CgroupV1

    folders = path.v1_paths(cgroups_path, container_id)
    return CgroupV1(folders, spec.resources, own_nodes, rootless=rootless, chosen=bool(cgroups_path))


def driver_from_state(state: "Json") -> "CgroupDriver":
    """The driver of a container that exists, from what `to_state` gave."""
    if state.get("driver") == "systemd":
        from lowrt.cgroup import systemd as by_systemd

        return by_systemd.from_state(state, _by_files(state["inner"]))
    return _by_files(state)


def _by_files(state: "Json") -> "CgroupV1 | CgroupV2":
    kind = state.get("driver")
    rootless = bool(state.get("rootless"))
    if kind == "v2":
        from lowrt.cgroup.v2 import CgroupV2

        return CgroupV2(state["path"], {}, set(), rootless=rootless, chosen=True)
    if kind == "v1":
        from lowrt.cgroup.v1 import CgroupV1

        return CgroupV1(dict(state["paths"]), {}, set(), rootless=rootless, chosen=True)
    raise CgroupError(f"unknown cgroup driver {kind!r} in the container's state")
