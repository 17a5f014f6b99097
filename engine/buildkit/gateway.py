"""`moby.buildkit.v1.frontend.LLBBridge`: what a client of the gateway (buildx) does with a build between its parts."""

import json
from collections.abc import AsyncIterator
from typing import Any

from engine.buildkit import linked, reading, subrequests
from engine.buildkit.answered import answered, answered_stream, refused
from engine.buildkit.control import worker
from engine.buildkit.failures import Absent
from engine.buildkit.jobs import Job, Jobs
from engine.containers.room import Room
from engine.images import platform as platforms
from engine.images.platform import Platform
from engine.images.service import Images
from proto.buildkit.services import gateway_pb2 as pb
from proto.buildkit.services import gateway_pb2_grpc
from proto.buildkit.types.caps_pb2 import APICap
from proto.errdefs import InvalidArgument, Unimplemented

_BUILD_ID = "buildkit-controlapi-buildid"
_CAPABILITIES = (
    *(
        "solve.base",
        "solve.inlinereturn",
        "resolveimage",
        "resolveimage.resolvemode",
        "readfile",
        "return",
        "returnmap",
    ),
    *(
        "readdir",
        "statfile",
        "importcaches",
        "proto.refarray",
        "reference.output",
        "frontend.inputs",
        "frontend.caps",
        "gateway.solve.metadata",
    ),
    *("gateway.solve.evaluate", "gateway.evaluate", "gateway.warnings"),
)
_NO_CONTAINERS = "containers of a build's client (gateway.exec) are not supported: run the image"
_CONFIG = "containerimage.config"
_FRONTENDS = ("dockerfile.v0", "gateway.v0")


