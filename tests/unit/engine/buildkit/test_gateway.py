"""LLBBridge, over gRPC: solve, look, return; as buildx does it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.status_pb2 import Status

from engine.buildkit import linked
from proto.buildkit.services import control_pb2 as pb
from proto.buildkit.services import gateway_pb2 as gateway
from proto.buildkit.types import ops_pb2
from proto.errdefs import InvalidArgument
from tests.fakes.engine_buildkit import IMAGE_ID, Builder, Served, served

OURS = (("buildkit-controlapi-buildid", "r"),)
EVALUATE = gateway.SolveRequest(
    Frontend="dockerfile.v0", allowResultReturn=True, allowResultArrayRef=True, Evaluate=True
)
SOLVE = gateway.SolveRequest(Frontend="dockerfile.v0", allowResultReturn=True, allowResultArrayRef=True)


@contextlib.asynccontextmanager
async def _driven(folder: Path, builder: Builder | None = None) -> AsyncIterator[tuple[Served, "asyncio.Task[Any]"]]:
    """A build whose client drives it, and its Solve."""
    async with served(folder, builder) as client, client.session():
        exporter = pb.Exporter(Type="moby", Attrs={})
        call = client.control.Solve(pb.SolveRequest(Ref="r", Session="session", Exporters=[exporter]))
        try:
            yield client, asyncio.ensure_future(call)
        finally:
            call.cancel()


async def test_what_was_solved_is_exported_when_it_is_returned(tmp_path: Path) -> None:
    async with _driven(tmp_path) as (client, solve):
        await client.bridge.Ping(gateway.PingRequest(), metadata=OURS)
        result = (await client.bridge.Solve(EVALUATE, metadata=OURS)).result
        assert json.loads(result.metadata["containerimage.config"])["config"] == {"Cmd": ["x"]}
        await client.bridge.Evaluate(gateway.EvaluateRequest(Ref=result.ref.id), metadata=OURS)
        assert not solve.done()
        await client.bridge.Return(gateway.ReturnRequest(result=result), metadata=OURS)
        assert (await solve).ExporterResponse["containerimage.digest"] == IMAGE_ID
    assert client.builder.ended == 1


@pytest.mark.parametrize(("returns", "lists"), [(False, False), (True, False)])
async def test_older_clients_get_references_in_their_form(tmp_path: Path, returns: bool, lists: bool) -> None:
    async with _driven(tmp_path) as (client, solve):
        request = gateway.SolveRequest(Frontend="dockerfile.v0", allowResultReturn=returns, allowResultArrayRef=lists)
        answer = await client.bridge.Solve(request, metadata=OURS)
        ref = answer.result.refDeprecated if returns else answer.ref
        refs = gateway.RefMapDeprecated(refs={"linux/amd64": ref})
        result = gateway.Result(refsDeprecated=refs) if returns else gateway.Result(refDeprecated=ref)
        await client.bridge.Return(gateway.ReturnRequest(result=result), metadata=OURS)
        assert (await solve).ExporterResponse["containerimage.digest"] == IMAGE_ID


async def test_what_nobody_returned_is_given_up(tmp_path: Path) -> None:
    async with _driven(tmp_path) as (client, solve):
        await client.bridge.Solve(SOLVE, metadata=OURS)
        await client.bridge.Solve(SOLVE, metadata=OURS)
        await client.bridge.Return(gateway.ReturnRequest(result=gateway.Result()), metadata=OURS)
        assert not (await solve).ExporterResponse
        with pytest.raises(grpc.aio.AioRpcError, match="no such"):
            await client.bridge.Evaluate(
                gateway.EvaluateRequest(Ref="x"), metadata=(("buildkit-controlapi-buildid", ""),)
            )
    assert client.builder.ended == 2


async def test_one_client_has_so_many_results_and_no_more(tmp_path: Path) -> None:
    async with _driven(tmp_path) as (client, _):
        for _number in range(64):
            await client.bridge.Solve(SOLVE, metadata=OURS)
        with pytest.raises(grpc.aio.AioRpcError, match="more than 64 results"):
            await client.bridge.Solve(SOLVE, metadata=OURS)


async def test_the_clients_own_failure_is_the_builds(tmp_path: Path) -> None:
    async with _driven(tmp_path) as (client, solve):
        failed = Status(code=2, message="I do not like it")
        await client.bridge.Return(gateway.ReturnRequest(error=failed), metadata=OURS)
        with pytest.raises(grpc.aio.AioRpcError, match="I do not like it"):
            await solve


async def test_a_build_that_fails_fails_its_solve(tmp_path: Path) -> None:
    async with _driven(tmp_path, Builder(InvalidArgument("it is wrong"))) as (client, solve):
        with pytest.raises(grpc.aio.AioRpcError, match="it is wrong"):
            await client.bridge.Solve(EVALUATE, metadata=OURS)
        result = (await client.bridge.Solve(SOLVE, metadata=OURS)).result
        await client.bridge.Return(gateway.ReturnRequest(result=result), metadata=OURS)
        with pytest.raises(grpc.aio.AioRpcError, match="it is wrong"):
            await solve


async def test_a_result_is_the_base_of_another_build(tmp_path: Path) -> None:
    async with _driven(tmp_path) as (client, _):
        base = (await client.bridge.Solve(SOLVE, metadata=OURS)).result.ref
        request = gateway.SolveRequest(
            Frontend="dockerfile.v0",
            FrontendOpt={"context:base": "input:k"},
            FrontendInputs={"k": getattr(base, "def")},
            Evaluate=True,
        )
        await client.bridge.Solve(request, metadata=OURS)
        (asked,) = [each for each in client.builder.asked if each.states]
        assert asked.states["base"].config == {"Cmd": ["x"]}
        gone = gateway.SolveRequest(
            Frontend="dockerfile.v0",
            FrontendOpt={"context:base": "input:k"},
            FrontendInputs={"k": linked.definition("other")},
        )
        with pytest.raises(grpc.aio.AioRpcError, match="has gone with its build"):
            await client.bridge.Solve(gone, metadata=OURS)


async def test_a_result_for_two_platforms_is_refused(tmp_path: Path) -> None:
    async with _driven(tmp_path) as (client, solve):
        refs = gateway.RefMap(refs={"a": gateway.Ref(id="x"), "b": gateway.Ref(id="y")})
        await client.bridge.Return(gateway.ReturnRequest(result=gateway.Result(refs=refs)), metadata=OURS)
        with pytest.raises(grpc.aio.AioRpcError, match="several platforms"):
            await solve


async def test_returning_twice_and_unknown_references_are_refused(tmp_path: Path) -> None:
    async with _driven(tmp_path) as (client, _):
        ref = (await client.bridge.Solve(SOLVE, metadata=OURS)).result.ref
        with pytest.raises(grpc.aio.AioRpcError, match="no such reference"):
            await client.bridge.ReadFile(gateway.ReadFileRequest(Ref="other", FilePath="/a"), metadata=OURS)
        assert ref.id
        with pytest.raises(grpc.aio.AioRpcError, match="no buildkit-controlapi-buildid"):
            await client.bridge.Return(gateway.ReturnRequest())


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (gateway.SolveRequest(Definition=ops_pb2.Definition(**{"def": [b"x"]})), "definition in LLB"),
        (gateway.SolveRequest(Frontend="x.v0"), "frontend 'x.v0'"),
        (
            gateway.SolveRequest(Frontend="dockerfile.v0", FrontendOpt={"requestid": "frontend.x"}),
            "unsupported request",
        ),
    ],
)
async def test_what_is_not_here_is_refused_by_name(tmp_path: Path, request_: gateway.SolveRequest, words: str) -> None:
    async with _driven(tmp_path) as (client, _):
        with pytest.raises(grpc.aio.AioRpcError, match=words):
            await client.bridge.Solve(request_, metadata=OURS)


async def test_containers_of_a_client_are_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        for call in (
            client.bridge.NewContainer(gateway.NewContainerRequest()),
            client.bridge.ReleaseContainer(gateway.ReleaseContainerRequest()),
            client.bridge.ReadFileContainer(gateway.ReadFileRequest()),
            client.bridge.ReadDirContainer(gateway.ReadDirRequest()),
            client.bridge.StatFileContainer(gateway.StatFileRequest()),
            client.bridge.Inputs(gateway.InputsRequest()),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        with pytest.raises(grpc.aio.AioRpcError, match="not supported"):
            async for _ in client.bridge.ExecProcess(iter(())):
                pass


async def test_images_are_resolved_under_both_names(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        answer = await client.bridge.ResolveImageConfig(gateway.ResolveImageConfigRequest(Ref="busybox"))
        assert (answer.Digest, json.loads(answer.Config)["name"]) == (IMAGE_ID, "busybox")
        source = ops_pb2.SourceOp(identifier="docker-image://busybox")
        platform = ops_pb2.Platform(OS="linux", Architecture="arm64")
        meta = await client.bridge.ResolveSourceMeta(gateway.ResolveSourceMetaRequest(Source=source, Platform=platform))
        assert (meta.Image.Digest, meta.Source.identifier) == (IMAGE_ID, "docker-image://busybox")
        git = ops_pb2.SourceOp(identifier="git://x")
        with pytest.raises(grpc.aio.AioRpcError, match="git://x"):
            await client.bridge.ResolveSourceMeta(gateway.ResolveSourceMetaRequest(Source=git))


async def test_a_clients_warning_is_told_with_the_builds(tmp_path: Path) -> None:
    async with _driven(tmp_path) as (client, _):
        await client.bridge.Warn(gateway.WarnRequest(digest="d", short=b"hm"), metadata=OURS)
        async for status in client.control.Status(pb.StatusRequest(Ref="r")):
            assert [warning.short for warning in status.warnings] == [b"hm"]
            break
