"""SELinux's labels of a container: chosen at create, given to its processes, mounts and files at each start."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from engine.containers.model import Container, Mount
from engine.containers.room import Room
from engine.security import relabelling
from engine.security.labels import DISABLE, Labels, as_options
from engine.spec import security
from proto.containerd.types import mount_pb2
from proto.errdefs import InvalidArgument, NotFound

logger = logging.getLogger(__name__)

Json = dict[str, Any]


def complete(room: Room, host_config: Json) -> None:
    """What is not said about labels follows from what is shared with others; dockerd writes it down, on any kernel."""
    given = host_config["SecurityOpt"] or []
    if any(option.partition("=")[0] == "label" for option in given):
        return
    modes = (host_config["IpcMode"], host_config["PidMode"])
    if "host" in modes or host_config["Privileged"]:
        more = [f"label={DISABLE}"]
    else:
        others = [_options_of(room, mode) for mode in modes if mode.startswith("container:")]
        if len(others) == 2 and all(others) and others[0] != others[1]:
            raise InvalidArgument("--ipc and --pid containers SELinux labels aren't the same")
        more = next((each for each in others if each), [])
    if more:
        host_config["SecurityOpt"] = [*given, *more]


def _options_of(room: Room, mode: str) -> list[str]:
    try:
        return as_options(room.registry.find(mode.removeprefix("container:")).container.process_label)
    except NotFound:
        return []  # refused where namespaces are joined


def choose(room: Room, container_id: str, host_config: Json) -> Labels:
    """The labels of a new container; none where SELinux is not wanted, or not there, as with dockerd."""
    if room.labeller is None:
        return Labels()
    options = security.parse(host_config["SecurityOpt"]).labels
    return room.labeller.take(container_id, options, (live.container.process_label for live in room.registry))


def of(room: Room, container: Container) -> Labels:
    """Those that take effect: a privileged container's processes have none."""
    if room.labeller is None:
        return Labels()
    privileged = container.host_config["Privileged"]
    return Labels("" if privileged else container.process_label, container.mount_label)


def as_option(label: str) -> str:
    """A mount option; a level has a comma, hence the quotes."""
    return f'context="{label}"' if label else ""


def mounts(room: Room, container: Container, given: Iterable[mount_pb2.Mount]) -> list[mount_pb2.Mount]:
    """A snapshot's mounts with the container's label; what is no file system of its own has none to give."""
    option = as_option(of(room, container).mount)
    if not option:
        return list(given)
    return [
        mount_pb2.Mount(type=each.type, source=each.source, target=each.target, options=[*each.options, option])
        if each.type == "overlay"
        else each
        for each in given
    ]


def give(room: Room, container: Container, files: Mapping[str, str]) -> None:
    """/etc/hosts and its like are the container's, or of all who are in its network."""
    if label := of(room, container).mount:
        for path in files.values():
            with contextlib.suppress(InvalidArgument):
                relabelling.relabel(path, label, for_all=container.host_config["NetworkMode"].startswith("container:"))


async def relabel(room: Room, container: Container, mount: Mount) -> None:
    """What `z` and `Z` ask for; volumes are for all who mount them, unless they say otherwise."""
    label = of(room, container).mount
    wanted = relabelling.wanted(mount.mode) or ("z" if mount.kind == "volume" else "")
    if label and wanted and mount.kind in ("bind", "volume"):
        await asyncio.to_thread(relabelling.relabel, mount.source, label, for_all=wanted == "z")
