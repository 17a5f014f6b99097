"""`POST /containers/create`: everything that can be refused is refused here; then a snapshot, a row, an event."""

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
from dataclasses import dataclass
from typing import Any

from engine import gojson, kernel, timestamps
from engine.containers import (
    fields,
    image_mounts,
    labelling,
    links,
    mapped_mounts,
    merge,
    mountpoints,
    names,
    older_clients,
    shapes,
    user_namespace,
    verify,
)
from engine.containers.model import Container
from engine.containers.neighbours import ImageRecord
from engine.containers.room import Room
from engine.containers.rootfs import Layers, Rootfs
from engine.images import platform as platforms
from engine.networks import conflicts
from engine.spec.mounts import READ_ONLY_AT_ITS_TOP
from engine.volumes import copy_up
from proto.errdefs import InvalidArgument, NotFound

Json = dict[str, Any]

_NEWEST = (9, 9)
_BODY = "ContainerConfigWrapper"  # what dockerd's errors call it
_PARTS = gojson.Struct(_BODY, {"HostConfig": gojson.Struct("HostConfig", {}), "NetworkingConfig": shapes.NETWORKING})


@dataclass(frozen=True, slots=True)
class Created:
    """The answer."""

    id: str
    warnings: list[str]


async def create(
    room: Room, name: str, body: Json, platform: str = "", version: older_clients.Version = _NEWEST
) -> Created:
    """Create a container from a client's request, which means what it does in its API version."""
    if not body:
        raise InvalidArgument("config cannot be empty in order to create a container")
    name = names.check(name) if name else names.invent(room.registry.name_owner)
    container_id = secrets.token_hex(32)
    with (
        room.registry.reserving(name, container_id),
        room.ranges.taking(container_id),
        room.labeller.taking(container_id) if room.labeller else contextlib.nullcontext(),
    ):
        return await _create(room, name, container_id, body, platform, version)


async def _create(
    room: Room, name: str, container_id: str, body: Json, platform: str, version: older_clients.Version
) -> Created:
    body = gojson.read(_PARTS, body)
    config = fields.complete(fields.CONFIG, body, _BODY)
    host_config = fields.complete(fields.HOST_CONFIG, _host_part(body), "HostConfig", under="HostConfig")
    endpoints = _endpoints(room, body)
    _network_mode(room, config, host_config)
    warnings = older_clients.adapt(version, body, config, host_config, endpoints)
    if not config["Image"]:
        raise InvalidArgument("no image specified")
    if platform and version >= (1, 41):
        image = await room.images.resolve(config["Image"], platforms.parse(platform))
    else:
        image = await room.images.resolve_quickly(config["Image"])
    conflicts.check(config, host_config)
    merge.merge(config, image.container_config)
    path, args = merge.command_line(config)
    _defaults(room, host_config)
    labelling.complete(room, host_config)
    warnings += verify.verify(config, host_config, room.runtimes.known)
    _init(room, host_config)
    _join(room, host_config)
    _hostname(config, host_config, container_id)
    links.check(room, host_config)
    await room.networks.check(config, host_config, endpoints)
    ids = user_namespace.decide(room, container_id, host_config)
    labels = labelling.choose(room, container_id, host_config)
    container = Container(
        id=container_id,
        name=name,
        created=timestamps.now(),
        image_id=image.id,
        chain_id=image.top,
        config=config,
        host_config=host_config,
        endpoints=endpoints,
        path=path,
        args=args,
        log_driver=host_config["LogConfig"]["Type"],
        image_manifest=image.descriptor,
        process_label=labels.process,
        mount_label=labels.mount,
        id_map=ids.to_json() if ids else None,
    )
    await room.metrics.container_actions.waited("create", _make(room, container, image, version))
    return Created(container.id, warnings)


