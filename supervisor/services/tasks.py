"""containerd.services.tasks.v1, on top of Tasks: what clients say to a task, in the words of its shim.

Calls about an exec go to the shim as they are: it knows its processes, and says so when it does not know one.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp

from proto.containerd.runtime.task.v2 import shim_pb2 as shim
from proto.containerd.services.tasks.v1 import tasks_pb2 as api
from proto.containerd.services.tasks.v1 import tasks_pb2_grpc
from proto.containerd.types.metrics_pb2 import Metric
from proto.containerd.types.runc.options.oci_pb2 import Options
from proto.containerd.types.task.task_pb2 import Process
from proto.errdefs import DeadlineExceeded, Fault, InvalidArgument, NotFound, Unavailable, Unimplemented
from proto.failpoints import reached
from supervisor.core.containers import Container, ContainerStore
from supervisor.core.filters import parse_filters
from supervisor.core.identifiers import validate_identifier
from supervisor.runtime.checkpoint import Checkpoints
from supervisor.runtime.sandboxes import Sandboxes
from supervisor.runtime.shim_client import ShimGone
from supervisor.runtime.tasks import CreateOptions, Task, Tasks
from supervisor.server.namespace import namespace_of

logger = logging.getLogger(__name__)

Context: TypeAlias = grpc.aio.ServicerContext

_RUNC_OPTIONS = "containerd.runc.v1.Options"


class TasksService(tasks_pb2_grpc.TasksServicer):
    """The Tasks service."""

    def __init__(
        self, tasks: Tasks, containers: ContainerStore, checkpoints: Checkpoints, sandboxes: Sandboxes | None = None
    ) -> None:
        self._tasks = tasks
        self._containers = containers
        self._checkpoints = checkpoints
        self._sandboxes = sandboxes

    async def Create(self, request: api.CreateTaskRequest, context: Context) -> api.CreateTaskResponse:
        namespace = namespace_of(context)
        container = self._containers.get(namespace, request.container_id)
        options = create_options(container, request)
        if container.sandbox_id and self._sandboxes is not None:
            options = replace(options, sandbox=await self._sandboxes.host_of(namespace, container.sandbox_id))
        path = criu_image_path(options.options)
        image = None if path else self._checkpoints.image(namespace, request.checkpoint)
        options = options.restored_from(path).restored_by(image)
        pid = await self._tasks.create(namespace, container.id, options)
        return api.CreateTaskResponse(container_id=container.id, pid=pid)

    async def Start(self, request: api.StartRequest, context: Context) -> api.StartResponse:
        task = await self._task(context, request.container_id)
        reached("supervisor.start.asked")
        response = await task.client.start(task.id, request.exec_id)
        reached("supervisor.start.running")
        pid = response.pid or (await task.client.state(task.id, request.exec_id)).pid
        return api.StartResponse(pid=pid)

    async def Delete(self, request: api.DeleteTaskRequest, context: Context) -> api.DeleteResponse:
        namespace = namespace_of(context)
        self._containers.get(namespace, request.container_id)
        end = await self._tasks.delete(namespace, request.container_id)
        return api.DeleteResponse(pid=end.pid, exit_status=end.exit_status, exited_at=end.exited_at)

    async def DeleteProcess(self, request: api.DeleteProcessRequest, context: Context) -> api.DeleteResponse:
        if not request.exec_id:
            raise InvalidArgument("exec id cannot be empty")
        task = await self._task(context, request.container_id)
        end = await task.client.delete(task.id, request.exec_id)
        return api.DeleteResponse(id=request.exec_id, pid=end.pid, exit_status=end.exit_status, exited_at=end.exited_at)

    async def Get(self, request: api.GetRequest, context: Context) -> api.GetResponse:
        task = await self._task(context, request.container_id)
        return api.GetResponse(process=await self._process(task, request.exec_id))

    async def List(self, _request: api.ListTasksRequest, context: Context) -> api.ListTasksResponse:
        tasks = await self._tasks.list(namespace_of(context))
        processes = await asyncio.gather(*(self._process_or_none(task) for task in tasks))
        return api.ListTasksResponse(tasks=[process for process in processes if process is not None])

    async def Kill(self, request: api.KillRequest, context: Context) -> Empty:
        task = await self._task(context, request.container_id)
        message = shim.KillRequest(id=task.id, exec_id=request.exec_id, signal=request.signal, all=request.all)
        reached("supervisor.kill.asked")
        try:
            done = await task.client.call("Kill", message, Empty)
            reached("supervisor.kill.sent")
            return done
        except ShimGone as gone:
            raise NotFound("process already finished: not found") from gone

    async def Exec(self, request: api.ExecProcessRequest, context: Context) -> Empty:
        if not request.exec_id:
            raise InvalidArgument("exec id cannot be empty")
        task = await self._task(context, request.container_id)
        try:
            validate_identifier(request.exec_id)
        except InvalidArgument as fault:
            raise InvalidArgument(f"invalid exec id {request.exec_id}: {fault}") from fault
        message = shim.ExecProcessRequest(
            id=task.id,
            exec_id=request.exec_id,
            terminal=request.terminal,
            stdin=request.stdin,
            stdout=request.stdout,
            stderr=request.stderr,
            spec=request.spec,
        )
        reached("supervisor.exec.asked")
        added = await task.client.call("Exec", message, Empty)
        reached("supervisor.exec.added")
        return added

    async def ResizePty(self, request: api.ResizePtyRequest, context: Context) -> Empty:
        task = await self._task(context, request.container_id)
        message = shim.ResizePtyRequest(id=task.id, exec_id=request.exec_id, width=request.width, height=request.height)
        return await task.client.call("ResizePty", message, Empty)

    async def CloseIO(self, request: api.CloseIORequest, context: Context) -> Empty:
        task = await self._task(context, request.container_id)
        if not request.stdin:
            return Empty()
        return await task.client.call(
            "CloseIO", shim.CloseIORequest(id=task.id, exec_id=request.exec_id, stdin=True), Empty
        )

    async def Pause(self, request: api.PauseTaskRequest, context: Context) -> Empty:
        task = await self._task(context, request.container_id)
        return await task.client.call("Pause", shim.PauseRequest(id=task.id), Empty)

    async def Resume(self, request: api.ResumeTaskRequest, context: Context) -> Empty:
        task = await self._task(context, request.container_id)
        return await task.client.call("Resume", shim.ResumeRequest(id=task.id), Empty)

    async def ListPids(self, request: api.ListPidsRequest, context: Context) -> api.ListPidsResponse:
        task = await self._task(context, request.container_id)
        response = await task.client.call("Pids", shim.PidsRequest(id=task.id), shim.PidsResponse)
        return api.ListPidsResponse(processes=response.processes)

    async def Checkpoint(self, request: api.CheckpointTaskRequest, context: Context) -> api.CheckpointTaskResponse:
        namespace = namespace_of(context)
        container = self._containers.get(namespace, request.container_id)
        task = await self._tasks.get(namespace, container.id)
        spec = to_any(container.spec) or Any()
        descriptors = await self._checkpoints.take(task, request.options, spec)
        return api.CheckpointTaskResponse(descriptors=descriptors)

    async def Update(self, request: api.UpdateTaskRequest, context: Context) -> Empty:
        task = await self._task(context, request.container_id)
        message = shim.UpdateTaskRequest(id=task.id, resources=request.resources, annotations=request.annotations)
        return await task.client.call("Update", message, Empty)

    async def Metrics(self, request: api.MetricsRequest, context: Context) -> api.MetricsResponse:
        wanted = parse_filters(request.filters)
        tasks = [
            task
            for task in await self._tasks.list(namespace_of(context))
            if wanted(lambda path, task=task: _metric_field(task, path))  # type: ignore[misc]
        ]
        metrics = await asyncio.gather(*(self._metric(task) for task in tasks))
        return api.MetricsResponse(metrics=[metric for metric in metrics if metric is not None])

    async def Wait(self, request: api.WaitRequest, context: Context) -> api.WaitResponse:
        task = await self._task(context, request.container_id)
        end = await task.wait(request.exec_id)
        return api.WaitResponse(exit_status=end.exit_status, exited_at=end.exited_at)

    async def _task(self, context: Context, container_id: str) -> Task:
        """The task of a container that must exist: a task without its record is nobody's."""
        namespace = namespace_of(context)
        self._containers.get(namespace, container_id)
        return await self._tasks.get(namespace, container_id)

    async def _process(self, task: Task, exec_id: str = "") -> Process:
        """A process as clients see it; a shim that fails to say is shown as an unknown state."""
        try:
            state = await task.client.state(task.id, exec_id, self._tasks.timeouts.state)
        except ShimGone as gone:
            raise NotFound(f"task {task.id} not found") from gone
        except (NotFound, Unavailable, DeadlineExceeded):
            raise
        except Fault as fault:
            logger.error("get state for %s: %s", task.id, fault)
            return Process(id=exec_id or task.id)
        return process_from_state(state, exec_id or task.id)

    async def _process_or_none(self, task: Task) -> Process | None:
        try:
            return await self._process(task)
        except Fault as fault:  # it is being deleted, or its shim does not answer: the others are listed all the same
            if not isinstance(fault, NotFound):
                logger.error("list: %s", fault, extra={"id": task.id})
            return None

    async def _metric(self, task: Task) -> Metric | None:
        timestamp = Timestamp()
        timestamp.GetCurrentTime()
        try:
            response = await task.client.call("Stats", shim.StatsRequest(id=task.id), shim.StatsResponse)
        except Fault as fault:
            if not isinstance(fault, NotFound):
                logger.error("collecting metrics for %s: %s", task.id, fault)
            return None
        return Metric(timestamp=timestamp, id=task.id, data=response.stats)


