"""`POST /containers/{id}/start`: network, spec, task; what fails leaves nothing behind and an exit code that says why.

Order: the network and the file system's mounts come together, then the record, then the task; attachers are joined
between the task's creation and its start, so that none misses a byte.
"""

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Sequence

from engine import timestamps
from engine.containers import (
    checkpoints,
    health,
    image_mounts,
    inputs,
    io,
    labelling,
    launch_faults,
    mapped_mounts,
    release,
    remove,
    state,
    user_namespace,
)
from engine.containers.live import Live
from engine.containers.model import Container
from engine.containers.neighbours import NetworkPlan
from engine.containers.room import Room
from engine.containers.stdio import Stdio
from engine.logs import json_file
from engine.spec.build import build
from engine.spec.namespaces import Joined
from engine.users.namespaces import Held
from proto.containerd.types import mount_pb2
from proto.errdefs import Fault, NotFound

logger = logging.getLogger(__name__)


async def start(room: Room, live: Live, *, checkpoint: str = "", checkpoint_dir: str = "") -> None:
    """A client's start, perhaps from a checkpoint."""
    checkpoints.require_usable(room, checkpoint, checkpoint_dir)
    async with live.lock:
        state.require_startable(live.container)
        image = checkpoints.to_start_from(room, live.container, checkpoint)
        release.cancel_restart(live)
        live.container.manually_stopped = False
        live.container.restart_count = 0
        live.backoff = 0
        await launch(room, live, image)


async def launch(room: Room, live: Live, image: str = "") -> None:
    """Start the container, its lock held; from a checkpoint's images, if there are any."""
    container = live.container
    container.state.error = ""
    container.state.exit_code = 0
    try:
        with room.metrics.container_actions.measure("start"):
            await _launch(room, live, image)
    except Fault as fault:
        code, shown = launch_faults.translate(fault)
        await _undo(room, live)
        container.state.exit_code = code
        container.state.error = str(shown)
        if container.state.status in ("running", "restarting"):
            container.state.status = "exited"
        room.save(live)
        live.wake("not-running", "next-exit")
        release.end_attachers(live, shown)
        if container.auto_remove and container.state.started_at == timestamps.ZERO:
            await remove.discard(room, live, volumes=True)
        raise shown from fault
    live.half_started = False
    room.announce(container, "start")
    health.begin(room, live)


async def _launch(room: Room, live: Live, image: str) -> None:
    container = live.container
    pids = inputs.joined_pids(room, container)
    async with user_namespace.held(room, container) as held:
        plan, mounts = await asyncio.gather(_network(room, container, held), _mounts(room, live))
        joined = Joined(plan.netns, pids, held.user if held else "")
        user_namespace.give(plan.files, held)
        labelling.give(room, container, plan.files)
        await _places(room, container, held, mounts)
        spec = json.dumps(build(await inputs.gather(room, container, plan, joined, mounts))).encode()
        async with user_namespace.seen(room, labelling.mounts(room, container, mounts), held) as shown:
            await _begin(room, live, spec, shown, image)


async def _network(room: Room, container: Container, held: Held | None) -> NetworkPlan:
    born_in = held.network if held else ""
    allocation = room.networks.allocate(
        container.id, container.config, container.host_config, container.endpoints, born_in=born_in
    )
    return await room.metrics.network_actions.waited("allocate", allocation)


async def _places(room: Room, container: Container, held: Held | None, mounts: Sequence[mount_pb2.Mount]) -> None:
    """What has to be mounted before it can be bound into the container."""
    await image_mounts.mount_all(room, container, held)
    for number, mount in enumerate(container.mounts):
        if mount.own_mount:
            room.volumes.activate(mount.name)
        if mount.kind == "volume":
            release.announce_volume(room, container, mount, "mount")
        await labelling.relabel(room, container, mount)
        await mapped_mounts.place(room, container, number, held, mounts)


async def _begin(room: Room, live: Live, spec: bytes, mounts: list[mount_pb2.Mount], image: str) -> None:
    """Record, task, streams, start."""
    container, supervisor = live.container, room.supervisor
    runtime = room.runtimes.find(container.host_config["Runtime"])
    container.shim_io, container.runtime = runtime.ours, runtime.shim
    if json_file.is_kept(container.log_driver):
        files = room.paths.container(container.id)
        container.log_path = files.log if container.log_driver == "json-file" else files.local_log
        os.makedirs(os.path.dirname(container.log_path), mode=0o710, exist_ok=True)
    stdio = io.make(room, container)
    live.stdio = stdio
    await _record(room, container, spec)
    pid = await _task(room, live, mounts, stdio, image)
    if not image:
        io.opened(stdio)
    if not (image and container.tty):
        await io.join(live, stdio)
    # Written before the start: an engine that dies in between finds a container whose task tells the rest.
    container.state.pid = pid
    state.advance(container, "start")
    container.state.started_at = timestamps.now()
    container.state.oom_killed = False
    live.exited.clear()
    room.registry.save(live)
    try:
        pid = await supervisor.tasks.start(container.id)
    except Fault as fault:
        raise launch_faults.reworded(fault, "failed to start task for container") from fault
    if image:
        await _restored(room, live, stdio, pid)


async def _restored(room: Room, live: Live, stdio: Stdio, pid: int) -> None:
    """A task out of a checkpoint has its process from its start on, and with it a terminal."""
    live.container.state.pid = pid
    room.registry.save(live)
    io.opened(stdio)
    await io.join(live, stdio)


async def _mounts(room: Room, live: Live) -> list[mount_pb2.Mount]:
    """How to mount its snapshot: the same for as long as the snapshot lives."""
    if not live.mounts:
        live.mounts = await room.supervisor.snapshots.mounts(live.container.id)
    return live.mounts


async def _record(room: Room, container: Container, spec: bytes) -> None:
    containers = room.supervisor.containers
    runtime = room.runtimes.find(container.host_config["Runtime"])

    async def create() -> None:
        await containers.create(
            container.id,
            spec=spec,
            runtime=runtime.shim,
            options=runtime.options,
            snapshotter=room.supervisor.snapshots.snapshotter,
            snapshot_key=container.id,
        )

    try:
        await create()
    except Fault as fault:
        if "already exists" not in str(fault):
            raise
        await release.remains(room, container.id)  # of a life that ended while nobody looked
        await create()


async def _task(room: Room, live: Live, mounts: list[mount_pb2.Mount], stdio: Stdio, image: str) -> int:
    container = live.container
    runtime = room.runtimes.find(container.host_config["Runtime"])
    try:
        options = runtime.restoring(image) if image else runtime.options
        return await room.supervisor.tasks.create(container.id, mounts, stdio.names, options)
    except Fault as fault:
        raise launch_faults.reworded(fault, "failed to create task for container") from fault


async def _undo(room: Room, live: Live) -> None:
    """After a failed start nothing of it stays."""
    container = live.container
    if live.stdio is not None:
        live.stdio.close()
        live.stdio = None
    with contextlib.suppress(Fault):
        await room.supervisor.tasks.kill(container.id, 9)
        await room.supervisor.tasks.wait(container.id)
    for step in (
        room.supervisor.tasks.delete(container.id),
        room.supervisor.containers.delete(container.id),
        room.networks.release(container.id),
    ):
        try:
            await step
        except NotFound:
            pass
        except Fault as fault:
            live.half_started = True
            logger.warning("cleaning up after a failed start of %s: %s", container.id, fault)
    container.state.pid = 0
    release.files(room, container)
