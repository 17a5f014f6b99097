"""Which folders of a client's make a build's contexts, and what of them is asked for."""

import asyncio
import contextlib
import io
import os
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.builder.context import Context
from engine.builder.kept_contexts import KeptContexts
from engine.builder.request import Request
from engine.buildkit.caller import Caller
from engine.buildkit.folders import Folders, named
from proto.buildkit.services.upload_pb2_grpc import add_UploadServicer_to_server
from proto.errdefs import InvalidArgument, NotFound, Unimplemented
from tests.fakes.buildkit_session import Files, Upload, files, session

_ALL = frozenset({""})


class Client:
    """A session with folders, and a build's `Folders` of it."""

    def __init__(self, folder: Path, caller: Caller, service: Files) -> None:
        self.service = service
        self._caller = caller
        self._kept = KeptContexts(str(folder / "contexts"))
        self._temporary = str(folder / "tmp")
        os.makedirs(self._temporary, exist_ok=True)

    def build(self, **options: str) -> Folders:
        named = {key.replace("__", ":").replace("_", "-"): value for key, value in options.items()}
        return Folders(self._caller, self._kept, self._temporary, named)

    def left(self) -> list[str]:
        return os.listdir(self._temporary)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / ".dockerignore").write_text("*.log\n!keep.log\n")
    (folder / "main.c").write_text("main")
    return folder


@pytest.fixture
async def client(tmp_path: Path, app: Path) -> AsyncIterator[Client]:
    service = Files({"context": app, "dockerfile": app})
    async with session(tmp_path, files(service)) as caller:
        yield Client(tmp_path, caller, service)


def _asked(client: Client) -> list[tuple[str, list[str], list[str]]]:
    found = [
        (headers["dir-name"][0], headers.get("followpaths", []), headers.get("exclude-patterns", []))
        for headers, _ in client.service.asked
    ]
    return sorted(found[:2]) + found[2:]


async def test_the_dockerfile_comes_alone_and_the_context_when_it_is_wanted(client: Client) -> None:
    build = client.build()
    async with build.stack:
        assert await build.dockerfile(Request()) == "FROM scratch\n"
        follow = ["Dockerfile", "Dockerfile.dockerignore", "dockerfile"]
        assert _asked(client) == [("context", [".dockerignore"], []), ("dockerfile", follow, [])]
        assert client.left() == []
        context = await build.context(_ALL)
        assert await build.context(_ALL) is context
        assert _asked(client)[2:] == [("context", [], ["*.log", "!keep.log"])]
        assert context.read("main.c") == "main"
        assert not context.is_passing


async def test_only_what_the_dockerfile_names_is_asked_for_until_a_step_wants_more(client: Client, app: Path) -> None:
    build = client.build()
    async with build.stack:
        await build.dockerfile(Request())
        build.wanted = frozenset({"main.c", "Dockerfile"})
        part = await build.context(frozenset({"main.c"}))
        assert await build.context(frozenset({"Dockerfile"})) is part
        assert (part.read("main.c"), part.read(".dockerignore")) == ("main", None)
        whole = await build.context(frozenset({"main.c", "other"}))
        assert whole.read(".dockerignore") is not None
        assert await build.context(frozenset({"main.c"})) is whole
    assert [headers.get("followpaths") for headers, _ in client.service.asked[2:]] == [["Dockerfile", "main.c"], None]


async def test_builds_at_once_have_one_context_and_each_dockerfile_its_own(client: Client, app: Path) -> None:
    (app / "Other").write_text("FROM scratch\n")
    builds = [client.build(), client.build(), client.build(filename="Other")]
    async with contextlib.AsyncExitStack() as stack:
        for build in builds:
            await stack.enter_async_context(build.stack)
            await build.dockerfile(Request())
        before = len(client.service.asked)
        found = await asyncio.gather(*(build.context(_ALL) for build in builds))
        assert found[0] is found[1]
        assert found[2] is not found[0]
        assert len(client.service.asked) == before + 2


async def test_a_context_is_kept_for_the_next_build(client: Client, app: Path) -> None:
    for _ in range(2):
        build = client.build()
        async with build.stack:
            await build.dockerfile(Request())
            await build.context(_ALL)
    assert sorted(client.service.asked[2][1]) == [".dockerignore", "Dockerfile", "main.c"]
    assert client.service.asked[5][1] == []


async def test_the_dockerfiles_own_ignore_file_goes_before(client: Client, app: Path) -> None:
    (app / "Dockerfile.dockerignore").write_text("docs\n")
    build = client.build()
    async with build.stack:
        await build.dockerfile(Request())
        await build.context(_ALL)
    assert _asked(client)[2] == ("context", [], ["docs"])


