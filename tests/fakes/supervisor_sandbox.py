"""The Sandbox service of a fake shim, and a controller on fake shims."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp

from proto.containerd.runtime.sandbox.v1 import sandbox_pb2 as api
from proto.containerd.types.metrics_pb2 import Metric
from proto.containerd.types.platform_pb2 import Platform
from proto.errdefs import Fault, NotFound
from proto.ttrpc.server import Context
from supervisor.runtime.bundle import BundleRoots
from supervisor.runtime.sandboxes import Sandboxes, SandboxOptions
from tests.fakes.supervisor_runtime import Runtime, running

SANDBOX_PID = 77
AT = Timestamp(seconds=1700000000)


@dataclass(eq=False)
class FakeSandbox:
    """One sandbox; what a test wants to go wrong, it says in `fail` (method → Fault)."""

    fail: dict[str, Fault]
    calls: list[tuple[str, object]] = field(default_factory=list)
    id: str = ""
    state: str = "SANDBOX_NOTREADY"
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def _called(self, method: str, request: object) -> None:
        self.calls.append((method, request))
        if method in self.fail:
            raise self.fail[method]
        if not self.id and method not in ("CreateSandbox", "ShutdownSandbox"):
            raise NotFound("sandbox not found")

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]

    async def CreateSandbox(self, request: api.CreateSandboxRequest, _: Context) -> api.CreateSandboxResponse:
        self._called("CreateSandbox", request)
        self.id = request.sandbox_id
        return api.CreateSandboxResponse()

    async def StartSandbox(self, request: api.StartSandboxRequest, _: Context) -> api.StartSandboxResponse:
        self._called("StartSandbox", request)
        self.state = "SANDBOX_READY"
        return api.StartSandboxResponse(pid=SANDBOX_PID, created_at=AT)

    async def Platform(self, request: api.PlatformRequest, _: Context) -> api.PlatformResponse:
        self._called("Platform", request)
        return api.PlatformResponse(platform=Platform(os="linux", architecture="amd64"))

    async def StopSandbox(self, request: api.StopSandboxRequest, _: Context) -> api.StopSandboxResponse:
        self._called("StopSandbox", request)
        self.over.set()
        return api.StopSandboxResponse()

    async def WaitSandbox(self, request: api.WaitSandboxRequest, _: Context) -> api.WaitSandboxResponse:
        self._called("WaitSandbox", request)
        await self.over.wait()
        return api.WaitSandboxResponse(exit_status=9, exited_at=AT)

    async def SandboxStatus(self, request: api.SandboxStatusRequest, _: Context) -> api.SandboxStatusResponse:
        self._called("SandboxStatus", request)
        info = {"more": "yes"} if request.verbose else {}
        return api.SandboxStatusResponse(sandbox_id=self.id, pid=SANDBOX_PID, state=self.state, info=info)

    async def PingSandbox(self, request: api.PingRequest, _: Context) -> api.PingResponse:
        self._called("PingSandbox", request)
        return api.PingResponse()

    async def ShutdownSandbox(self, request: api.ShutdownSandboxRequest, _: Context) -> api.ShutdownSandboxResponse:
        self._called("ShutdownSandbox", request)
        self.id = ""
        return api.ShutdownSandboxResponse()

    async def SandboxMetrics(self, request: api.SandboxMetricsRequest, _: Context) -> api.SandboxMetricsResponse:
        self._called("SandboxMetrics", request)
        return api.SandboxMetricsResponse(metrics=Metric(id=self.id))


@dataclass
class Pods:
    """A controller, and the runtime whose launcher and tasks it shares."""

    runtime: Runtime
    sandboxes: Sandboxes
    options: SandboxOptions

    def fake(self, name: str = "s1") -> FakeSandbox:
        return self.runtime.launcher.sandboxes[name]

    def left_over(self) -> list[str]:
        folders = (self.runtime.folder / "sandbox-state" / "ns", self.runtime.folder / "sandbox-root" / "ns")
        return [str(path) for folder in folders if folder.exists() for path in folder.iterdir()]


def build_pods(runtime: Runtime) -> Pods:
    """A second one on the same folder is the daemon after a restart."""
    bundles = BundleRoots(str(runtime.folder / "sandbox-state"), str(runtime.folder / "sandbox-root"))
    sandboxes = Sandboxes(bundles, runtime.programs, runtime.launcher, runtime.background, runtime.timeouts)  # type: ignore[arg-type]
    return Pods(runtime, sandboxes, SandboxOptions(runtime.options.runtime, b'{"hostname":"h"}'))


@asynccontextmanager
async def pods(folder: Path) -> AsyncIterator[Pods]:
    """A controller that has looked for what was there, and is closed at the end."""
    async with running(folder) as runtime:
        runtime.launcher.with_sandboxes = FakeSandbox
        built = build_pods(runtime)
        await built.sandboxes.restore()
        yield built
        await built.sandboxes.aclose()
