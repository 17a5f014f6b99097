"""A containers' room over a supervisor in memory: tasks that end when told, snapshots that are folders, no
kernel beneath.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.config import Config
from engine.containers import create, fields, start
from engine.containers.execs import Execs
from engine.containers.exits import Exits
from engine.containers.live import Live
from engine.containers.model import Container
from engine.containers.registry import Registry
from engine.containers.room import Room, Supervisor
from engine.containers.runtimes import Runtimes
from engine.containers.store import ContainerStore, connect
from engine.events.bus import Bus
from engine.paths import Paths
from engine.spec.build import Host, Policy
from engine.supervisor_client.tasks import ExitStatus, Stdio
from engine.volumes.store import Volumes
from proto.containerd.events import task_pb2 as event_messages
from proto.containerd.types import event_pb2, mount_pb2
from proto.containerd.types.task import task_pb2
from proto.errdefs import AlreadyExists, Fault, InvalidArgument, NotFound

Json = dict[str, Any]

ID = "ab" * 32


def config(**changes: Any) -> Json:
    """A complete Config."""
    return fields.complete(fields.CONFIG, {"Image": "busybox", "Cmd": ["true"], "Labels": {}} | changes, "Config")


def host_config(**changes: Any) -> Json:
    """A complete HostConfig, as create leaves it."""
    base = {
        "NetworkMode": "none",
        "IpcMode": "private",
        "ShmSize": 64 << 20,
        "CgroupnsMode": "host",
        "Runtime": "foreign",
        "LogConfig": {"Type": "json-file", "Config": {}},
    }
    return fields.complete(fields.HOST_CONFIG, base | changes, "HostConfig")


def container(name: str = "web", container_id: str = ID, **changes: Any) -> Container:
    """A container nobody created."""
    parts = {
        "id": container_id,
        "name": name,
        "created": "2026-01-02T03:04:05.123456789Z",
        "image_id": "sha256:" + "1" * 64,
        "chain_id": "sha256:" + "2" * 64,
        "config": config(Hostname=container_id[:12]),
        "host_config": host_config(),
        "path": "true",
    }
    return Container(**(parts | changes))


@dataclass
class FakeTask:
    """One task."""

    pid: int
    stdio: Stdio
    status: int = task_pb2.Status.CREATED
    exit_status: int = 0
    execs: dict[str, Stdio] = field(default_factory=dict)


class FakeTasks:
    """Tasks; `exits` hears of their ends like the event stream does."""

    def __init__(self) -> None:
        self.tasks: dict[str, FakeTask] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.refuse: dict[str, Fault] = {}
        self.exits: Exits | None = None
        self.dies_of = {9, 15}
        self.on_create: Callable[[Stdio], None] = lambda stdio: None
        self._pid = 1000

    def _note(self, *call: Any) -> None:
        self.calls.append(call)
        if call[0] in self.refuse:
            raise self.refuse[call[0]]

    def _task(self, container_id: str) -> FakeTask:
        if container_id not in self.tasks:
            raise NotFound(f"no running task found: task {container_id} not found")
        return self.tasks[container_id]

    async def create(self, container_id: str, rootfs: Any, stdio: Stdio, options: Any = None) -> int:
        self._note("create", container_id, *([options] if options is not None else []))
        self._pid += 1
        self.on_create(stdio)
        self.tasks[container_id] = FakeTask(self._pid, stdio)
        return self._pid

    async def start(self, container_id: str, exec_id: str = "") -> int:
        self._note("start", container_id, exec_id)
        task = self._task(container_id)
        if not exec_id:
            task.status = task_pb2.Status.RUNNING
        return task.pid

    async def kill(self, container_id: str, signal: int, *, exec_id: str = "", everyone: bool = False) -> None:
        self._note("kill", container_id, int(signal), exec_id)
        self._task(container_id)
        if not exec_id and signal in self.dies_of:
            self.end(container_id, 128 + signal)

    def end(self, container_id: str, status: int, process_id: str = "") -> None:
        """A process ends, and the event says so."""
        task = self._task(container_id)
        if not process_id:
            task.status, task.exit_status = task_pb2.Status.STOPPED, status
        event = event_messages.TaskExit(
            container_id=container_id, id=process_id or container_id, pid=task.pid, exit_status=status
        )
        event.exited_at.GetCurrentTime()
        envelope = event_pb2.Envelope(namespace="moby", topic="/tasks/exit")
        envelope.event.value = event.SerializeToString()
        assert self.exits is not None
        self.exits.handle(envelope)

    async def wait(self, container_id: str, exec_id: str = "") -> ExitStatus:
        return ExitStatus(0, self._task(container_id).exit_status, 0)

    async def delete(self, container_id: str) -> ExitStatus:
        self._note("delete", container_id)
        task = self._task(container_id)
        del self.tasks[container_id]
        return ExitStatus(task.pid, task.exit_status, 0)

    async def exec(self, container_id: str, exec_id: str, process: Json, stdio: Stdio) -> None:
        self._note("exec", container_id, process)
        self._task(container_id).execs[exec_id] = stdio

    async def delete_process(self, container_id: str, exec_id: str) -> ExitStatus:
        self._note("delete_process", container_id)
        return ExitStatus(0, 0, 0)

    async def resize(self, container_id: str, width: int, height: int, exec_id: str = "") -> None:
        self._note("resize", container_id, width, height)

    async def close_stdin(self, container_id: str, exec_id: str = "") -> None:
        self._note("close_stdin", container_id)

    async def checkpoint(self, container_id: str, image: str, *, leave_running: bool) -> None:
        self._note("checkpoint", container_id, image)
        (Path(image) / "inventory.img").touch()
        if not leave_running:
            self.end(container_id, 137)

    async def pause(self, container_id: str) -> None:
        self._note("pause", container_id)

    async def resume(self, container_id: str) -> None:
        self._note("resume", container_id)

    async def update(self, container_id: str, resources: Json) -> None:
        self._note("update", container_id, resources)

    async def pids(self, container_id: str) -> list[int]:
        return [self._task(container_id).pid]

    async def metrics(self, container_id: str) -> None:
        return None

    async def list(self) -> list[task_pb2.Process]:
        return [
            task_pb2.Process(id=name, pid=task.pid, status=task.status, exit_status=task.exit_status)
            for name, task in self.tasks.items()
        ]


class FakeContainers:
    """The supervisor's records."""

    def __init__(self) -> None:
        self.records: dict[str, Json] = {}

    async def create(self, container_id: str, **record: Any) -> None:
        if container_id in self.records:
            raise AlreadyExists(f'container "{container_id}": already exists')
        self.records[container_id] = record

    async def delete(self, container_id: str) -> None:
        if self.records.pop(container_id, None) is None:
            raise NotFound(f'container "{container_id}" in namespace "moby": not found')


