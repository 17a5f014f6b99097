"""Tasks from create to delete: every task has its own shim connection, bundle and log.

    create   bundle → shim start → connect → Create        (each step undoes itself when a later one fails)
    delete   Delete → Shutdown → close → bundle
    death    the connection ends while the task is here → `shim delete` → exit and delete events

One table of tasks, keyed by namespace and id; a key is taken from the first step of create to the last of delete, and
by a bundle that is still being restored, on which callers wait.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from google.protobuf.any_pb2 import Any

from proto.containerd.runtime.task.v2 import shim_pb2 as shim
from proto.containerd.types.mount_pb2 import Mount
from proto.errdefs import AlreadyExists, FailedPrecondition, Fault, NotFound
from proto.failpoints import reached
from supervisor.background import Background
from supervisor.core.identifiers import validate_identifier
from supervisor.runtime import bootstrap
from supervisor.runtime.bootstrap import Endpoint
from supervisor.runtime.bundle import Bundle, BundleRoots
from supervisor.runtime.cleanup import Cleanup, Timeouts
from supervisor.runtime.launcher import Launcher
from supervisor.runtime.monitor import TaskMonitor
from supervisor.runtime.new_shim import Key, Making, NewShims
from supervisor.runtime.programs import ShimPrograms
from supervisor.runtime.shim_client import ShimClient, ShimGone, connect
from supervisor.runtime.shim_log import ShimLog
from supervisor.runtime.status import MUST_STOP, status_word

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SandboxHost:
    """The shim of a sandbox, which runs the tasks in it, too."""

    sandbox_id: str
    program: str
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class CreateOptions:
    """What a task is made of; `options` go to the shim in `start` and again in Create."""

    runtime: str
    spec: bytes
    options: Any | None = None
    rootfs: Sequence[Mount] = ()
    stdin: str = ""
    stdout: str = ""
    stderr: str = ""
    terminal: bool = False
    checkpoint: str = ""
    image: Callable[[str], None] | None = None  # fills the folder that becomes the checkpoint
    sandbox: SandboxHost | None = None

    def restored_from(self, checkpoint: str) -> "CreateOptions":
        """The same, from a folder of CRIU's images; from nothing when it is empty."""
        return replace(self, checkpoint=checkpoint, image=None)

    def restored_by(self, image: Callable[[str], None] | None) -> "CreateOptions":
        """The same, from images that are still to be unpacked, into the bundle: the shim reads them at Start."""
        return replace(self, image=image)


@dataclass(slots=True, eq=False)
class Task:
    """A task whose shim is connected. `ended` is done, with how it ended, once a dead shim is cleaned up."""

    bundle: Bundle
    program: str
    client: ShimClient
    log: ShimLog
    sandboxed: bool = False  # its shim is the sandbox's, and stays
    deleted: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ended: asyncio.Future[shim.DeleteResponse] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def id(self) -> str:
        return self.bundle.id

    @property
    def namespace(self) -> str:
        return self.bundle.namespace

    async def pid(self) -> int:
        """The init's pid; 0 before it is made."""
        return (await self.client.connect(self.id)).task_pid

    async def wait(self, exec_id: str = "") -> shim.WaitResponse:
        """Until the process has exited; a dead shim's init exits with what its clean-up found."""
        try:
            return await self.client.wait(self.id, exec_id)
        except ShimGone:
            if exec_id or self.deleted:
                raise
            end = await asyncio.shield(self.ended)
            return shim.WaitResponse(exit_status=end.exit_status, exited_at=end.exited_at)


