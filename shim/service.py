"""containerd.task.v2.Task and v3.Task: decode, one call, encode. The two have the same messages.

A call that changes something goes on to its end even if the caller leaves: half a container helps nobody.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from typing import TypeVar

from google.protobuf.empty_pb2 import Empty

from proto import anys
from proto.containerd.runtime.task.v2 import shim_pb2 as api
from proto.containerd.types.runc.options import oci_pb2
from proto.errdefs import AlreadyExists, NotFound
from proto.ttrpc.server import Context
from shim import convert, stats
from shim.container import Container, Host
from shim.requests import CheckpointSpec, CreateSpec

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class TaskService:
    """Every container of this shim."""

    def __init__(self, host: Host, shutdown: Callable[[], None]) -> None:
        self.host = host
        self._shutdown = shutdown
        self.sandbox: object | None = None  # while there is one, the last container does not end the shim
        self._containers: dict[str, Container] = {}
        self._creating: dict[str, asyncio.Event] = {}

    async def Create(self, request: api.CreateTaskRequest, _context: Context) -> api.CreateTaskResponse:
        """Mount the tree, make the container."""
        return await self.whole(self._create(request))

    async def Start(self, request: api.StartRequest, _context: Context) -> api.StartResponse:
        """Run the first process or an exec."""
        pid = await self.whole(self._container(request.id).start(request.exec_id))
        return api.StartResponse(pid=pid)

    async def Delete(self, request: api.DeleteRequest, _context: Context) -> api.DeleteResponse:
        """Forget a process; with the first one, the container."""
        await self._settled()
        return await self.whole(self._delete(request))

    async def Exec(self, request: api.ExecProcessRequest, _context: Context) -> Empty:
        """Register an exec."""
        document = convert.exec_document(request.spec, request.terminal)
        self._container(request.id).add_exec(request.exec_id, document, convert.stdio_from_create(request))
        return Empty()

    async def State(self, request: api.StateRequest, _context: Context) -> api.StateResponse:
        """Everything about a process."""
        await self._settled()
        container = self._container(request.id)
        process = container.process(request.exec_id)
        return api.StateResponse(
            id=process.id,
            bundle=container.bundle.path,
            pid=process.pid,
            status=convert.status_to_proto(container.state_of(process)),
            stdin=process.stdio.stdin,
            stdout=process.stdio.stdout,
            stderr=process.stdio.stderr,
            terminal=process.stdio.terminal,
            exit_status=process.exit.status if process.exit else 0,
            exited_at=convert.exit_time(process.exit),
        )

    async def Wait(self, request: api.WaitRequest, _context: Context) -> api.WaitResponse:
        """Answer when the process has ended."""
        exit_ = await self._container(request.id).process(request.exec_id).wait()
        return api.WaitResponse(exit_status=exit_.status, exited_at=convert.timestamp(exit_.at))

    async def Kill(self, request: api.KillRequest, _context: Context) -> Empty:
        """Send a signal."""
        await self._settled()
        container = self._container(request.id)
        await self.whole(container.kill(request.exec_id, request.signal, request.all))
        return Empty()

    async def Pids(self, request: api.PidsRequest, _context: Context) -> api.PidsResponse:
        """Every process of the container."""
        found = await self.whole(self._container(request.id).pids())
        return api.PidsResponse(processes=[convert.process_info(pid, exec_id) for pid, exec_id in found])

    async def Pause(self, request: api.PauseRequest, _context: Context) -> Empty:
        """Freeze."""
        await self.whole(self._container(request.id).pause())
        return Empty()

    async def Resume(self, request: api.ResumeRequest, _context: Context) -> Empty:
        """Thaw."""
        await self.whole(self._container(request.id).resume())
        return Empty()

    async def Checkpoint(self, request: api.CheckpointTaskRequest, _context: Context) -> Empty:
        """Write an image, if the runtime can."""
        options = oci_pb2.CheckpointOptions.FromString(request.options.value)
        spec = CheckpointSpec(
            request.path,
            options.work_path,
            exit_=options.exit,
            flags=convert.checkpoint_flags(options),
            empty_namespaces=list(options.empty_namespaces),
            parent=options.parent_path,
        )
        await self.whole(self._container(request.id).checkpoint(spec))
        return Empty()

    async def ResizePty(self, request: api.ResizePtyRequest, _context: Context) -> Empty:
        """Set a pty's size."""
        self._container(request.id).resize(request.exec_id, request.width, request.height)
        return Empty()

    async def CloseIO(self, request: api.CloseIORequest, _context: Context) -> Empty:
        """End a process's input."""
        process = self._container(request.id).process(request.exec_id)
        if request.stdin:
            process.close_stdin()
        return Empty()

    async def Update(self, request: api.UpdateTaskRequest, _context: Context) -> Empty:
        """Change resource limits."""
        await self.whole(self._container(request.id).update(request.resources.value))
        return Empty()

    async def Stats(self, request: api.StatsRequest, _context: Context) -> api.StatsResponse:
        """What the container's cgroup has used."""
        metrics = stats.collect(self._container(request.id).cgroups)
        if metrics is None:
            raise NotFound("cgroup does not exist")
        return api.StatsResponse(stats=anys.pack(metrics))

    async def Connect(self, request: api.ConnectRequest, _context: Context) -> api.ConnectResponse:
        """Our pid and the container's; also before there is one."""
        container = self._containers.get(request.id)
        return api.ConnectResponse(shim_pid=os.getpid(), task_pid=container.init.pid if container else 0)

    async def Shutdown(self, _request: api.ShutdownRequest, _context: Context) -> Empty:
        """End the shim, unless there are containers left."""
        await self._settled()
        if not self._containers and self.sandbox is None:
            self._shutdown()
        return Empty()

    def has_containers(self) -> bool:
        """Whether a container is here, or on its way."""
        return bool(self._containers or self._creating)

    async def _create(self, request: api.CreateTaskRequest) -> api.CreateTaskResponse:
        if request.id in self._containers or request.id in self._creating:
            raise AlreadyExists(f"container {request.id}")
        spec = CreateSpec(
            request.id,
            request.bundle,
            convert.mounts_from_proto(request.rootfs),
            convert.stdio_from_create(request),
            convert.options_from_proto(request.options),
            request.checkpoint,
            request.parent_checkpoint,
        )
        container = Container(spec, self.host)
        made = self._creating[request.id] = asyncio.Event()
        try:
            await container.create()
            self._containers[request.id] = container
        finally:
            del self._creating[request.id]
            made.set()
        return api.CreateTaskResponse(pid=container.init.pid)

    async def _delete(self, request: api.DeleteRequest) -> api.DeleteResponse:
        container = self._container(request.id)
        process = await container.delete(request.exec_id)
        if not request.exec_id:
            self._containers.pop(request.id, None)
            self.host.events.deleted(request.id, process)
        return api.DeleteResponse(
            pid=process.pid,
            exit_status=process.exit.status if process.exit else 0,
            exited_at=convert.exit_time(process.exit),
        )

    async def _settled(self) -> None:
        """What is being made is made or has failed: a daemon that died over its request asks about it later."""
        while self._creating:
            await next(iter(self._creating.values())).wait()

    def _container(self, container_id: str) -> Container:
        try:
            return self._containers[container_id]
        except KeyError:
            raise NotFound("container not created") from None

    async def whole(self, work: Coroutine[None, None, Result]) -> Result:
        """Do the work to its end, whether or not the caller stays."""
        task = asyncio.get_running_loop().create_task(work)
        self.host.tasks.add(task)
        task.add_done_callback(self.host.tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_log_orphan)
            raise


def _log_orphan(task: "asyncio.Task[Result]") -> None:
    """Nobody waits for the answer any more; a failure is still worth a line."""
    if not task.cancelled() and task.exception() is not None:
        logger.warning("a call failed after its caller had left: %s", task.exception())