class Gateway(gateway_pb2_grpc.LLBBridgeServicer):
    """The service."""

    def __init__(self, room: Room, images: Images, jobs: Jobs) -> None:
        self._room = room
        self._images = images
        self._jobs = jobs

    async def _job(self, context: Any) -> Job:
        """The one that a call belongs to."""
        for name, value in context.invocation_metadata() or ():
            if name == _BUILD_ID:
                return await self._jobs.get(str(value))
        raise InvalidArgument(f"no {_BUILD_ID} in the request")

    @answered
    async def Ping(self, request: pb.PingRequest, context: Any) -> pb.PongResponse:
        """What is here."""
        capabilities = [APICap(ID=name, Enabled=True) for name in _CAPABILITIES]
        return pb.PongResponse(FrontendAPICaps=capabilities, Workers=[worker(self._room)])

    @answered
    async def Solve(self, request: pb.SolveRequest, context: Any) -> pb.SolveResponse:
        """Build, but keep nothing yet. How it ends is `Control.Solve`'s to say, unless it is asked for here."""
        job = await self._job(context)
        _require_dockerfile(request)
        options = dict(request.FrontendOpt)
        if options.get("requestid"):
            return pb.SolveResponse(result=await subrequests.answer(job, options))
        meant = linked.contexts(options, request.FrontendInputs)
        solving = job.solve(linked.others(options), {name: self._jobs.solving(ref) for name, ref in meant.items()})
        result = pb.Result()
        if request.Evaluate:
            result.metadata[_CONFIG] = json.dumps((await solving.shown()).state.document()).encode()
        if not request.allowResultReturn:
            return pb.SolveResponse(ref=solving.ref)
        if request.allowResultArrayRef:
            result.ref.id = solving.ref
            getattr(result.ref, "def").CopyFrom(linked.definition(solving.ref))
        else:
            result.refDeprecated = solving.ref
        return pb.SolveResponse(result=result)

    @answered
    async def Return(self, request: pb.ReturnRequest, context: Any) -> pb.ReturnResponse:
        """What is to be exported; or why nothing is."""
        (await self._job(context)).give_back(request)
        return pb.ReturnResponse()

    @answered
    async def Evaluate(self, request: pb.EvaluateRequest, context: Any) -> pb.EvaluateResponse:
        """Wait until it is there."""
        await (await self._job(context)).solving(request.Ref).shown()
        return pb.EvaluateResponse()

    @answered
    async def ReadFile(self, request: pb.ReadFileRequest, context: Any) -> pb.ReadFileResponse:
        """A file of a result."""
        made = await (await self._job(context)).solving(request.Ref).shown()
        span = (request.Range.Offset, request.Range.Length) if request.HasField("Range") else (0, 0)
        return pb.ReadFileResponse(Data=await reading.file(made, request.FilePath, *span))

    @answered
    async def ReadDir(self, request: pb.ReadDirRequest, context: Any) -> pb.ReadDirResponse:
        """A folder of a result."""
        made = await (await self._job(context)).solving(request.Ref).shown()
        return pb.ReadDirResponse(entries=await reading.folder(made, request.DirPath, request.IncludePattern))

    @answered
    async def StatFile(self, request: pb.StatFileRequest, context: Any) -> pb.StatFileResponse:
        """What is known of a file of a result."""
        made = await (await self._job(context)).solving(request.Ref).shown()
        return pb.StatFileResponse(stat=await reading.stat(made, request.Path))

    @answered
    async def ResolveImageConfig(
        self, request: pb.ResolveImageConfigRequest, context: Any
    ) -> pb.ResolveImageConfigResponse:
        """An image that is here."""
        digest, config = await self._config(request.Ref, request.Platform)
        return pb.ResolveImageConfigResponse(Digest=digest, Config=config, Ref=request.Ref)

    @answered
    async def ResolveSourceMeta(
        self, request: pb.ResolveSourceMetaRequest, context: Any
    ) -> pb.ResolveSourceMetaResponse:
        """The same, under its later name; other sources are the builder's own business."""
        scheme, _, name = request.Source.identifier.partition("://")
        if scheme != "docker-image":
            raise Unimplemented(f"resolving the source {request.Source.identifier[:200]} is not supported")
        answer = pb.ResolveSourceMetaResponse(Source=request.Source)
        answer.Image.Digest, config = await self._config(name, request.Platform)
        if not request.Image.NoConfig:
            answer.Image.Config = config
        return answer

    async def _config(self, name: str, asked: Any) -> tuple[str, bytes]:
        platform = platforms.host()
        if asked.OS:
            platform = Platform(asked.OS, asked.Architecture, asked.Variant)
        image = await self._images.resolve(name, platform)
        return image.id, json.dumps(image.config).encode()

    @answered
    async def Warn(self, request: pb.WarnRequest, context: Any) -> pb.WarnResponse:
        """A client's own warning goes where the build's do."""
        (await self._job(context)).warn(request)
        return pb.WarnResponse()

    @answered
    async def Inputs(self, request: pb.InputsRequest, context: Any) -> pb.InputsResponse:
        """What only a frontend in an image asks."""
        raise Absent("inputs in LLB are not supported")

    @answered
    async def NewContainer(self, request: pb.NewContainerRequest, context: Any) -> pb.NewContainerResponse:
        """Refused by name, and all that goes with it."""
        raise Absent(_NO_CONTAINERS)

    @answered
    async def ReleaseContainer(self, request: Any, context: Any) -> pb.ReleaseContainerResponse:
        """Refused."""
        raise Absent(_NO_CONTAINERS)

    @answered_stream
    async def ExecProcess(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """Refused."""
        for nothing in refused(_NO_CONTAINERS):
            yield nothing

    @answered
    async def ReadFileContainer(self, request: Any, context: Any) -> pb.ReadFileResponse:
        """Refused."""
        raise Absent(_NO_CONTAINERS)

    @answered
    async def ReadDirContainer(self, request: Any, context: Any) -> pb.ReadDirResponse:
        """Refused."""
        raise Absent(_NO_CONTAINERS)

    @answered
    async def StatFileContainer(self, request: Any, context: Any) -> pb.StatFileResponse:
        """Refused."""
        raise Absent(_NO_CONTAINERS)


def _require_dockerfile(request: pb.SolveRequest) -> None:
    if request.Definition.ByteSize():
        raise Unimplemented("a definition in LLB is not supported: Dockerfiles are read by the engine itself")
    if request.Frontend not in _FRONTENDS:
        raise Unimplemented(f"the frontend {request.Frontend[:80]!r} is not supported")
    if request.SourcePolicies:
        raise Unimplemented("source policies are not supported")
