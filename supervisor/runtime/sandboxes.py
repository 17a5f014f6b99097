"""The controller `shim`: sandboxes that are run by shims which have containerd.runtime.sandbox.v1.Sandbox.

    create     bundle → shim start → connect → CreateSandbox      (each step undoes itself when a later one fails)
    shutdown   ShutdownSandbox → close → bundle
    death      the connection ends while the sandbox is here → `shim delete`; whoever waits hears how it ended

A sandbox's shim is its own, and the tasks of its containers are asked of that shim: `host_of` tells where it is.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from google.protobuf.any_pb2 import Any

from proto.containerd.runtime.sandbox.v1 import sandbox_pb2 as api
from proto.containerd.runtime.task.v2.shim_pb2 import DeleteResponse
from proto.containerd.types.metrics_pb2 import Metric
from proto.containerd.types.mount_pb2 import Mount
from proto.containerd.types.platform_pb2 import Platform
from proto.errdefs import AlreadyExists, Fault, NotFound, Unavailable
from supervisor.background import Background
from supervisor.core.identifiers import validate_identifier
from supervisor.runtime.bootstrap import Endpoint
from supervisor.runtime.bundle import Bundle, BundleRoots
from supervisor.runtime.cleanup import Cleanup, Timeouts
from supervisor.runtime.launcher import Launcher
from supervisor.runtime.new_shim import Key, Making, NewShims
from supervisor.runtime.programs import ShimPrograms
from supervisor.runtime.restore import read_endpoint, read_text
from supervisor.runtime.shim_client import ShimClient, ShimGone, connect
from supervisor.runtime.shim_log import ShimLog
from supervisor.runtime.tasks import SandboxHost

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """What a sandbox is made of; `runtime_options` go to the shim in `start`, `options` in CreateSandbox."""

    runtime: str
    spec: bytes = b""
    runtime_options: Any | None = None
    rootfs: Sequence[Mount] = ()
    options: Any | None = None
    netns: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class SandboxShim:
    """A sandbox whose shim is connected. `ended` is done, with how it ended, once a dead shim is cleaned up."""

    bundle: Bundle
    program: str
    endpoint: Endpoint
    client: ShimClient
    log: ShimLog
    gone: bool = False
    exit_told: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ended: "asyncio.Future[DeleteResponse]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def key(self) -> Key:
        return self.bundle.namespace, self.bundle.id

    @property
    def id(self) -> str:
        return self.bundle.id


class Sandboxes:
    """All sandboxes of the daemon that shims run."""

    def __init__(
        self,
        bundles: BundleRoots,
        programs: ShimPrograms,
        launcher: Launcher,
        background: Background,
        timeouts: Timeouts,
    ) -> None:
        self._bundles = bundles
        self._background = background
        self._timeouts = timeouts
        self._cleanup = Cleanup(launcher, timeouts)
        self._shims: dict[Key, SandboxShim] = {}
        self._making = Making(background)
        self._new_shims = NewShims(bundles, programs, launcher, self._cleanup, background, self._useless_shim)
        self._restored = asyncio.Event()

    async def create(self, namespace: str, sandbox_id: str, options: SandboxOptions) -> None:
        """Start a shim and have it make the sandbox."""
        try:
            validate_identifier(sandbox_id)
        except Fault as fault:
            raise type(fault)(f"invalid sandbox id {sandbox_id}: {fault}") from fault
        await self._restored.wait()
        key = (namespace, sandbox_id)
        if key in self._shims or key in self._making:
            raise AlreadyExists(f"sandbox {sandbox_id} already running: already exists")
        await self._making.run(key, self._create(key, options), f"create sandbox {sandbox_id}")

    async def _create(self, key: Key, options: SandboxOptions) -> None:
        async with AsyncExitStack() as undo:
            new = await self._new_shims.start(
                key,
                options.runtime,
                options.spec,
                options.runtime_options,
                undo,
                f"failed to start new shim for sandbox {key[1]}",
            )
            shim = SandboxShim(new.bundle, new.program, new.endpoint, new.client, new.log)
            request = api.CreateSandboxRequest(
                sandbox_id=shim.id,
                bundle_path=shim.bundle.path,
                rootfs=options.rootfs,
                netns_path=options.netns,
                annotations=options.annotations,
            )
            if options.options is not None:
                request.options.CopyFrom(options.options)
            try:
                await shim.client.sandbox("CreateSandbox", request, api.CreateSandboxResponse)
            except Fault as fault:
                raise type(fault)(f"failed to create sandbox {shim.id}: {fault}") from fault
            undo.pop_all()
        self._adopt(shim)

    def _adopt(self, shim: SandboxShim) -> None:
        self._shims[shim.key] = shim
        self._background.start(self._stand_by(shim), f"shim of sandbox {shim.id}")

    async def start(self, namespace: str, sandbox_id: str) -> api.StartSandboxResponse:
        """Let it run; a sandbox that cannot is taken away."""
        shim = await self._find(namespace, sandbox_id, f'unable to find sandbox "{sandbox_id}"')
        try:
            request = api.StartSandboxRequest(sandbox_id=sandbox_id)
            return await shim.client.sandbox("StartSandbox", request, api.StartSandboxResponse)
        except Fault as fault:
            await self._remove(shim)
            raise type(fault)(f"failed to start sandbox {sandbox_id}: {fault}") from fault

    async def platform(self, namespace: str, sandbox_id: str) -> Platform:
        """What its containers run on."""
        shim = await self._find(namespace, sandbox_id)
        try:
            request = api.PlatformRequest(sandbox_id=sandbox_id)
            return (await shim.client.sandbox("Platform", request, api.PlatformResponse)).platform
        except Fault as fault:
            raise type(fault)(f"failed to get sandbox platform: {fault}") from fault

    async def stop(self, namespace: str, sandbox_id: str, seconds: int) -> None:
        """End what it runs; one that is not here has ended."""
        try:
            shim = await self._find(namespace, sandbox_id)
            request = api.StopSandboxRequest(sandbox_id=sandbox_id, timeout_secs=seconds)
            await shim.client.sandbox("StopSandbox", request, api.StopSandboxResponse)
        except (NotFound, Unavailable):
            return
        except Fault as fault:
            raise type(fault)(f"failed to stop sandbox: {fault}") from fault

    async def wait(self, namespace: str, sandbox_id: str) -> tuple[api.WaitSandboxResponse, bool]:
        """How it ended, and whether this is the first to hear of it."""
        shim = await self._find(namespace, sandbox_id)
        try:
            request = api.WaitSandboxRequest(sandbox_id=sandbox_id)
            answer = await shim.client.sandbox("WaitSandbox", request, api.WaitSandboxResponse)
        except ShimGone:
            await asyncio.wait((shim.ended,))
            if shim.ended.cancelled():  # it was taken away meanwhile
                raise NotFound(f"sandbox {sandbox_id} not found: not found") from None
            end = shim.ended.result()
            answer = api.WaitSandboxResponse(exit_status=end.exit_status, exited_at=end.exited_at)
        except Fault as fault:
            raise type(fault)(f"failed to wait sandbox {sandbox_id}: {fault}") from fault
        first, shim.exit_told = not shim.exit_told, True
        return answer, first

    async def status(self, namespace: str, sandbox_id: str, *, verbose: bool) -> api.SandboxStatusResponse:
        """Everything about it; of one that is not here, that it has ended."""
        try:
            shim = await self._find(namespace, sandbox_id)
        except NotFound:
            return _ended(sandbox_id)
        try:
            request = api.SandboxStatusRequest(sandbox_id=sandbox_id, verbose=verbose)
            return await shim.client.sandbox("SandboxStatus", request, api.SandboxStatusResponse)
        except ShimGone:  # and what it left is being cleared away
            return _ended(sandbox_id)
        except Fault as fault:
            raise type(fault)(f"failed to query sandbox {sandbox_id} status: {fault}") from fault

    async def metrics(self, namespace: str, sandbox_id: str) -> Metric:
        """What it has used."""
        shim = await self._find(namespace, sandbox_id)
        request = api.SandboxMetricsRequest(sandbox_id=sandbox_id)
        return (await shim.client.sandbox("SandboxMetrics", request, api.SandboxMetricsResponse)).metrics

    async def shutdown(self, namespace: str, sandbox_id: str) -> None:
        """Take sandbox and shim away."""
        shim = await self._find(namespace, sandbox_id)
        async with shim.lock:
            if shim.gone:
                raise NotFound(f"sandbox {sandbox_id} not found: not found")
            try:
                request = api.ShutdownSandboxRequest(sandbox_id=sandbox_id)
                await shim.client.sandbox("ShutdownSandbox", request, api.ShutdownSandboxResponse)
            except ShimGone:
                logger.debug("the shim left first", extra={"id": sandbox_id})
            except Fault as fault:
                raise type(fault)(f"failed to shutdown sandbox: {fault}") from fault
            await self._let_go(shim)

    async def host_of(self, namespace: str, sandbox_id: str) -> SandboxHost | None:
        """The shim that runs the tasks of a sandbox; None where no shim of ours does."""
        await self._restored.wait()
        shim = self._shims.get((namespace, sandbox_id))
        return SandboxHost(sandbox_id, shim.program, shim.endpoint) if shim is not None else None

    async def restore(self) -> None:
        """Find the sandboxes of the daemon's last life, and clear away those whose shims are dead."""
        try:
            for bundle in list(self._bundles.existing()):
                try:
                    await self._restore(bundle)
                except (Fault, OSError):
                    logger.exception("failed to load sandbox", extra={"id": bundle.id})
            await asyncio.to_thread(self._bundles.sweep, frozenset(self._shims))
        finally:
            self._restored.set()

    async def _restore(self, bundle: Bundle) -> None:
        program = read_text(bundle.shim_binary_path)
        log = ShimLog(bundle)
        try:
            endpoint = read_endpoint(bundle)
            client = await connect(endpoint, bundle.namespace, self._timeouts.load)
            try:
                ping = api.PingRequest(sandbox_id=bundle.id)
                await client.sandbox("PingSandbox", ping, api.PingResponse, self._timeouts.load)
            except BaseException:
                await self._shut_down(bundle, client)  # it knows no sandbox: its creation was cut off
                raise
        except (Fault, OSError) as error:
            logger.info("a sandbox's shim is gone: %s", error, extra={"id": bundle.id})
            log.close()
            await self._cleanup.dead_shim(bundle, program)
            return
        self._adopt(SandboxShim(bundle, program, endpoint, client, log))

    async def aclose(self) -> None:
        """Leave every shim as it is."""
        self._restored.set()
        for shim in self._shims.values():
            shim.gone = True
            await shim.client.aclose()
            shim.log.close()

    async def _find(self, namespace: str, sandbox_id: str, words: str = "") -> SandboxShim:
        await self._restored.wait()
        shim = self._shims.get((namespace, sandbox_id))
        if shim is None:
            raise NotFound(words or f"sandbox {sandbox_id} not found: not found")
        return shim

    async def _remove(self, shim: SandboxShim) -> None:
        """End a sandbox that is of no use."""
        async with shim.lock:
            if not shim.gone:
                await self._shut_down(shim.bundle, shim.client)
                await self._let_go(shim)

    async def _let_go(self, shim: SandboxShim) -> None:
        shim.gone = True
        await shim.client.aclose()
        shim.log.close()
        await self._cleanup.bundle(shim.bundle)
        self._shims.pop(shim.key, None)
        shim.ended.cancel()

    async def _useless_shim(self, bundle: Bundle, client: ShimClient, program: str) -> None:
        await self._shut_down(bundle, client)
        await self._cleanup.dead_shim_files(bundle, program)

    async def _shut_down(self, bundle: Bundle, client: ShimClient) -> None:
        try:
            request = api.ShutdownSandboxRequest(sandbox_id=bundle.id)
            await client.sandbox("ShutdownSandbox", request, api.ShutdownSandboxResponse, self._timeouts.shutdown)
        except ShimGone:
            logger.debug("the shim left first", extra={"id": bundle.id})
        except Fault as fault:
            logger.warning("failed to shutdown sandbox: %s", fault, extra={"id": bundle.id})
            await self._cleanup.shut_down(bundle, client)  # a shim without the service
        await client.aclose()

    async def _stand_by(self, shim: SandboxShim) -> None:
        """Wait for the shim's end; unless the sandbox was taken away first, clean up and tell who waits."""
        await asyncio.shield(shim.client.closed)
        async with shim.lock:
            if shim.gone:
                return
            shim.gone = True
            shim.log.close()
            end = await self._cleanup.dead_shim(shim.bundle, shim.program)
            self._shims.pop(shim.key, None)
            shim.ended.set_result(end)


def _ended(sandbox_id: str) -> api.SandboxStatusResponse:
    gone = api.SandboxStatusResponse(sandbox_id=sandbox_id)
    gone.exited_at.GetCurrentTime()
    return gone
