"""`ADD https://…`: which words are URLs, what the file is called, and that its bytes are checked."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from engine.builder import download
from proto.errdefs import InvalidArgument, Unavailable

_SUM = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of abc


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """Serves abc."""

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.path != "/d/f.txt":
            return web.Response(status=404)
        return web.Response(body=b"abc", headers={"Last-Modified": "Thu, 01 Jan 1970 00:01:40 GMT"})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    await runner.cleanup()


async def test_a_file_comes_closed_to_others_with_the_servers_time(server: str, tmp_path: Path) -> None:
    async with download.fetched(f"{server}/d/f.txt?q", str(tmp_path), _SUM) as (root, name):
        found = os.stat(name, dir_fd=root)
        assert (name, found.st_mode & 0o777, found.st_mtime, found.st_size) == ("f.txt", 0o600, 100, 3)
    assert list(tmp_path.iterdir()) == []


async def test_the_wrong_bytes_are_refused(server: str, tmp_path: Path) -> None:
    for url, checksum in (
        (f"{server}/d/f.txt", "sha256:" + "0" * 64),
        (f"{server}/d/f.txt", "md5:0"),
        (f"{server}/x", ""),
    ):
        with pytest.raises(InvalidArgument):
            async with download.fetched(url, str(tmp_path), checksum):
                pass
    assert list(tmp_path.iterdir()) == []


async def test_a_server_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        async with download.fetched("http://127.0.0.1:1/x", str(tmp_path), ""):
            pass


def test_files_are_no_urls() -> None:
    assert download.is_remote("https://x/y.tar")
    assert not download.is_remote("https/x")


@pytest.mark.parametrize("url", ["http://x/", "http://x", "http://x/..", "http://x/%2e%2e", "http://x/a%2fb/"])
def test_a_url_without_a_name_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgument):
        download.file_name(url)


def test_a_name_is_never_a_path() -> None:
    assert download.file_name("http://x/a%2f..%2fb") == "b"
