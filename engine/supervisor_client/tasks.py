"""containerd.services.tasks.v1: the living processes of a container."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import any_pb2, timestamp_pb2

from engine.supervisor_client.channel import Channel
from proto.containerd.services.tasks.v1 import tasks_pb2, tasks_pb2_grpc
from proto.containerd.types import metrics_pb2, mount_pb2
from proto.containerd.types.runc.options import oci_pb2
from proto.containerd.types.task import task_pb2

PROCESS_TYPE_URL = "types.containerd.io/opencontainers/runtime-spec/1/Process"
CHECKPOINT_TYPE_URL = "containerd.runc.v1.CheckpointOptions"
RESOURCES_TYPE_URL = "types.containerd.io/opencontainers/runtime-spec/1/LinuxResources"


@dataclass(frozen=True, slots=True)
class Stdio:
    """The names a task or exec is given for its three streams."""

    stdin: str = ""
    stdout: str = ""
    stderr: str = ""
    terminal: bool = False


@dataclass(frozen=True, slots=True)
class ExitStatus:
    """How a process ended."""

    pid: int
    status: int
    exited_at: float


def seconds(stamp: timestamp_pb2.Timestamp) -> float:
    """A timestamp as seconds since the epoch."""
    return float(stamp.seconds) + stamp.nanos / 1e9


class Tasks:
    """Tasks and their execs."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._stub = tasks_pb2_grpc.TasksStub(channel.grpc)

    async def create(
        self,
        container_id: str,
        rootfs: Sequence[mount_pb2.Mount],
        stdio: Stdio,
        options: any_pb2.Any | None = None,
    ) -> int:
        """Create the task; the answer is the pid of its init, which has not begun yet."""
        request = tasks_pb2.CreateTaskRequest(
            container_id=container_id,
            rootfs=rootfs,
            stdin=stdio.stdin,
            stdout=stdio.stdout,
            stderr=stdio.stderr,
            terminal=stdio.terminal,
            options=options,
        )
        answer: tasks_pb2.CreateTaskResponse = await self._channel.unary(self._stub.Create, request)
        return answer.pid

    async def start(self, container_id: str, exec_id: str = "") -> int:
        """Let the init (or the exec) begin."""
        request = tasks_pb2.StartRequest(container_id=container_id, exec_id=exec_id)
        answer: tasks_pb2.StartResponse = await self._channel.unary(self._stub.Start, request)
        return answer.pid

    async def delete(self, container_id: str) -> ExitStatus:
        """Forget a task that has ended."""
        answer = await self._channel.unary(self._stub.Delete, tasks_pb2.DeleteTaskRequest(container_id=container_id))
        return ExitStatus(answer.pid, answer.exit_status, seconds(answer.exited_at))

    async def delete_process(self, container_id: str, exec_id: str) -> ExitStatus:
        """Forget an exec that has ended."""
        request = tasks_pb2.DeleteProcessRequest(container_id=container_id, exec_id=exec_id)
        answer = await self._channel.unary(self._stub.DeleteProcess, request)
        return ExitStatus(answer.pid, answer.exit_status, seconds(answer.exited_at))

    async def get(self, container_id: str, exec_id: str = "") -> task_pb2.Process:
        """The present state of the init or of an exec."""
        request = tasks_pb2.GetRequest(container_id=container_id, exec_id=exec_id)
        answer: tasks_pb2.GetResponse = await self._channel.unary(self._stub.Get, request)
        return answer.process

    async def list(self) -> list[task_pb2.Process]:
        """All tasks of the namespace."""
        return list((await self._channel.unary(self._stub.List, tasks_pb2.ListTasksRequest())).tasks)

    async def kill(self, container_id: str, signal: int, *, exec_id: str = "", everyone: bool = False) -> None:
        """Send a signal."""
        request = tasks_pb2.KillRequest(container_id=container_id, exec_id=exec_id, signal=signal, all=everyone)
        await self._channel.unary(self._stub.Kill, request)

    async def exec(self, container_id: str, exec_id: str, process: dict[str, Any], stdio: Stdio) -> None:
        """Register one more process; `start` lets it begin."""
        spec = any_pb2.Any(type_url=PROCESS_TYPE_URL, value=json.dumps(process).encode())
        request = tasks_pb2.ExecProcessRequest(
            container_id=container_id,
            exec_id=exec_id,
            stdin=stdio.stdin,
            stdout=stdio.stdout,
            stderr=stdio.stderr,
            terminal=stdio.terminal,
            spec=spec,
        )
        await self._channel.unary(self._stub.Exec, request)

    async def resize(self, container_id: str, width: int, height: int, exec_id: str = "") -> None:
        """Tell the terminal its size."""
        request = tasks_pb2.ResizePtyRequest(container_id=container_id, exec_id=exec_id, width=width, height=height)
        await self._channel.unary(self._stub.ResizePty, request)

    async def close_stdin(self, container_id: str, exec_id: str = "") -> None:
        """Nobody will write to stdin any more."""
        request = tasks_pb2.CloseIORequest(container_id=container_id, exec_id=exec_id, stdin=True)
        await self._channel.unary(self._stub.CloseIO, request)

    async def pause(self, container_id: str) -> None:
        """Freeze all processes."""
        await self._channel.unary(self._stub.Pause, tasks_pb2.PauseTaskRequest(container_id=container_id))

    async def resume(self, container_id: str) -> None:
        """Thaw all processes."""
        await self._channel.unary(self._stub.Resume, tasks_pb2.ResumeTaskRequest(container_id=container_id))

    async def checkpoint(self, container_id: str, image: str, *, leave_running: bool) -> None:
        """Write the processes' images to a folder of this host; they end, unless they are to go on."""
        options = oci_pb2.CheckpointOptions(exit=not leave_running, image_path=image)
        request = tasks_pb2.CheckpointTaskRequest(
            container_id=container_id,
            options=any_pb2.Any(type_url=CHECKPOINT_TYPE_URL, value=options.SerializeToString()),
        )
        await self._channel.unary(self._stub.Checkpoint, request)

    async def pids(self, container_id: str) -> Sequence[int]:
        """The host's ids of all processes."""
        answer = await self._channel.unary(self._stub.ListPids, tasks_pb2.ListPidsRequest(container_id=container_id))
        return [process.pid for process in answer.processes]

    async def update(self, container_id: str, resources: dict[str, Any]) -> None:
        """Change the limits of a running task."""
        packed = any_pb2.Any(type_url=RESOURCES_TYPE_URL, value=json.dumps(resources).encode())
        request = tasks_pb2.UpdateTaskRequest(container_id=container_id, resources=packed)
        await self._channel.unary(self._stub.Update, request)

    async def metrics(self, container_id: str) -> metrics_pb2.Metric | None:
        """The task's cgroup numbers, as an Any of containerd's metrics message."""
        request = tasks_pb2.MetricsRequest(filters=[f"id=={container_id}"])
        answer = await self._channel.unary(self._stub.Metrics, request)
        return answer.metrics[0] if answer.metrics else None

    async def wait(self, container_id: str, exec_id: str = "") -> ExitStatus:
        """Return when the process has ended."""
        request = tasks_pb2.WaitRequest(container_id=container_id, exec_id=exec_id)
        answer = await self._channel.unary(self._stub.Wait, request)
        return ExitStatus(0, answer.exit_status, seconds(answer.exited_at))
