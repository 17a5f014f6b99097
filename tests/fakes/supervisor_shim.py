"""A shim in the test's own process: the Task service on a socket, and a launcher that starts it.

Containers are entries in a dict; what a test wants to go wrong, it says beforehand in `fail` (method → Fault).
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any as Any_

from google.protobuf.any_pb2 import Any
from google.protobuf.empty_pb2 import Empty
from google.protobuf.timestamp_pb2 import Timestamp

from proto.containerd.runtime.sandbox.v1 import sandbox_pb2
from proto.containerd.runtime.task.v2 import shim_pb2 as shim
from proto.containerd.runtime.task.v3 import shim_pb2 as shim_v3
from proto.containerd.types.task.task_pb2 import ProcessInfo, Status
from proto.errdefs import Fault, NotFound
from proto.ttrpc.server import Context, Server
from supervisor.runtime import bootstrap
from supervisor.runtime.bootstrap import Endpoint
from supervisor.runtime.bundle import Bundle

PID = 4242
EXITED_AT = Timestamp(seconds=1700000000, nanos=5)


@dataclass(eq=False)
class FakeShim:
    """One shim with at most one container."""

    address: str
    version: int = 2
    fail: dict[str, Fault] = field(default_factory=dict)
    calls: list[tuple[str, object]] = field(default_factory=list)
    status: int = Status.UNKNOWN
    created: bool = False
    exited: asyncio.Event = field(default_factory=asyncio.Event)
    making: asyncio.Event | None = None  # Create takes until this is set
    server: Server = field(default_factory=Server)

    async def start(self) -> None:
        descriptor = (shim if self.version == 2 else shim_v3).DESCRIPTOR.services_by_name["Task"]
        self.server.register(descriptor, self)
        await self.server.serve(self.address)

    async def die(self) -> None:
        """As by SIGKILL: the connections end, the socket's file stays."""
        await self.server.close()

    def _called(self, method: str, request: object) -> None:
        self.calls.append((method, request))
        if method in self.fail:
            raise self.fail[method]
        if not self.created and method not in ("Create", "Connect", "Shutdown"):
            raise NotFound("container not created")

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]

    async def Create(self, request: shim.CreateTaskRequest, _: Context) -> shim.CreateTaskResponse:
        self._called("Create", request)
        if self.making is not None:
            await self.making.wait()
        self.created, self.status = True, Status.CREATED
        return shim.CreateTaskResponse(pid=PID)

    async def Connect(self, request: shim.ConnectRequest, _: Context) -> shim.ConnectResponse:
        self._called("Connect", request)
        return shim.ConnectResponse(shim_pid=os.getpid(), task_pid=PID if self.created else 0)

    async def Start(self, request: shim.StartRequest, _: Context) -> shim.StartResponse:
        self._called("Start", request)
        self.status = Status.RUNNING
        return shim.StartResponse(pid=PID)

    async def State(self, request: shim.StateRequest, _: Context) -> shim.StateResponse:
        self._called("State", request)
        if request.exec_id not in ("", "e1"):
            raise NotFound(f"process {request.exec_id} does not exist: not found")
        return shim.StateResponse(id=request.id, pid=PID, status=self.status, stdout="out", exited_at=EXITED_AT)

    async def Kill(self, request: shim.KillRequest, _: Context) -> Empty:
        self._called("Kill", request)
        self.status = Status.STOPPED
        self.exited.set()
        return Empty()

    async def Wait(self, request: shim.WaitRequest, _: Context) -> shim.WaitResponse:
        self._called("Wait", request)
        await self.exited.wait()
        return shim.WaitResponse(exit_status=137, exited_at=EXITED_AT)

    async def Delete(self, request: shim.DeleteRequest, _: Context) -> shim.DeleteResponse:
        self._called("Delete", request)
        if not request.exec_id:
            if self.status == Status.RUNNING:
                raise Fault("cannot delete a running process")
            self.created = False
        return shim.DeleteResponse(pid=PID, exit_status=3, exited_at=EXITED_AT)

    async def Pids(self, request: shim.PidsRequest, _: Context) -> shim.PidsResponse:
        self._called("Pids", request)
        return shim.PidsResponse(processes=[ProcessInfo(pid=PID)])

    async def Stats(self, request: shim.StatsRequest, _: Context) -> shim.StatsResponse:
        self._called("Stats", request)
        return shim.StatsResponse(stats=Any(type_url="io.containerd.cgroups.v1.Metrics", value=b""))

    async def _empty(self, method: str, request: object) -> Empty:
        self._called(method, request)
        return Empty()

    async def Exec(self, request: shim.ExecProcessRequest, _: Context) -> Empty:
        return await self._empty("Exec", request)

    async def Pause(self, request: shim.PauseRequest, _: Context) -> Empty:
        return await self._empty("Pause", request)

    async def Resume(self, request: shim.ResumeRequest, _: Context) -> Empty:
        return await self._empty("Resume", request)

    async def ResizePty(self, request: shim.ResizePtyRequest, _: Context) -> Empty:
        return await self._empty("ResizePty", request)

    async def CloseIO(self, request: shim.CloseIORequest, _: Context) -> Empty:
        return await self._empty("CloseIO", request)

    async def Update(self, request: shim.UpdateTaskRequest, _: Context) -> Empty:
        return await self._empty("Update", request)

    async def Checkpoint(self, request: shim.CheckpointTaskRequest, _: Context) -> Empty:
        self._called("Checkpoint", request)
        Path(request.path, "pages-1.img").write_bytes(b"memory")
        return Empty()

    async def Shutdown(self, request: shim.ShutdownRequest, _: Context) -> Empty:
        self._called("Shutdown", request)
        return Empty()


class FakeLauncher:
    """Starts FakeShims instead of programs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.shims: dict[str, FakeShim] = {}
        self.sandboxes: dict[str, Any_] = {}
        self.with_sandboxes: Callable[[dict[str, Fault]], Any_] | None = None  # makes each shim's Sandbox service
        self.deleted: list[str] = []
        self.next_fail: dict[str, Fault] = {}
        self.version = 2
        self.claimed_version = 0  # what start answers, when it is not the truth
        self.making: asyncio.Event | None = None
        self.slowly: asyncio.Event | None = None  # the shim is there, the answer comes when this is set
        self.end = shim.DeleteResponse(pid=PID, exit_status=137, exited_at=EXITED_AT)

    async def start(self, bundle: Bundle, program: str, options: Any | None) -> Endpoint:
        bundle.write(bundle.shim_binary_path, program.encode())
        if "start" in self.next_fail:
            raise self.next_fail["start"]
        fake = FakeShim(str(self._folder / f"{bundle.id}.sock"), self.version, dict(self.next_fail), making=self.making)
        self.shims[bundle.id] = fake
        if self.with_sandboxes is not None:
            self.sandboxes[bundle.id] = self.with_sandboxes(dict(self.next_fail))
            fake.server.register(sandbox_pb2.DESCRIPTOR.services_by_name["Sandbox"], self.sandboxes[bundle.id])
        await fake.start()
        endpoint = Endpoint(f"unix://{fake.address}", self.claimed_version or self.version)
        bundle.write(bundle.bootstrap, bootstrap.to_json(endpoint))
        if self.slowly is not None:
            await self.slowly.wait()
        return endpoint

    async def delete(self, bundle: Bundle, program: str, timeout: float) -> shim.DeleteResponse:
        self.deleted.append(bundle.id)
        if "delete" in self.next_fail:
            raise self.next_fail["delete"]
        return self.end

    async def close(self) -> None:
        for fake in self.shims.values():
            await fake.die()
