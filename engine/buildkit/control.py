"""`moby.buildkit.v1.Control`: what stands at `/grpc`. Decode, one call, encode."""

import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from engine import __version__, timestamps
from engine.builder.pruning import FILTERS, Limits, Prune, Record
from engine.builder.service import Builder
from engine.buildkit import linked, nested
from engine.buildkit.answered import answered, answered_stream, refused
from engine.buildkit.failures import Absent, Failed
from engine.buildkit.jobs import Job, Jobs
from engine.containers.room import Room
from engine.containers.system_info import engine_id
from engine.filters import Filters
from engine.images import platform as platforms
from proto.buildkit.services import control_pb2 as pb
from proto.buildkit.services import control_pb2_grpc
from proto.buildkit.types.ops_pb2 import Platform
from proto.buildkit.types.worker_pb2 import BuildkitVersion, WorkerRecord
from proto.errdefs import InvalidArgument, Unimplemented

_GATEWAY = "org.mobyproject.buildkit.worker.moby.host-gateway-ip"
_FRONTENDS = ("dockerfile.v0", "gateway.v0")
_NO_HISTORY = "the history of builds is not kept: `docker events` and the images' own history tell of them"
_TIMESTAMP = "buildkit-current-timestamp"
Call = Any  # grpc.aio's context of a call, which has no types of its own


class Control(control_pb2_grpc.ControlServicer):
    """The service."""

    def __init__(self, room: Room, builder: Builder, jobs: Jobs, host_gateway: Callable[[], str]) -> None:
        self._room = room
        self._host_gateway = host_gateway
        self._builder = builder
        self._jobs = jobs

    @answered
    async def Info(self, request: pb.InfoRequest, context: Call) -> pb.InfoResponse:
        """The version."""
        return pb.InfoResponse(buildkitVersion=version())

    @answered
    async def ListWorkers(self, request: pb.ListWorkersRequest, context: Call) -> pb.ListWorkersResponse:
        """One: the engine itself."""
        return pb.ListWorkersResponse(record=[worker(self._room, self._host_gateway())])

    @answered
    async def DiskUsage(self, request: pb.DiskUsageRequest, context: Call) -> pb.DiskUsageResponse:
        """What is kept of builds."""
        asked = Prune(everything=True, filters=_filters(request.filter, 0))
        since = time.time() - request.ageLimit / 1e9
        records = [each for each in await self._builder.records() if asked.takes(each) and each.used <= since]
        return pb.DiskUsageResponse(record=map(usage, records))

    @answered_stream
    async def Prune(self, request: pb.PruneRequest, context: Call) -> AsyncIterator[pb.UsageRecord]:
        """Each thing that is gone."""
        limits = Limits(request.reservedSpace, request.maxUsedSpace, request.minFreeSpace)
        if min(limits.reserved, limits.most, limits.free) < 0:
            raise InvalidArgument("the limits of a prune are not negative")
        asked = Prune(everything=request.all, limits=limits, filters=_filters(request.filter, request.keepDuration))
        for record in await self._builder.pruned(asked):
            yield usage(record)

    @answered
    async def Solve(self, request: pb.SolveRequest, context: Call) -> pb.SolveResponse:
        """One build, to its end; without a frontend its client drives it by the gateway."""
        _require_possible(request)
        async with self._jobs.opened(request) as job:
            if request.Frontend:
                options = dict(request.FrontendAttrs)
                meant = linked.contexts(options, request.FrontendInputs)
                bases = {name: self._jobs.solving(ref) for name, ref in meant.items()}
                solving = job.solve(linked.others(options), bases)
            else:
                answer = await job.returned
                if answer.HasField("error"):
                    raise Failed(answer.error)
                solving = _chosen(job, answer.result)
                if solving is None:
                    return pb.SolveResponse()
            solving.export()
            await solving.ended()
            return pb.SolveResponse(ExporterResponse=_exported(job, solving.image_id))

    @answered_stream
    async def Status(self, request: pb.StatusRequest, context: Call) -> AsyncIterator[pb.StatusResponse]:
        """What a build tells, from its beginning."""
        await context.send_initial_metadata(((_TIMESTAMP, timestamps.now()),))
        job = await self._jobs.get(request.Ref, also_ended=True)
        async for status in job.statuses.follow():
            yield status

    @answered_stream
    async def Session(self, request: Any, context: Call) -> AsyncIterator[Any]:
        """A session inside of a call: buildx opens them so where several builds share one."""
        async for piece in nested.join(self._jobs.sessions, context.invocation_metadata() or (), request):
            yield piece

    @answered_stream
    async def ListenBuildHistory(self, request: Any, context: Call) -> AsyncIterator[Any]:
        """Refused by name: by this answer clients know that there is none."""
        for nothing in refused(_NO_HISTORY):
            yield nothing

    @answered
    async def UpdateBuildHistory(self, request: Any, context: Call) -> pb.UpdateBuildHistoryResponse:
        """Refused by name."""
        raise Absent(_NO_HISTORY)


