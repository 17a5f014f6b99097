"""What a container's spec needs looked up at each start: user, devices, joined namespaces, shared memory."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from engine import kernel
from engine.containers import labelling, links, users
from engine.containers.model import Container
from engine.containers.neighbours import NetworkPlan
from engine.containers.room import Room
from engine.containers.rootfs import Layers, Rootfs
from engine.spec import cdi, devices
from engine.spec.build import Inputs
from engine.spec.namespaces import Joined
from engine.spec.process import User
from proto.containerd.types import mount_pb2
from proto.errdefs import Conflict, FailedPrecondition, InvalidArgument

Json = dict[str, Any]

_MOUNT_SETATTR = (5, 12)  # mount_setattr(2) makes a whole tree read-only


def joined_pids(room: Room, container: Container) -> dict[str, int]:
    """The inits of the containers whose namespaces are joined."""
    pids: dict[str, int] = {}
    for kind, mode in (("pid", container.host_config["PidMode"]), ("ipc", container.host_config["IpcMode"])):
        if mode.startswith("container:"):
            pids[kind] = _joinable(room, mode, kind).state.pid
    return pids


def _joinable(room: Room, mode: str, kind: str) -> Container:
    other = room.registry.find(mode.removeprefix("container:")).container
    words = {"pid": "PID", "ipc": "IPC", "network": "network"}[kind]
    if not other.state.alive:
        raise Conflict(f"cannot join {words} namespace of a non running container: {other.id}")
    if kind == "ipc" and other.host_config["IpcMode"] not in ("shareable", "host"):
        raise FailedPrecondition(
            f"cannot join IPC of container {other.id}: non-shareable IPC "
            "(hint: use IpcMode:shareable for the donor container)"
        )
    return other


async def gather(
    room: Room, container: Container, plan: NetworkPlan, joined: Joined, mounts: list[mount_pb2.Mount]
) -> Inputs:
    """Everything that the spec is made of."""
    host_config = container.host_config
    os.makedirs(room.paths.container(container.id).volatile, mode=0o700, exist_ok=True)
    if host_config["Privileged"]:
        nodes, rules = devices.host_devices(), list[Json]()
    else:
        nodes, rules = devices.mapped(host_config["Devices"] or ())
    block_devices(host_config)
    return Inputs(
        container=container,
        host=room.host,
        policy=room.policy,
        user=await user_of(room, container, mounts, container.config["User"]),
        joined=joined,
        files=plan.files,
        shm=_shared_memory(room, container),
        device_nodes=nodes,
        device_rules=rules,
        cdi_edits=_cdi(room, host_config["DeviceRequests"] or ()),
        links=links.environment(room, container),
        labels=labelling.of(room, container),
        recursive_read_only=await _recursive_read_only(room, container),
    )


async def _recursive_read_only(room: Room, container: Container) -> bool:
    """Asked only where it matters; a mount that insists on it cannot do without."""
    readonly = [mount for mount in container.mounts if mount.kind != "tmpfs" and not mount.writable]
    if not readonly:
        return False
    name = container.host_config["Runtime"] or room.runtimes.default
    reason = ""
    if room.host.kernel < _MOUNT_SETATTR:
        reason = f"the kernel is older than {'.'.join(map(str, _MOUNT_SETATTR))}"
    elif not await asyncio.to_thread(room.runtimes.has_mount_option, name, "rro"):
        reason = f'runtime "{name}" does not say that it can'
    if reason and any("rro" in mount.options for mount in readonly):
        raise InvalidArgument(f"rro is not supported: {reason}")
    return not reason


def _cdi(room: Room, requests: Sequence[Json]) -> list[Json]:
    if not requests:
        return []
    registry = cdi.load(room.config.cdi_spec_dirs)
    return cdi.edits(cdi.names(requests, registry), registry)


def block_devices(host_config: Json) -> None:
    """The numbers of the devices that have limits of their own, beside their paths."""
    for key in (
        "BlkioWeightDevice",
        *(f"BlkioDevice{kind}" for kind in ("ReadBps", "WriteBps", "ReadIOps", "WriteIOps")),
    ):
        for entry in host_config.get(key) or ():
            try:
                node = os.stat(entry["Path"])
            except OSError as error:
                raise InvalidArgument(f"{entry['Path']}: {(error.strerror or 'unknown').lower()}") from None
            entry["Major"], entry["Minor"] = os.major(node.st_rdev), os.minor(node.st_rdev)


async def user_of(room: Room, container: Container, mounts: Sequence[mount_pb2.Mount], wanted: str) -> User:
    """Looked up in the image's own files: straight from the layers, or by a mount where links make that unsafe."""
    layers = Layers(mounts)
    passwd, group = layers.read("etc/passwd"), layers.read("etc/group")
    if passwd is None or group is None:
        async with Rootfs(room.supervisor, room.paths.temporary).mounted(mounts) as root:
            folder = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                passwd, group = read_in_root(folder, "etc/passwd"), read_in_root(folder, "etc/group")
            finally:
                os.close(folder)
    return users.resolve(wanted, container.host_config["GroupAdd"] or (), passwd, group)


def read_in_root(folder: int, path: str) -> str:
    """A small file of an untrusted tree; "" where there is none."""
    try:
        fd = kernel.openat2(folder, path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return ""
    with os.fdopen(fd, "rb") as file:
        return file.read(1 << 20).decode("utf-8", "replace")


def _shared_memory(room: Room, container: Container) -> str | None:
    mode = container.host_config["IpcMode"]
    if mode == "host":
        return "/dev/shm"
    if mode == "none":
        return ""
    if mode.startswith("container:"):
        other = _joinable(room, mode, "ipc")
        return "/dev/shm" if other.host_config["IpcMode"] == "host" else room.paths.container(other.id).shm
    if mode != "shareable":
        return None
    path = room.paths.container(container.id).shm
    os.makedirs(path, mode=0o700, exist_ok=True)
    if not os.path.ismount(path):
        flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
        owner = "" if container.ids is None else ",uid={},gid={}".format(*container.ids.root)
        label = labelling.as_option(labelling.of(room, container).mount)
        options = f"mode=1777,size={container.host_config['ShmSize']}{owner}{label and ','}{label}"
        kernel.mount("shm", path, "tmpfs", flags, options)
    return path
