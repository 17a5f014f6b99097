"""The cgroup driver of `--systemd-cgroup`: systemd makes the container's scope, everything in it is done as without.

    parent          systemd                          init
      | fork ------------------------------------------>| waits, in our own cgroup
      | StartTransientUnit(PIDs=[init]) ->|             |
      |<--------------- JobRemoved -------|             | is in the scope
      | controllers that systemd does not know, limits  |
      |                                                 |

The scope is delegated: what is below it is ours. Limits are told to systemd, or it would put back its own at the next
reload, and then written into the files as without systemd, since it knows but some of them.
"""

import os

from lowrt.cgroup import devices as device_rules
from lowrt.cgroup import files, systemd_properties, systemd_units
from lowrt.cgroup.files import ROOT, CgroupError
from lowrt.cgroup.systemd_manager import Manager
from lowrt.cgroup.systemd_units import Unit
from lowrt.cgroup.v1 import CgroupV1
from lowrt.cgroup.v2 import CgroupV2
from lowrt.errors import Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lowrt.cgroup.oom import OomWatch
    from lowrt.cgroup.systemd_properties import Property
    from lowrt.spec.model import Spec

    Json = dict[str, Any]


def new(spec: "Spec", container_id: str, own_nodes: "set[str]", *, unified: bool, rootless: bool) -> "CgroupSystemd":
    """The driver of a container about to be created."""
    if not _is_running():
        raise CgroupError("systemd not running on this host, cannot use systemd cgroups manager")
    extra = systemd_properties.of_annotations(spec.annotations)
    unit = systemd_units.unit_of(spec.linux.get("cgroupsPath") or "", container_id)
    default = "user.slice" if rootless else "system.slice"
    if unified:
        group = _manager_group() if rootless else ""
        folder = ROOT + systemd_units.cgroup_path(unit, default, group)
        inner: CgroupV1 | CgroupV2 = CgroupV2(folder, spec.resources, own_nodes, rootless=rootless, chosen=True)
    else:
        if rootless:
            raise CgroupError("cannot use rootless systemd cgroups manager on cgroup v1")
        from lowrt.cgroup.path import v1_paths

        folders = v1_paths(systemd_units.cgroup_path(unit, default), container_id)
        inner = CgroupV1(folders, spec.resources, own_nodes, rootless=False, chosen=True)
    unit.slice = unit.slice or default
    driver = CgroupSystemd(unit, inner, own_nodes, user=rootless)
    driver.begin_with(extra, spec.resources)
    return driver


def from_state(state: "Json", inner: "CgroupV1 | CgroupV2") -> "CgroupSystemd":
    """The driver of a container that exists."""
    driver = CgroupSystemd(Unit(state["unit"], state["slice"], ""), inner, set(), user=bool(state["user"]))
    if state["started"]:
        driver.exists_already()
    return driver


def _is_running() -> bool:
    """sd_booted(3)."""
    return os.path.isdir("/run/systemd/system") and not os.path.islink("/run/systemd/system")


def _manager_group() -> str:
    manager = Manager.connect(user=True)
    try:
        return manager.control_group()
    finally:
        manager.close()


