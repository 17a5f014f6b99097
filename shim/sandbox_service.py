"""containerd.runtime.sandbox.v1.Sandbox: decode, one call, encode. A shim has one sandbox at most.

While there is a sandbox the shim stays, whatever becomes of its containers: ShutdownSandbox is what ends it.
"""

import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from proto import anys
from proto.containerd.runtime.sandbox.v1 import sandbox_pb2 as api
from proto.containerd.types import metrics_pb2, platform_pb2
from proto.errdefs import AlreadyExists, FailedPrecondition, NotFound, Unimplemented
from proto.ttrpc.server import Context
from shim import convert, stats
from shim.sandbox import Sandbox, SandboxSpec
from shim.service import TaskService

Result = TypeVar("Result")

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_NO_OPTIONS = frozenset(("", "google.protobuf.Empty", "containerd.types.Empty", "types.Empty"))


class SandboxService:
    """The Sandbox service, beside the Task service of the same shim."""

    def __init__(self, tasks: TaskService, shutdown: Callable[[], None]) -> None:
        self._tasks = tasks
        self._shutdown = shutdown
        self._sandbox: Sandbox | None = None

    async def CreateSandbox(self, request: api.CreateSandboxRequest, _context: Context) -> api.CreateSandboxResponse:
        """Make it, not running yet."""
        if self._sandbox is not None:
            raise AlreadyExists(f"sandbox {self._sandbox.spec.id}")
        if anys.type_name(request.options) not in _NO_OPTIONS:
            raise Unimplemented(f"sandbox options of type {request.options.type_url} are not supported by this shim")
        spec = SandboxSpec(
            request.sandbox_id,
            request.bundle_path or os.getcwd(),
            convert.mounts_from_proto(request.rootfs),
            request.netns_path,
            request.annotations,
        )
        sandbox = Sandbox(spec, self._tasks.host)
        self._sandbox = self._tasks.sandbox = sandbox
        try:
            await self._whole(sandbox.create())
        except BaseException:
            self._sandbox = self._tasks.sandbox = None
            raise
        return api.CreateSandboxResponse()

    async def StartSandbox(self, request: api.StartSandboxRequest, _context: Context) -> api.StartSandboxResponse:
        """Let it run."""
        sandbox = self._find(request.sandbox_id)
        pid = await self._whole(sandbox.start())
        return api.StartSandboxResponse(pid=pid, created_at=convert.timestamp(sandbox.created_at))

    async def Platform(self, request: api.PlatformRequest, _context: Context) -> api.PlatformResponse:
        """What containers in it run on: this host."""
        self._find(request.sandbox_id)
        machine = os.uname().machine
        platform = platform_pb2.Platform(os="linux", architecture=_ARCHITECTURES.get(machine, machine))
        return api.PlatformResponse(platform=platform)

    async def StopSandbox(self, request: api.StopSandboxRequest, _context: Context) -> api.StopSandboxResponse:
        """End it, kindly for as long as the caller says."""
        await self._whole(self._find(request.sandbox_id).stop(request.timeout_secs))
        return api.StopSandboxResponse()

    async def WaitSandbox(self, request: api.WaitSandboxRequest, _context: Context) -> api.WaitSandboxResponse:
        """Answer when it has ended."""
        exit_ = await self._find(request.sandbox_id).wait()
        return api.WaitSandboxResponse(exit_status=exit_.status, exited_at=convert.timestamp(exit_.at))

    async def SandboxStatus(self, request: api.SandboxStatusRequest, _context: Context) -> api.SandboxStatusResponse:
        """Everything about it."""
        sandbox = self._find(request.sandbox_id)
        return api.SandboxStatusResponse(
            sandbox_id=sandbox.spec.id,
            pid=sandbox.pid,
            state=sandbox.state,
            info=sandbox.info() if request.verbose else {},
            created_at=convert.timestamp(sandbox.created_at),
            exited_at=convert.exit_time(sandbox.exit),
        )

    async def PingSandbox(self, request: api.PingRequest, _context: Context) -> api.PingResponse:
        """Whether we are here."""
        self._find(request.sandbox_id)
        return api.PingResponse()

    async def ShutdownSandbox(
        self, request: api.ShutdownSandboxRequest, _context: Context
    ) -> api.ShutdownSandboxResponse:
        """End it, and the shim, once its containers are deleted; without one, the shim that was to have one."""
        if self._tasks.has_containers():
            raise FailedPrecondition(f"sandbox {request.sandbox_id} has containers that are not deleted")
        if self._sandbox is not None:
            sandbox = self._find(request.sandbox_id)
            await self._whole(_end(sandbox))
            self._sandbox = self._tasks.sandbox = None
        self._shutdown()
        return api.ShutdownSandboxResponse()

    async def SandboxMetrics(self, request: api.SandboxMetricsRequest, _context: Context) -> api.SandboxMetricsResponse:
        """What its cgroup has used; a pause process has none of its own."""
        sandbox = self._find(request.sandbox_id)
        metrics = stats.collect(sandbox.cgroups) if sandbox.cgroups else None
        if metrics is None:
            raise NotFound("cgroup does not exist")
        found = metrics_pb2.Metric(id=sandbox.spec.id, data=anys.pack(metrics))
        found.timestamp.GetCurrentTime()
        return api.SandboxMetricsResponse(metrics=found)

    def _find(self, sandbox_id: str) -> Sandbox:
        if self._sandbox is None or self._sandbox.spec.id != sandbox_id:
            raise NotFound(f"sandbox {sandbox_id} not found")
        return self._sandbox

    async def _whole(self, work: Coroutine[Any, Any, Result]) -> Result:
        return await self._tasks.whole(work)


async def _end(sandbox: Sandbox) -> None:
    await sandbox.stop(0)
    await sandbox.delete()
