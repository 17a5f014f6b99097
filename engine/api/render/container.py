"""Containers as clients see them: the line of `ps` and the document of `inspect`."""

import math
import time
from typing import Any

from engine import timestamps
from engine.api.versions import Version
from engine.containers.fields import CONFIG, HOST_CONFIG, shown
from engine.containers.live import Live
from engine.containers.model import Container, State
from engine.containers.room import Room
from engine.spec import security
from engine.spec.build import apparmor_profile

Json = dict[str, Any]


def summary(room: Room, live: Live, version: Version, size: tuple[int, int] | None = None) -> Json:
    """One entry of `GET /containers/json`."""
    container = live.container
    settings = room.networks.settings(container.id, container.host_config, container.endpoints)
    document: Json = {
        "Id": container.id,
        "Names": [f"/{container.name}"],
        "Image": container.config["Image"],
        "ImageID": container.image_id,
        "Command": command(container),
        "Created": timestamps.to_ns(container.created) // 1_000_000_000,
        "Ports": ports(settings.get("Ports") or {}),
        "Labels": container.labels,
        "State": container.state.status,
        "Status": status(container),
        "HostConfig": {"NetworkMode": container.host_config["NetworkMode"]}
        | (
            {"Annotations": container.host_config["Annotations"]}
            if container.host_config.get("Annotations") and version >= (1, 46)
            else {}
        ),
        "NetworkSettings": {"Networks": settings.get("Networks") or {}},
        "Mounts": mounts(container),
    }
    if version >= (1, 48) and container.image_manifest:
        document["ImageManifestDescriptor"] = container.image_manifest
    if version >= (1, 52) and (health := container.state.health) is not None:
        document["Health"] = {"Status": health.status, "FailingStreak": health.failing_streak}
    if size is not None:
        document |= sizes(size)
    return document


def mounts(container: Container) -> list[Json]:
    """HostConfig.Tmpfs is none of them, as with dockerd; a tmpfs of HostConfig.Mounts is."""
    return [mount.to_inspect() for mount in container.mounts if mount.kind != "tmpfs" or mount.from_spec]


def sizes(size: tuple[int, int]) -> Json:
    """An empty layer's size is left out, as dockerd does."""
    return {"SizeRw": size[0], "SizeRootFs": size[1]} if size[0] else {"SizeRootFs": size[1]}


def command(container: Container) -> str:
    """Path and arguments, those with spaces quoted."""
    words = [f"'{word}'" if " " in word else word for word in container.args]
    return " ".join([container.path, *words])


def ports(bound: Json) -> list[Json]:
    """NetworkSettings.Ports → the list of `ps`."""
    done: list[Json] = []
    for name, bindings in bound.items():
        number, _, protocol = name.partition("/")
        private = {"PrivatePort": int(number), "Type": protocol or "tcp"}
        if not bindings:
            done.append(private)
        for binding in bindings or ():
            public = {"PublicPort": int(binding["HostPort"])} if binding["HostPort"] else {}  # none where it is routed
            done.append({"IP": binding["HostIp"]} | private | public)
    return done


def status(container: Container) -> str:
    """ "Up 2 minutes (healthy)", "Exited (0) 3 seconds ago" … in Docker's words."""
    state = container.state
    if state.status == "restarting":
        return f"Restarting ({state.exit_code}) {_ago(state.finished_at)} ago"
    if state.status == "paused":
        return f"Up {_ago(state.started_at)} (Paused)"
    if state.status == "running":
        health = state.health.status if state.health else ""
        words = {"": "", "starting": " (health: starting)"}.get(health, f" ({health})")
        return f"Up {_ago(state.started_at)}{words}"
    if state.status == "removing":
        return "Removal In Progress"
    if state.status == "dead":
        return "Dead"
    if state.started_at == timestamps.ZERO:
        return "Created"
    return f"Exited ({state.exit_code}) {_ago(state.finished_at)} ago"


def _ago(moment: str) -> str:
    return human_duration((time.time_ns() - timestamps.to_ns(moment)) / 1e9)