async def test_dockerfiles_have_other_names_and_places(client: Client, app: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "dockerfile").write_text("small")
    (other / "link").symlink_to("dockerfile")
    client.service.folders["elsewhere"] = other
    for options, text in (({}, "small"), ({"filename": "dockerfile"}, "small")):
        assert await client.build(dockerfilekey="elsewhere", **options).dockerfile(Request()) == text
    with pytest.raises(InvalidArgument, match="failed to read dockerfile: open gone: no such file"):
        await client.build(filename="gone").dockerfile(Request())
    for name in ("../Dockerfile", "/etc/passwd", "a\0b"):
        with pytest.raises(InvalidArgument, match="Forbidden path"):
            await client.build(filename=name).dockerfile(Request())
    assert client.left() == []


async def test_contexts_by_name_have_ignore_files_of_their_own(client: Client, tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "logo").write_text("logo")
    (assets / ".dockerignore").write_text("raw\n")
    client.service.folders["assets"] = assets
    build = client.build(context__Assets="local:assets", context__base="docker-image://debian")
    async with build.stack:
        assert build.names == {"assets"}
        found = await build.folder("assets")
        assert found.read("logo") == "logo"
        assert await build.folder("assets") is found
    assert [(headers["dir-name"], headers.get("exclude-patterns")) for headers, _ in client.service.asked] == [
        (["assets"], None),
        (["assets"], ["raw"]),
    ]


@pytest.mark.parametrize("value", ["oci-layout://x@sha256:1", "input:x", "target:x", "http://example.org/x.tar", "odd"])
def test_contexts_that_are_no_folders_are_refused_by_name(value: str) -> None:
    with pytest.raises(Unimplemented, match="mine"):
        named({"context:mine::linux/amd64": value})


def test_a_folder_inside_of_a_remote_context_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Unimplemented, match="contextsubdir"):
        Folders(Caller("id"), KeptContexts(str(tmp_path / "kept")), str(tmp_path), {"contextsubdir": "x"})


async def test_a_client_without_a_key_leaves_nothing_behind(tmp_path: Path, app: Path) -> None:
    service = Files({"context": app, "dockerfile": app})
    async with session(tmp_path, files(service), shared_key="") as caller:
        client = Client(tmp_path, caller, service)
        build = client.build()
        async with build.stack:
            await build.dockerfile(Request())
            assert (await build.context(_ALL)).read("main.c") == "main"
            assert len(client.left()) == 1
        assert client.left() == []
        assert os.listdir(tmp_path / "contexts") == []


async def test_another_session_has_the_folder_where_the_client_says_so(client: Client, tmp_path: Path) -> None:
    build = client.build(local_sessionid__context="other")
    async with build.stack:
        with pytest.raises(NotFound, match="no active session for other"):
            await build.dockerfile(Request())
        found: list[str] = []

        async def find(identity: str) -> Caller:
            found.append(identity)
            return client._caller

        build.find = find
        assert await build.dockerfile(Request()) == "FROM scratch\n"
        assert found == ["other"]


def _tar(**contents: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


async def _body(data: bytes) -> AsyncIterator[bytes]:
    yield data


@pytest.fixture
def uploads(tmp_path: Path) -> Upload:
    return Upload({"tar": _tar(Dockerfile="FROM a\n", main="m"), "text": b"FROM b\n", "long": b"x" * (5 << 20)})


async def test_standard_input_is_a_tar_or_a_dockerfile(tmp_path: Path, uploads: Upload, app: Path) -> None:
    service = Files({"context": app, "dockerfile": app})
    serve = (files(service), lambda server: add_UploadServicer_to_server(uploads, server))
    async with session(tmp_path, *serve) as caller:
        client = Client(tmp_path, caller, service)
        texts: list[str] = []
        contexts: list[Context] = []
        for options in ({"context": "tar"}, {"context": "text"}, {"context": "tar", "dockerfilekey": "dockerfile"}):
            build = client.build(**{**options, "context": f"http://buildkit-session/{options['context']}"})
            async with build.stack:
                texts.append(await build.dockerfile(Request()))
                contexts.append(await build.context(_ALL))
                if options["context"] == "tar":
                    assert contexts[-1].read("main") == "m"
        with pytest.raises(InvalidArgument, match="neither"):
            await client.build(context="http://buildkit-session/long").dockerfile(Request())
        build = client.build()
        build.body = _body(uploads.things["tar"])
        async with build.stack:
            texts.append(await build.dockerfile(Request()))
    assert texts == ["FROM a\n", "FROM b\n", "FROM scratch\n", "FROM a\n"]
    assert contexts[0].is_passing
