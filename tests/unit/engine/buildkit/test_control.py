"""Control, over gRPC: what a client asks first, and a solve to its end."""

import asyncio
from pathlib import Path

import grpc
import pytest

from engine import __version__
from engine.builder.run import CommandFailed
from engine.images import platform as platforms
from proto.buildkit.services import control_pb2 as pb
from proto.buildkit.types import ops_pb2
from tests.fakes.engine_buildkit import IMAGE_ID, Builder, served

MOBY = [pb.Exporter(Type="moby", Attrs={"name": "app"})]


def _solve(ref: str = "r", **more: object) -> pb.SolveRequest:
    asked = {"Frontend": "dockerfile.v0", "Session": "session", "Exporters": MOBY} | more
    return pb.SolveRequest(Ref=ref, **asked)  # type: ignore[arg-type]


async def test_the_engine_is_a_worker_of_its_own(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        version = (await client.control.Info(pb.InfoRequest())).buildkitVersion
        (worker,) = (await client.control.ListWorkers(pb.ListWorkersRequest())).record
    assert (version.package, version.version) == ("wherry", f"v{__version__}")
    assert worker.ID == "some-engine"
    assert worker.platforms[0].Architecture == platforms.host().architecture
    assert worker.Labels == {"org.mobyproject.buildkit.worker.moby.host-gateway-ip": "10.0.0.1"}


async def test_what_is_kept_is_told_and_goes(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        (record,) = (await client.control.DiskUsage(pb.DiskUsageRequest(filter=["type=regular"]))).record
        assert not (await client.control.DiskUsage(pb.DiskUsageRequest(filter=["type=source.local"]))).record
        assert not (await client.control.DiskUsage(pb.DiskUsageRequest(ageLimit=10**18))).record
        gone = [each async for each in client.control.Prune(pb.PruneRequest(all=True))]
    assert (record.ID, record.Size, record.UsageCount, record.Mutable) == ("1", 7, 2, False)
    assert (record.CreatedAt.seconds, record.LastUsedAt.seconds) == (1767323045, 1764082800)
    assert [each.ID for each in gone] == ["1"]


@pytest.mark.parametrize("words", [["colour=red"], ["type~=x"], ["a", "b"]])
async def test_a_filter_that_is_not_known_is_refused(tmp_path: Path, words: list[str]) -> None:
    async with served(tmp_path) as client:
        with pytest.raises(grpc.aio.AioRpcError, match="filter"):
            await client.control.DiskUsage(pb.DiskUsageRequest(filter=words))
        with pytest.raises(grpc.aio.AioRpcError, match="not negative"):
            async for _ in client.control.Prune(pb.PruneRequest(reservedSpace=-1)):
                pass


async def test_a_solve_answers_with_the_image(tmp_path: Path) -> None:
    async with served(tmp_path) as client, client.session():
        answer = await client.control.Solve(_solve(FrontendAttrs={"target": "app", "build-arg:A": "1"}))
    assert answer.ExporterResponse == {
        "containerimage.digest": IMAGE_ID,
        "containerimage.config.digest": IMAGE_ID,
        "image.name": "app",
    }
    assert [(asked.target, asked.arguments) for asked in client.builder.asked] == [("app", {"A": "1"})]


async def test_without_an_output_nothing_is_stored(tmp_path: Path) -> None:
    async with served(tmp_path) as client, client.session():
        answer = await client.control.Solve(_solve(Exporters=[]))
    assert not answer.ExporterResponse
    assert not client.builder.asked[0].store


async def test_old_clients_name_one_exporter(tmp_path: Path) -> None:
    async with served(tmp_path) as client, client.session():
        request = _solve(Exporters=[], ExporterDeprecated="moby", ExporterAttrsDeprecated={"name": "old"})
        assert (await client.control.Solve(request)).ExporterResponse["image.name"] == "old"


async def test_a_failure_is_a_status_with_words_and_no_name_of_its_code(tmp_path: Path) -> None:
    builder = Builder(CommandFailed("The command 'x' returned a non-zero code: 3", 3))
    async with served(tmp_path, builder) as client, client.session():
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.control.Solve(_solve())
    assert caught.value.code() is grpc.StatusCode.UNKNOWN
    assert caught.value.details() == 'process "x" did not complete successfully: exit code: 3'


async def test_a_build_without_its_session_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.buildkit.sessions.Sessions.get.__defaults__", (0.01,))
    async with served(tmp_path) as client:
        with pytest.raises(grpc.aio.AioRpcError, match="no active session for session"):
            await client.control.Solve(_solve())


async def test_status_tells_of_a_build_to_its_end(tmp_path: Path) -> None:
    step = {
        "step": 1,
        "steps": 1,
        "stage": "",
        "name": "RUN x",
        "state": "running",
        "time": 1.0,
        "vertex": "[1/1] RUN x",
    }
    builder = Builder({"id": "wherry.step", "aux": step}, {"id": "wherry.step", "aux": step | {"state": "done"}})
    async with served(tmp_path, builder) as client, client.session():
        solving = asyncio.ensure_future(client.control.Solve(_solve()))
        call = client.control.Status(pb.StatusRequest(Ref="r"))
        assert "buildkit-current-timestamp" in dict(await call.initial_metadata())
        names = [vertex.name async for status in call for vertex in status.vertexes]
        await solving
        late = client.control.Status(pb.StatusRequest(Ref="r"))
        assert [vertex.name async for status in late for vertex in status.vertexes] == names
        with pytest.raises(grpc.aio.AioRpcError, match="job ID r exists"):
            await client.control.Solve(_solve())
    assert names == ["[1/1] RUN x"] * 2


async def test_who_gives_a_solve_up_ends_its_build(tmp_path: Path) -> None:
    builder = Builder({"stream": "x"})
    builder.forever = True
    async with served(tmp_path, builder) as client, client.session():
        call = client.control.Solve(_solve())
        status = client.control.Status(pb.StatusRequest(Ref="r"))
        await status.initial_metadata()
        while not builder.asked:
            await asyncio.sleep(0.01)
        call.cancel()
        assert [each async for each in status] == []
        assert builder.ended == 1


async def test_a_session_that_ends_ends_its_build(tmp_path: Path) -> None:
    builder = Builder({"stream": "x"})
    builder.forever = True
    async with served(tmp_path, builder) as client:
        async with client.session() as caller:
            call = asyncio.ensure_future(client.control.Solve(_solve()))
            while not builder.asked:
                await asyncio.sleep(0.01)
            caller.closed.set()
            with pytest.raises(grpc.aio.AioRpcError, match="context canceled") as caught:
                await call
        assert caught.value.code() is grpc.StatusCode.CANCELLED
        assert builder.ended == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"Definition": ops_pb2.Definition(**{"def": [b"x"]})}, "definition in LLB"),
        ({"Frontend": "other.v0"}, "the frontend other.v0"),
        ({"Entitlements": ["security.insecure"]}, "security.insecure"),
        ({"SourcePolicySession": "x"}, "source policies"),
        ({"ProxyNetwork": True}, "a proxied network"),
        ({"FrontendAttrs": {"context:a": "input:b"}}, "names the input b"),
        ({"Cache": pb.CacheOptions(Exports=[pb.CacheOptionsEntry(Type="gha")])}, "type=gha"),
        ({"Exporters": [pb.Exporter(Type="local"), pb.Exporter(Type="tar")]}, "several outputs"),
        ({"FrontendAttrs": {"quite-new": "1"}}, "quite-new=1"),
        ({"Ref": ""}, "needs a ref"),
    ],
)
async def test_what_is_not_here_is_refused_by_name(tmp_path: Path, more: dict[str, object], words: str) -> None:
    async with served(tmp_path) as client, client.session():
        asked = _solve()
        asked.MergeFrom(pb.SolveRequest(**{key: value for key, value in more.items() if value}))  # type: ignore[arg-type]
        if "Ref" in more:
            asked.Ref = ""
        if "Exporters" in more:
            del asked.Exporters[0]
        with pytest.raises(grpc.aio.AioRpcError, match=words):
            await client.control.Solve(asked)
    assert client.builder.asked == []


async def test_history_is_refused_by_the_code_that_clients_look_at(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in client.control.ListenBuildHistory(pb.BuildHistoryRequest(EarlyExit=True)):
                pass
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        with pytest.raises(grpc.aio.AioRpcError, match="not kept"):
            await client.control.UpdateBuildHistory(pb.UpdateBuildHistoryRequest(Ref="x"))


async def test_imports_are_caches_and_every_image_has_an_inline_one(tmp_path: Path) -> None:
    entry = pb.CacheOptionsEntry(Type="registry", Attrs={"ref": "b"})
    cache = pb.CacheOptions(ImportRefsDeprecated=["a"], Imports=[entry], Exports=[pb.CacheOptionsEntry(Type="inline")])
    async with served(tmp_path) as client, client.session():
        await client.control.Solve(_solve("s", Cache=cache))
    assert client.builder.asked[0].cache_from == ("a", "b")
