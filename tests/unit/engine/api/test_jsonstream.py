"""Lines of JSON."""

import asyncio
from pathlib import Path

from aiohttp import ClientSession, UnixConnector, web

from engine.api.app import Api, Route
from engine.api.call import Call
from engine.api.jsonstream import JsonStream
from engine.background import Background


async def test_headers_wait_for_the_first_line(tmp_path: Path) -> None:
    async def handler(call: Call) -> web.StreamResponse:
        stream = JsonStream(call)
        assert stream.response is None
        await stream.send({"a": 1})
        await stream.send({"b": 2})
        return await stream.close()

    runner = web.ServerRunner(web.Server(Api([Route("GET", "/x", handler)], Background()).handle))
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "s")).start()
    session = ClientSession(connector=UnixConnector(str(tmp_path / "s")))
    async with asyncio.timeout(5), session, session.get("http://d/x") as response:
        assert await response.read() == b'{"a":1}\r\n{"b":2}\r\n'
        assert response.content_type == "application/json"
    await runner.cleanup()