class CgroupSystemd:
    """A container's unit and the cgroup in it; see driver.CgroupDriver."""

    __slots__ = ("_extra", "_inner", "_own_nodes", "_pending", "_resources", "_started", "_strict", "_unit", "_user")

    def __init__(self, unit: Unit, inner: "CgroupV1 | CgroupV2", own_nodes: "set[str]", *, user: bool) -> None:
        self._unit = unit
        self._inner = inner
        self._own_nodes = own_nodes
        self._user = user
        self._extra: list[Property] = []  # what annotations ask for
        self._resources: Json = {}
        self._pending: Json = {}  # limits that systemd has not been told of yet
        self._started = False
        self._strict = False  # systemd has device rules of ours, which it may write anew at any change

    def begin_with(self, extra: "list[Property]", resources: "Json") -> None:
        """What the unit gets when it is made."""
        self._extra = extra
        self._resources = resources

    def exists_already(self) -> None:
        self._started = self._strict = True

    @property
    def _unified(self) -> bool:
        return isinstance(self._inner, CgroupV2)

    def create(self) -> None:
        """Only look: the unit comes with its first process."""
        if not self._inner.exists():
            return
        self._inner.check_unused()

    def adopt(self, pid: int) -> None:
        if self._started and not self._user:
            return
        manager = Manager.connect(user=self._user)
        try:
            if self._started:
                manager.attach(self._unit.name, pid)
                return
            self._start(manager, pid)
        finally:
            manager.close()
        self._started = True
        self._inner.make()
        self._inner.enter(pid)

    def _start(self, manager: Manager, pid: int) -> None:
        unit = self._unit
        properties = systemd_properties.of_new_unit(unit, unit.slice, pid, unified=self._unified) + self._extra
        if self._unified:
            properties += systemd_properties.of_unit_start(self._resources, manager.version())
        try:
            manager.start_transient_unit(unit.name, properties, may_exist=unit.is_slice)
        except Fault as error:
            if not self._unified:
                raise
            shown = " ".join(f"{{Name:{name} Value:{value.value!r}}}" for name, value in properties)
            raise CgroupError(f'unable to start unit "{unit.name}" (properties [{shown}]): {error}') from error

    def follow(self, init_pid: int) -> None:
        self._inner.follow(init_pid)

    def enter(self, pid: int, below: dict[str, str] | None = None) -> None:
        self._inner.enter(pid, below)

    def clone_fd(self) -> int:
        """init is born in our own cgroup; who comes later goes in at once, for the scope is delegated.

        Not so a user's: he may write in the scope, but not in what is above both it and his session, as he had to.
        """
        return self._inner.clone_fd() if self._started and not self._user else -1

    def enter_self(self, *, cloned: bool) -> None:
        if self._started and not self._user:
            self._inner.enter_self(cloned=cloned)

    def apply(self, resources: "Json", *, devices: bool = True) -> None:
        if isinstance(self._inner, CgroupV2):
            self._inner.check_usage(resources.get("memory") or {})
        if not (self._strict or devices):
            # The rules of devices come next, and systemd hears all at once.
            self._pending = resources
            self._inner.apply(systemd_properties.rounded(resources), devices=False)
            return
        resources, self._pending = self._with_bandwidth({**self._pending, **resources}), {}
        manager = Manager.connect(user=self._user)
        try:
            properties = self._properties(resources, manager.version(), devices=devices)
            self._set(manager, properties)
        finally:
            manager.close()
        self._strict = self._strict or devices
        self._inner.apply(systemd_properties.rounded(resources), devices=devices)

    def _with_bandwidth(self, resources: "Json") -> "Json":
        """A quota means nothing to systemd without its period: what the document leaves out is as it is."""
        cpu = resources.get("cpu") or {}
        if not self._started or bool(cpu.get("quota")) == bool(cpu.get("period")):
            return resources
        quota, period = self._inner.bandwidth()
        filled = {"quota": cpu.get("quota") or quota, "period": cpu.get("period") or period}
        return {**resources, "cpu": {**cpu, **filled}}

    def _properties(self, resources: "Json", version: int, *, devices: bool) -> "list[Property]":
        properties = []
        if devices:
            policy = device_rules.policy_of(device_rules.rules_of(resources, self._own_nodes))
            properties += systemd_properties.of_devices(policy, version)
        if self._unified:
            return properties + systemd_properties.of_resources_v2(resources, version)
        return properties + systemd_properties.of_resources_v1(resources, version)

    def _set(self, manager: Manager, properties: "list[Property]") -> None:
        if not properties:
            return
        # v1's device rules are rewritten line by line, and for a moment nothing is allowed.
        freezes = not self._unified and (self._strict or properties[0][0] == "DeviceAllow")
        frozen = freezes and "freezer" in self._inner.paths() and not self._inner.is_frozen()
        if frozen:
            self._inner.freeze()
        try:
            manager.set_unit_properties(self._unit.name, properties)
        except Fault as error:
            raise CgroupError(f"unable to set unit properties: {error}" if self._unified else str(error)) from error
        finally:
            if frozen:
                self._inner.thaw()

    def completed(self, resources: "Json") -> "Json":
        return self._inner.completed(resources)

    def freeze(self) -> None:
        self._inner.freeze()

    def thaw(self) -> None:
        self._inner.thaw()

    def is_frozen(self) -> bool:
        return self._inner.is_frozen()

    def exists(self) -> bool:
        return self._started and self._inner.exists()

    def pids(self) -> list[int]:
        return self._inner.pids()

    def all_pids(self) -> list[int]:
        return self._inner.all_pids()

    def kill(self, signal: int) -> None:
        if self._started:  # else who is in there is not ours
            self._inner.kill(signal)

    def stats(self) -> "Json":
        return self._inner.stats()

    def oom_kills(self) -> int:
        return self._inner.oom_kills()

    def watch_oom(self) -> "OomWatch":
        return self._inner.watch_oom()

    def destroy(self) -> None:
        """The unit; then by hand what it does not own, or an old systemd leaves, also where systemd is dumb."""
        if not self._started:
            return
        try:
            manager = Manager.connect(user=self._user)
            try:
                manager.stop_unit(self._unit.name)
            finally:
                manager.close()
        finally:
            for folder in set(self._inner.paths().values()):
                if os.path.isdir(folder):
                    files.remove(folder)

    def paths(self) -> dict[str, str]:
        return self._inner.paths()

    def to_state(self) -> "Json":
        state = {"driver": "systemd", "unit": self._unit.name, "slice": self._unit.slice, "user": self._user}
        return {**state, "started": self._started, "inner": self._inner.to_state()}