def _endpoints(room: Room, body: Json) -> Json:
    """By network; `default` is the bridge's other name."""
    given: Json = (body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
    if "default" in given and room.config.bridge != "none":
        given.setdefault("bridge", given.pop("default"))
    return given


def _host_part(body: Json) -> Json | None:
    """HostConfig; what stood beside Config in the API's first versions, and some clients still send there, counts too
    where there is no HostConfig.
    """
    if "HostConfig" in body:
        found: Json = body["HostConfig"]
        return found
    return {name: body[name] for name in fields.HOST_CONFIG if name in body and name not in fields.CONFIG}


def _network_mode(room: Room, config: Json, host_config: Json) -> None:
    """Without a default bridge (`--bridge none`) its containers have no network, as with dockerd."""
    host_config["NetworkMode"] = host_config["NetworkMode"] or "default"
    if host_config["NetworkMode"] == "default" and room.config.bridge != "none":
        host_config["NetworkMode"] = "bridge"
    if host_config["NetworkMode"] in ("default", "bridge") and room.config.bridge == "none":
        config["NetworkDisabled"] = True


def _defaults(room: Room, host_config: Json) -> None:
    """dockerd's adaptContainerSettings: what the client left open."""
    log = host_config["LogConfig"]
    if not log.get("Type"):
        log["Type"] = room.config.log_driver
        log["Config"] = dict(room.config.log_opts) | (log.get("Config") or {})
    log["Config"] = log.get("Config") or {}
    policy = host_config["RestartPolicy"]
    host_config["RestartPolicy"] = {
        "Name": policy.get("Name") or "no",
        "MaximumRetryCount": policy.get("MaximumRetryCount") or 0,
    }
    host_config["ShmSize"] = host_config["ShmSize"] or room.config.default_shm_size
    host_config["IpcMode"] = host_config["IpcMode"] or room.config.default_ipc_mode
    host_config["Runtime"] = host_config["Runtime"] or room.runtimes.default
    if host_config["MemorySwappiness"] == -1:
        host_config["MemorySwappiness"] = None
    if host_config["Memory"] > 0 and host_config["MemorySwap"] == 0:
        host_config["MemorySwap"] = host_config["Memory"] * 2
    if not host_config["CgroupnsMode"]:
        own = room.config.default_cgroupns_mode or ("private" if room.host.cgroup_v2 else "host")
        host_config["CgroupnsMode"] = "host" if host_config["Privileged"] and not room.host.cgroup_v2 else own
    if host_config["OomKillDisable"] is None and not room.host.cgroup_v2:
        host_config["OomKillDisable"] = False
    limit = host_config["PidsLimit"]
    if limit is not None and limit <= 0:
        host_config["PidsLimit"] = None if limit == 0 else -1


def _init(room: Room, host_config: Json) -> None:
    """`--init` needs a small init on the host to bind into the container."""
    wanted = room.policy.init if host_config.get("Init") is None else host_config["Init"]
    if wanted and not os.path.isfile(room.policy.init_path):
        raise InvalidArgument(
            "HostConfig.Init needs docker-init or tini on the host (or --init-path), and neither was found"
        )


def _join(room: Room, host_config: Json) -> None:
    """A namespace of another container is kept by its id: names may change."""
    for key in ("PidMode", "IpcMode", "NetworkMode"):
        mode = host_config[key]
        if mode.startswith("container:"):
            try:
                other = room.registry.find(mode.removeprefix("container:"))
            except NotFound as fault:
                raise InvalidArgument(str(fault)) from None
            host_config[key] = f"container:{other.container.id}"


def _hostname(config: Json, host_config: Json, container_id: str) -> None:
    shared = host_config["NetworkMode"].startswith("container:")
    if host_config["UTSMode"] == "host" and config["Hostname"]:
        raise InvalidArgument("conflicting options: hostname and the UTS mode")
    if shared:
        return
    if not config["Hostname"]:
        on_host = host_config["NetworkMode"] == "host" or host_config["UTSMode"] == "host"
        config["Hostname"] = socket.gethostname() if on_host else container_id[:12]


async def _make(room: Room, container: Container, image: ImageRecord, version: older_clients.Version) -> None:
    """The parts that leave something behind, each undone if a later one fails."""
    rootfs = Rootfs(room.supervisor, room.paths.temporary)
    files = room.paths.container(container.id)
    async with contextlib.AsyncExitStack() as undo:
        fresh = {volume.name for volume in room.volumes.list()} if _wants_volumes(container) else set()
        container.mounts = mountpoints.plan(
            container.config, container.host_config, room.volumes, lambda name: room.registry.find(name).container
        )
        mapped_mounts.check(container)
        if version < (1, 44):
            _read_only_at_the_top(container)
        for mount in container.mounts:
            if mount.anonymous and mount.name not in fresh:
                undo.callback(room.volumes.remove, mount.name, force=True)
        mounts = await rootfs.prepare(container.id, image)
        layers = Layers(mounts)
        undo.push_async_callback(rootfs.remove, container.id)
        undo.push_async_callback(image_mounts.forget, room, container)
        await image_mounts.prepare(room, container)
        os.makedirs(files.durable, mode=0o710)
        undo.callback(shutil.rmtree, files.durable, ignore_errors=True)
        workdir = container.config["WorkingDir"]
        for mount in container.mounts:
            if mount.kind == "volume" and room.volumes.get(mount.name).options:
                mount.own_mount = True  # and brings its own content
        fills = any(mount.wants_content for mount in container.mounts)
        if fills or (workdir and not layers.has_folder(workdir)):
            async with rootfs.mounted_snapshot(container.id) as root:
                await asyncio.to_thread(_fill, root, container)
        room.registry.add(container).mounts = mounts
        undo.pop_all()
    room.volumes.keep(mount.name for mount in container.mounts if mount.anonymous and mount.name not in fresh)
    room.announce(container, "create")


def _read_only_at_the_top(container: Container) -> None:
    """Before 1.44 a read-only bind left what is mounted below it as it was."""
    for mount in container.mounts:
        if mount.kind == "bind" and not mount.writable and READ_ONLY_AT_ITS_TOP not in mount.options:
            mount.options.append(READ_ONLY_AT_ITS_TOP)


def _wants_volumes(container: Container) -> bool:
    return bool(container.config["Volumes"] or container.host_config["Binds"] or container.host_config.get("Mounts"))


def _fill(root: str, container: Container) -> None:
    """The working folder, if the image lacks it, and the volumes' first content."""
    if container.config["WorkingDir"]:
        folder = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.close(kernel.make_folder(folder, container.config["WorkingDir"]))
        except NotADirectoryError:
            raise InvalidArgument(f"Cannot mkdir: {container.config['WorkingDir']} is not a directory") from None
        finally:
            os.close(folder)
    for mount in container.mounts:
        if mount.wants_content:
            copy_up.copy_up(root, mount.destination, mount.source)