@dataclass
class _Info:
    name: str
    labels: dict[str, str]
    parent: str = ""


class FakeSnapshots:
    """Snapshots that are folders."""

    snapshotter = "overlayfs"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys: dict[str, dict[str, str]] = {}

    async def prepare(self, key: str, parent: str, labels: Mapping[str, str] | None = None, **_: Any) -> list[Any]:
        self.keys[key] = dict(labels or {})
        root = self.folder / key
        (root / "etc").mkdir(parents=True)
        (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\nwww:x:33:34::/var:/bin/false\n")
        (root / "etc" / "group").write_text("root:x:0:\nwheel:x:10:root\n")
        return await self.mounts(key)

    async def mounts(self, key: str) -> list[mount_pb2.Mount]:
        if key not in self.keys:
            raise NotFound(f"snapshot {key} does not exist: not found")
        return [mount_pb2.Mount(type="bind", source=str(self.folder / key), options=["rw", "rbind"])]

    async def remove(self, key: str) -> None:
        if self.keys.pop(key, None) is None:
            raise NotFound(f"snapshot {key} does not exist: not found")

    async def usage(self, key: str) -> tuple[int, int]:
        await self.mounts(key)
        return 10, 1

    async def stat(self, key: str) -> _Info:
        await self.mounts(key)
        return _Info(key, self.keys[key])

    async def list(self, *filters: str) -> list[_Info]:
        return [_Info(key, labels) for key, labels in self.keys.items()]


@dataclass(frozen=True)
class FakePlan:
    """A network plan."""

    netns: str | None = None
    files: dict[str, str] = field(default_factory=dict)


class FakeNetworks:
    """Networks of nothing."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self.published: list[tuple[str, Json]] = []

    async def publish(self, container_id: str, config: Json, host_config: Json, endpoints: Json) -> None:
        self.published.append((container_id, host_config["PortBindings"]))

    async def check(self, config: Json, host_config: Json, endpoints: Json) -> None:
        if host_config["NetworkMode"] == "nowhere":
            raise InvalidArgument("network nowhere not found")

    async def allocate(
        self, container_id: str, config: Json, host_config: Json, endpoints: Json, *, born_in: str = ""
    ) -> FakePlan:
        self.held.add(container_id)
        return FakePlan()

    async def release(self, container_id: str) -> None:
        self.held.discard(container_id)

    def settings(self, container_id: str, host_config: Json, endpoints: Json) -> Json:
        return {"Ports": {}, "Networks": {"none": {"NetworkID": "n0"}}}


@dataclass(frozen=True)
class FakeImage:
    """One image."""

    id: str = "sha256:" + "1" * 64
    top: str = "sha256:" + "2" * 64
    descriptor: Json = field(default_factory=lambda: {"mediaType": "m", "digest": "sha256:" + "3" * 64, "size": 7})
    container_config: Json = field(default_factory=lambda: {"Cmd": ["sh"], "Env": ["PATH=/bin"]})
    config: Json = field(default_factory=dict)


class FakeImages:
    """One image by the name of busybox."""

    def __init__(self) -> None:
        self.image = FakeImage()

    async def resolve_quickly(self, text: str) -> FakeImage:
        if text != "busybox":
            raise NotFound(f"No such image: {text}:latest")
        return self.image

    async def resolve(self, text: str, platform: Any = None) -> FakeImage:
        return await self.resolve_quickly(text)


class Bench:
    """A room, and its fakes at hand."""

    def __init__(self, folder: Path) -> None:
        self.tasks, self.records, self.networks = FakeTasks(), FakeContainers(), FakeNetworks()
        self.snapshots, self.images, self.bus = FakeSnapshots(folder / "snapshots"), FakeImages(), Bus()
        self.paths = Paths(str(folder / "data"), str(folder / "exec"))
        self.paths.make()
        self.connection = connect(self.paths.database)
        registry = Registry(ContainerStore(self.connection))
        volumes = Volumes(self.connection, self.paths.volumes, self.bus)
        volumes.users = lambda name: [
            live.container.id for live in registry if any(mount.name == name for mount in live.container.mounts)
        ]
        nothing: Any = None
        supervisor: Any = Supervisor(self.records, self.tasks, self.snapshots, nothing, nothing)  # type: ignore[arg-type]
        self.room = Room(
            config=Config(),
            paths=self.paths,
            host=Host(),
            policy=Policy(),
            runtimes=Runtimes({"foreign": {"runtimeType": "io.containerd.runc.v2"}}, "foreign"),
            registry=registry,
            supervisor=supervisor,
            images=self.images,
            networks=self.networks,
            volumes=volumes,
            bus=self.bus,
        )
        self.room.execs = Execs(self.room)
        self.tasks.exits = Exits(self.room)

    def add(self, **changes: Any) -> Live:
        """A container that nobody created, in the registry."""
        return self.room.registry.add(container(**changes))

    async def create(self, name: str = "web", **body: Any) -> Live:
        """A container by the front door."""
        made = await create.create(self.room, name, {"Image": "busybox", "HostConfig": {"NetworkMode": "none"}} | body)
        return self.room.registry.find(made.id)

    async def run(self, name: str = "web", **body: Any) -> Live:
        """Created and started."""
        live = await self.create(name, **body)
        await start.start(self.room, live)
        return live

    async def settled(self, live: Live) -> None:
        """Its exit has been dealt with."""
        async with asyncio.timeout(5):
            await live.exited.wait()
            async with live.lock:
                pass

    @property
    def actions(self) -> list[str]:
        """What was announced about containers."""
        return [event.action for event in self.bus._ring if event.kind == "container"]

    async def close(self) -> None:
        """End what runs in the background."""
        for live in self.room.registry:
            if live.stdio is not None:
                live.stdio.close()
            for made in list(live.execs.values()):
                if made.stdio is not None:
                    made.stdio.close()
        await self.room.background.close()
        self.connection.close()