def _metric_field(task: Task, path: Sequence[str]) -> str | None:
    return {"id": task.id, "namespace": task.namespace}.get(path[0])


def to_any(value: object) -> Any | None:
    """A TypedValue as protobuf has it; None stays None."""
    if value is None:
        return None
    return Any(type_url=value.type_url, value=value.value)  # type: ignore[attr-defined]


def create_options(container: Container, request: api.CreateTaskRequest) -> CreateOptions:
    """What the request and the container's record make of a task; the request's options win if it has any."""
    if request.task_api_address:
        raise Unimplemented(f"no task can join a sandbox's shim at {request.task_api_address}: not implemented")
    options = request.options if request.options.value else to_any(container.runtime.options)
    return CreateOptions(
        runtime=request.runtime_path or container.runtime.name,
        spec=container.spec.value if container.spec is not None else b"",
        options=options,
        rootfs=tuple(request.rootfs),
        stdin=request.stdin,
        stdout=request.stdout,
        stderr=request.stderr,
        terminal=request.terminal,
    )


def criu_image_path(options: Any | None) -> str:
    """Where runc options say that a checkpoint lies, to be restored from; empty for other options."""
    if options is None or not options.type_url.endswith(_RUNC_OPTIONS):
        return ""
    return Options.FromString(options.value).criu_image_path


def process_from_state(state: shim.StateResponse, process_id: str) -> Process:
    """The shim's State as the Tasks service shows it."""
    return Process(
        id=process_id,
        pid=state.pid,
        status=state.status,
        stdin=state.stdin,
        stdout=state.stdout,
        stderr=state.stderr,
        terminal=state.terminal,
        exit_status=state.exit_status,
        exited_at=state.exited_at,
    )