def version() -> BuildkitVersion:
    """Ours: nothing of BuildKit's own code is here."""
    return BuildkitVersion(package="wherry", version=f"v{__version__}")


def worker(room: Room, gateway: str = "") -> WorkerRecord:
    """The engine as a worker."""
    host = platforms.host()
    platform = Platform(OS=host.os, Architecture=host.architecture, Variant=host.variant)
    labels = {_GATEWAY: gateway} if gateway else {}
    return WorkerRecord(ID=engine_id(room), Labels=labels, platforms=[platform], BuildkitVersion=version())


def usage(record: Record) -> pb.UsageRecord:
    """One record."""
    return pb.UsageRecord(
        ID=record.id,
        Mutable=record.type != "regular",
        InUse=record.in_use,
        Size=record.size,
        CreatedAt=_stamp(datetime.fromisoformat(record.created[:19] + "+00:00").timestamp()),
        LastUsedAt=_stamp(record.used),
        UsageCount=record.uses,
        Description=record.description,
        RecordType=record.type,
        Shared=record.shared,
    )


def _stamp(when: float) -> Timestamp:
    return Timestamp(seconds=int(when), nanos=int(when % 1 * 1e9))


def _filters(texts: Any, nanoseconds: int) -> Filters:
    """BuildKit's: words with commas between, all of which must hold; several of them are alternatives there."""
    if len(texts) > 1:
        raise Unimplemented("more than one filter is not supported: join them by commas")
    found: dict[str, list[str]] = {}
    for word in filter(None, texts[0].split(",") if texts else ()):
        name, equals, value = word.partition("==" if "==" in word else "=")
        if name not in FILTERS or name.endswith("!") or "~" in word:
            raise InvalidArgument(f"invalid filter {word[:200]!r}")
        found[name] = [value if equals else "true"]
    if nanoseconds:
        found["until"] = [f"{nanoseconds // 10**9}s"]
    return Filters(found)


def _require_possible(request: pb.SolveRequest) -> None:
    if request.Definition.ByteSize():
        raise Unimplemented("a definition in LLB is not supported: Dockerfiles are read by the engine itself")
    if request.Frontend and request.Frontend not in _FRONTENDS:
        raise Unimplemented(f"the frontend {request.Frontend[:80]} is not supported")
    if request.SourcePolicy.rules or request.SourcePolicySession:
        raise Unimplemented("source policies are not supported")
    if request.ProxyNetwork or request.EnableSessionExporter or request.CompatibilityVersion:
        raise Unimplemented("a proxied network, exporters of a session and older versions of results are not supported")
    for entry in request.Cache.Exports:
        if entry.Type != "inline":
            raise Unimplemented(f"--cache-to type={entry.Type} is not supported")
    for name in request.Entitlements:
        if name != "network.host":
            raise Unimplemented(f"the entitlement {name[:80]} is not supported")


def _chosen(job: Job, result: Any) -> Any:
    """The build whose result a client wants exported; None for a result without files."""
    kind = result.WhichOneof("result")
    refs = []
    if kind == "ref":
        refs = [result.ref.id]
    elif kind == "refDeprecated":
        refs = [result.refDeprecated]
    elif kind == "refs":
        refs = [ref.id for ref in result.refs.refs.values()]
    elif kind == "refsDeprecated":
        refs = list(result.refsDeprecated.refs.values())
    refs = [ref for ref in refs if ref]
    if len(refs) > 1:
        raise Unimplemented("a result for several platforms is not supported: one each")
    return job.solving(refs[0]) if refs else None


def _exported(job: Job, image_id: str) -> dict[str, str]:
    if not image_id:
        return {}
    found = {"containerimage.digest": image_id, "containerimage.config.digest": image_id}
    names = job.output.attributes.get("name", "") if job.output is not None else ""
    return found | ({"image.name": names} if names else {})
