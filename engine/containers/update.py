"""`POST /containers/{id}/update`: limits, the restart policy and the published ports of a container, running or not.

Ports are ours: dockerd cannot change them. `PortBindings` says all that is to be published from now on; `{}` nothing.
"""

import copy
from typing import Any

from engine.containers import fields, inputs, restart_policy, verify
from engine.containers.live import Live
from engine.containers.room import Room
from engine.spec import resources
from proto.errdefs import Conflict, Fault, InvalidArgument

Json = dict[str, Any]

_CHANGEABLE = (
    "BlkioWeight",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "CpuShares",
    "CpusetCpus",
    "CpusetMems",
    "Memory",
    "MemoryReservation",
    "MemorySwap",
    "NanoCpus",
    "PidsLimit",
    "RestartPolicy",
)


_DEVICES = ("BlkioWeightDevice", *(f"BlkioDevice{kind}" for kind in ("ReadBps", "WriteBps", "ReadIOps", "WriteIOps")))


# What the API's description has among the fields, and no engine changes in a container that is made.
_FIXED = (
    *("CgroupParent", "CpuCount", "CpuPercent", "DeviceCgroupRules", "DeviceRequests", "Devices", "Init"),
    *("IOMaximumBandwidth", "IOMaximumIOps", "MemorySwappiness", "OomKillDisable", "Ulimits"),
)


async def update(room: Room, live: Live, body: Json, version: tuple[int, int] = (9, 9)) -> list[str]:
    """Change what was given; nothing stays changed if the runtime refuses. The answer is warnings."""
    container = live.container
    asked = fields.complete(fields.HOST_CONFIG, body, "UpdateConfig")
    lower = {name.lower(): value for name, value in body.items()}
    given = {
        name: asked[name]
        for name in _CHANGEABLE
        if lower.get(name.lower()) not in (None, 0, "", {})
        and not (name == "RestartPolicy" and not asked[name].get("Name"))
    }
    given |= _devices(asked, lower, version)
    if version < (1, 40):
        given.pop("PidsLimit", None)
    if asked["PortBindings"] is not None:
        given["PortBindings"] = asked["PortBindings"]
    async with live.lock:
        if container.state.status in ("removing", "dead"):
            raise Conflict(
                f'Cannot update container {container.id}: container is marked for removal and cannot be "update"'
            )
        changed = _merged(container.host_config, given)
        try:
            verify.verify(container.config, changed, room.runtimes.known)
        except Fault as fault:
            raise InvalidArgument(str(fault)) from fault
        limits = resources.limits(
            {name: changed[name] for name in _CHANGEABLE if name in given or name == "MemorySwap"}
            | _with_numbers({name: _cleared(container.host_config, given, name) for name in _DEVICES if name in given})
        )
        if "PortBindings" in given:
            await _publish(room, live, changed)
        if container.state.alive and limits and set(given) - {"RestartPolicy", "PortBindings"}:
            try:
                await room.supervisor.tasks.update(container.id, limits)
            except Fault as fault:
                if "PortBindings" in given:
                    await _publish(room, live, container.host_config)
                raise type(fault)(f"Cannot update container {container.id}: {fault}") from fault
        container.host_config = changed
        if "RestartPolicy" in given:
            container.restart_count = 0
        room.save(live)
    room.announce(container, "update")
    return [
        f"HostConfig.{name} cannot be changed by an update: it stays as it is"
        for name in _FIXED
        if asked[name] and asked[name] != container.host_config[name]
    ]


def _devices(asked: Json, lower: Json, version: tuple[int, int]) -> Json:
    """Limits of single devices, since 1.55: null leaves them, an empty list takes them away."""
    if version < (1, 55):
        return {}
    return {name: asked[name] or None for name in _DEVICES if lower.get(name.lower()) is not None}


def _cleared(present: Json, given: Json, name: str) -> list[Json]:
    """The new limits, and zero for each device that had one and has none now: the kernel forgets it so."""
    fresh = given[name] or []
    kept = {entry["Path"] for entry in fresh}
    word = "Weight" if name == "BlkioWeightDevice" else "Rate"
    return [*fresh, *({"Path": entry["Path"], word: 0} for entry in present[name] or () if entry["Path"] not in kept)]


def _with_numbers(devices: Json) -> Json:
    numbered = copy.deepcopy(devices)
    inputs.block_devices(numbered)
    return numbered


async def _publish(room: Room, live: Live, changed: Json) -> None:
    container = live.container
    await room.networks.check(container.config, changed, container.endpoints)
    if container.state.alive:
        await room.networks.publish(container.id, container.config, changed, container.endpoints)


def _merged(host_config: Json, given: Json) -> Json:
    changed = copy.deepcopy(host_config) | given
    if "NanoCpus" in given and (host_config["CpuPeriod"] or host_config["CpuQuota"]):
        raise InvalidArgument(
            "Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set"
            if host_config["CpuPeriod"]
            else "Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set"
        )
    if "Memory" in given and "MemorySwap" not in given and 0 < host_config["MemorySwap"] < given["Memory"]:
        raise InvalidArgument(
            "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
        )
    if "RestartPolicy" in given:
        policy = given["RestartPolicy"]
        changed["RestartPolicy"] = {
            "Name": policy.get("Name") or "no",
            "MaximumRetryCount": policy.get("MaximumRetryCount") or 0,
        }
        restart_policy.check(changed["RestartPolicy"], auto_remove=changed["AutoRemove"])
    return changed