class Tasks:
    """All tasks of the daemon."""

    def __init__(
        self,
        bundles: BundleRoots,
        programs: ShimPrograms,
        launcher: Launcher,
        monitor: TaskMonitor,
        background: Background,
        timeouts: Timeouts,
    ) -> None:
        self.timeouts = timeouts
        self._bundles = bundles
        self._monitor = monitor
        self._background = background
        self._cleanup = Cleanup(launcher, timeouts)
        self._tasks: dict[Key, Task] = {}
        self._making = Making(background)
        self._new_shims = NewShims(bundles, programs, launcher, self._cleanup, background, self._cleanup.useless_shim)
        self._restoring: dict[Key, asyncio.Event] = {}

    async def get(self, namespace: str, container_id: str) -> Task:
        """The task; waits while it is being restored."""
        restoring = self._restoring.get((namespace, container_id))
        if restoring is not None:
            await restoring.wait()
        task = self._tasks.get((namespace, container_id))
        if task is None:
            raise NotFound(f"task {container_id} not found")
        return task

    async def list(self, namespace: str | None = None) -> list[Task]:
        """The tasks of one namespace, or of all, once those being restored are there."""
        for restoring in list(self._restoring.values()):
            await restoring.wait()
        return [task for task in self._tasks.values() if namespace is None or task.namespace == namespace]

    async def create(self, namespace: str, container_id: str, options: CreateOptions) -> int:
        """Start a shim and have it make the container; returns the init's pid."""
        try:
            validate_identifier(container_id)
        except Fault as fault:
            raise type(fault)(f"invalid task id {container_id}: {fault}") from fault
        key = (namespace, container_id)
        restoring = self._restoring.get(key)
        if restoring is not None:
            await restoring.wait()
        if key in self._tasks or key in self._making:
            raise AlreadyExists(f"task {container_id}: already exists")
        return await self._making.run(key, self._create(key, options), f"create {container_id}")

    async def _create(self, key: Key, options: CreateOptions) -> int:
        self._monitor.forget(*key)
        async with AsyncExitStack() as undo:
            if options.sandbox is not None:
                task = await self._join_sandbox(key, options, options.sandbox, undo)
            else:
                new = await self._new_shims.start(
                    key, options.runtime, options.spec, options.options, undo, "failed to start shim"
                )
                task = Task(new.bundle, new.program, new.client, new.log)
            reached("supervisor.create.connected")
            if options.image is not None:
                await asyncio.to_thread(options.image, task.bundle.checkpoint)
                options = options.restored_from(task.bundle.checkpoint)
            response = await self._create_in_shim(task, options)
            reached("supervisor.create.made")
            undo.pop_all()
        self.adopt(task)
        return response.pid

    async def _join_sandbox(self, key: Key, options: CreateOptions, host: SandboxHost, undo: AsyncExitStack) -> Task:
        """A connection to the shim that the task's sandbox has already."""
        bundle = self._bundles.create(*key, options.spec)
        undo.push_async_callback(self._cleanup.dead_shim_files, bundle, host.program)
        bundle.write(bundle.shim_binary_path, host.program.encode())
        bundle.write(bundle.sandbox, host.sandbox_id.encode())
        bundle.write(bundle.bootstrap, bootstrap.to_json(host.endpoint), 0o644)
        log = ShimLog(bundle)
        undo.callback(log.close)
        client = await connect(host.endpoint, bundle.namespace)
        undo.push_async_callback(client.aclose)
        return Task(bundle, host.program, client, log, sandboxed=True)

    async def _create_in_shim(self, task: Task, options: CreateOptions) -> shim.CreateTaskResponse:
        request = shim.CreateTaskRequest(
            id=task.id,
            bundle=task.bundle.path,
            rootfs=options.rootfs,
            stdin=options.stdin,
            stdout=options.stdout,
            stderr=options.stderr,
            terminal=options.terminal,
            checkpoint=options.checkpoint,
        )
        if options.options is not None:
            request.options.CopyFrom(options.options)
        making = self._background.run(task.client.create(request), f"init of {task.id}")
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:  # a shim that is making a container refuses to be shut down
            await asyncio.wait([making], timeout=self.timeouts.cleanup)
            raise
        except Fault as fault:
            if isinstance(fault, ShimGone):
                raise Fault("failed to create shim task: ttrpc: closed") from fault
            raise type(fault)(f"failed to create shim task: {fault}") from fault

    def adopt(self, task: Task) -> None:
        """Take a task with a living shim into the table, and stand by for the shim's death."""
        self._tasks[task.namespace, task.id] = task
        self._background.start(self._stand_by(task), f"shim of {task.id}")

    async def delete(self, namespace: str, container_id: str) -> shim.DeleteResponse:
        """Delete a stopped task: the shim's state, the shim, the bundle."""
        task = await self.get(namespace, container_id)
        return await asyncio.shield(self._background.run(self._delete(task), f"delete {container_id}"))

    async def _delete(self, task: Task) -> shim.DeleteResponse:
        try:
            return await self._delete_living(task)
        except ShimGone:
            return await asyncio.shield(task.ended)  # who stands by deletes it in the shim's place, and knows its end

    async def _delete_living(self, task: Task) -> shim.DeleteResponse:
        async with task.lock:
            if task.deleted:
                raise NotFound(f"task {task.id} not found")
            missing: NotFound | None = None
            response = shim.DeleteResponse()
            reached("supervisor.delete.asked")
            try:
                response = await task.client.delete(task.id)
            except ShimGone:
                raise
            except NotFound as fault:
                missing = fault  # the shim has forgotten it: take the rest away all the same
            except Fault as fault:
                raise await self._why_not_deleted(task, fault) from fault
            task.deleted = True
            reached("supervisor.delete.deleted")
            if task.sandboxed:
                await task.client.aclose()
            else:
                await self._cleanup.shut_down(task.bundle, task.client)
            task.log.close()
            reached("supervisor.delete.shut-down")
            await self._cleanup.bundle(task.bundle)
            reached("supervisor.delete.removed")
            self._forget(task)
            if missing is not None:
                raise NotFound(f"failed to delete task: {missing}") from missing
            return response

    async def _why_not_deleted(self, task: Task, fault: Fault) -> Fault:
        """A shim says of a running task only that it cannot; containerd's clients know a better sentence."""
        try:
            state = await task.client.state(task.id, timeout=self.timeouts.state)
        except Fault:
            return type(fault)(f"failed to delete task: {fault}")
        if state.status in MUST_STOP:
            word = status_word(state.status)
            return FailedPrecondition(f"task must be stopped before deletion: {word}: failed precondition")
        return type(fault)(f"failed to delete task: {fault}")

    async def _stand_by(self, task: Task) -> None:
        """Wait for the shim's end; unless the task was deleted first, clean up and tell."""
        await asyncio.shield(task.client.closed)
        async with task.lock:
            if task.deleted:
                return
            task.deleted = True
            task.log.close()
            end = await self._cleanup.dead_shim(task.bundle, task.program)
            self._forget(task, end)

    def _forget(self, task: Task, end: shim.DeleteResponse | None = None) -> None:
        self._tasks.pop((task.namespace, task.id), None)
        if end is not None:
            task.ended.set_result(self._monitor.died(task.namespace, task.id, end))
        else:
            self._monitor.forget(task.namespace, task.id)
            task.ended.cancel()

    def begin_restore(self) -> Iterator[Bundle]:
        """Take the key of every bundle on disk, so that callers wait instead of being told NotFound."""
        for bundle in self._bundles.existing():
            key = (bundle.namespace, bundle.id)
            if key not in self._tasks and key not in self._making:
                self._restoring[key] = asyncio.Event()
                yield bundle

    def end_restore(self, bundle: Bundle, task: Task | None) -> None:
        """Say what became of a bundle: a task, or nothing."""
        if task is not None:
            self.adopt(task)
        self._restoring.pop((bundle.namespace, bundle.id)).set()

    def sweep(self) -> None:
        """Remove what interrupted removals and reboots left beside the living bundles."""
        self._bundles.sweep(self._making.keys | self._tasks.keys())

    async def aclose(self) -> None:
        """Leave every shim as it is: the daemon goes, the tasks go on."""
        for task in self._tasks.values():
            task.deleted = True  # our closing is not the shim's death
            await task.client.aclose()
            task.log.close()
