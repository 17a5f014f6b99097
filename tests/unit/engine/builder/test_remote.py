"""Contexts that the engine fetches: what they are taken for."""

import gzip
import io
import os
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from engine.builder.remote import alone, fetched, is_archive
from engine.builder.request import Request
from proto.errdefs import InvalidArgument, Unimplemented


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in (("Dockerfile", b"FROM tar"), (".dockerignore", b"skip"), ("skip", b""), ("f", b"")):
            entry = tarfile.TarInfo(name)
            entry.size, entry.uid, entry.gid = len(content), os.getuid(), os.getgid()
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


@asynccontextmanager
async def _serving(body: bytes) -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body)

    app = web.Application()
    app.router.add_get("/", answer)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("/"))
    finally:
        await server.close()


@pytest.mark.parametrize("packed", [False, True])
async def test_a_tar_is_a_context_and_its_dockerignore_is_heard(tmp_path: Path, packed: bool) -> None:
    async with _serving(gzip.compress(_tar()) if packed else _tar()) as url:
        async with fetched(Request(remote=url), str(tmp_path)) as context:
            assert context.dockerfile("") == "FROM tar"
            assert (context.read("f"), context.read("skip")) == ("", None)
    assert list(tmp_path.iterdir()) == []


def test_what_begins_like_an_archive_is_one() -> None:
    assert is_archive(_tar()[:512])
    assert is_archive(gzip.compress(b"x"))
    assert is_archive(alone(b"FROM a"))
    assert not is_archive(b"FROM a")


async def test_other_words_and_the_hosts_own_files_are_refused(tmp_path: Path) -> None:
    for remote in ("/etc", "file:///etc", "ftp://x/y"):
        with pytest.raises(InvalidArgument, match="unable to detect"):
            async with fetched(Request(remote=remote), str(tmp_path)):
                pass
    with pytest.raises(Unimplemented, match="the engine speaks"):
        async with fetched(Request(remote="git@github.com:a/b.git"), str(tmp_path)):
            pass