def human_duration(seconds: float) -> str:
    """go-units' HumanDuration."""
    whole = int(seconds)
    minutes, hours = int(seconds / 60), math.floor(seconds / 3600 + 0.5)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < 60:
        return f"{whole} seconds"
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    if hours == 1:
        return "About an hour"
    for limit, divisor, noun in ((48, 1, "hours"), (24 * 14, 24, "days"), (24 * 60, 24 * 7, "weeks")):
        if hours < limit:
            return f"{hours // divisor} {noun}"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{int(seconds / 3600) // 24 // 365} years"


def state_document(state: State) -> Json:
    """The State of inspect."""
    document: Json = {
        "Status": state.status,
        "Running": state.running,
        "Paused": state.status == "paused",
        "Restarting": state.status == "restarting",
        "OOMKilled": state.oom_killed,
        "Dead": state.status == "dead",
        "Pid": state.pid,
        "ExitCode": state.exit_code,
        "Error": state.error,
        "StartedAt": state.started_at,
        "FinishedAt": state.finished_at,
    }
    if state.health is not None:
        document["Health"] = {
            "Status": state.health.status,
            "FailingStreak": state.health.failing_streak,
            "Log": state.health.log,
        }
    return document


def inspect(room: Room, live: Live, version: Version, size: tuple[int, int] | None = None) -> Json:
    """`GET /containers/{id}/json`."""
    container, files = live.container, room.paths.container(live.container.id)
    started = container.state.started_at != timestamps.ZERO
    settings = room.networks.settings(container.id, container.host_config, container.endpoints)
    document: Json = {
        "Id": container.id,
        "Created": container.created,
        "Path": container.path,
        "Args": container.args,
        "State": state_document(container.state),
        "Image": container.image_id,
        "ResolvConfPath": files.resolv_conf if started else "",
        "HostnamePath": files.hostname if started else "",
        "HostsPath": files.hosts if started else "",
        "LogPath": container.log_path if container.log_driver == "json-file" else "",
        "Name": f"/{container.name}",
        "RestartCount": container.restart_count,
        "Driver": room.supervisor.snapshots.snapshotter,
        "Platform": "linux",
        "MountLabel": container.mount_label,
        "ProcessLabel": container.process_label,
        "AppArmorProfile": apparmor_profile(container, room.host) if started else "",
        "ExecIDs": [exec_id for exec_id, made in live.execs.items() if not made.done.is_set()] or None,
        "HostConfig": host_config(container, version),
        "Mounts": mounts(container),
        "Config": config(container, version),
        "NetworkSettings": network_settings(settings, container, version),
    }
    driver = room.supervisor.snapshots.snapshotter
    if version < (1, 52):
        document["GraphDriver"] = {"Data": None, "Name": driver}
    else:
        document["Storage"] = {"RootFS": {"Snapshot": {"Name": driver}}}
    if version >= (1, 48) and container.image_manifest:
        document["ImageManifestDescriptor"] = container.image_manifest
    if size is not None:
        document |= sizes(size)
    return document


_KEPT_SETTINGS = ("SandboxID", "SandboxKey", "Ports", "Networks")


def network_settings(settings: Json, container: Container, version: Version) -> Json:
    """What spoke of the default bridge alone went with 1.52; aliases that the engine adds itself, with 1.45."""
    if version >= (1, 52):
        return {name: settings[name] for name in _KEPT_SETTINGS if name in settings}
    if version >= (1, 45):
        return settings
    own = [container.id[:12], container.config["Hostname"]]
    networks = {
        name: entry | {"Aliases": list(dict.fromkeys([*(entry.get("Aliases") or ()), *filter(None, own)]))}
        if name not in ("bridge", "host", "none")
        else entry
        for name, entry in (settings.get("Networks") or {}).items()
    }
    return settings | {"Networks": networks}


def config(container: Container, version: Version) -> Json:
    """Config, in the shape of the client's time."""
    document = shown(CONFIG, container.config)
    if version < (1, 52) or container.config["OnBuild"]:
        document["OnBuild"] = container.config["OnBuild"]
    else:
        document.pop("OnBuild", None)
    if version >= (1, 52):
        document.pop("MacAddress", None)
    document["Labels"] = container.labels
    if version < (1, 44):
        document.setdefault("MacAddress", "")
    return document


def host_config(container: Container, version: Version) -> Json:
    """HostConfig as given, with the paths that are hidden."""
    document = shown(HOST_CONFIG, container.host_config)
    options = security.parse(container.host_config["SecurityOpt"])
    masked, readonly = security.hidden_paths(container.host_config, options)
    document["MaskedPaths"], document["ReadonlyPaths"] = masked or None, readonly or None
    for kind in ("MemorySwappiness", "OomKillDisable", "PidsLimit"):
        document[kind] = container.host_config[kind]
    if version >= (1, 52):
        document.pop("KernelMemoryTCP", None)
    if version < (1, 42):
        document.setdefault("KernelMemory", 0)
        document.setdefault("KernelMemoryTCP", 0)
    return document
