"""Taking a connection over."""

import asyncio
from pathlib import Path

from aiohttp import web

from engine.api.app import Api, Route
from engine.api.call import Call
from engine.api.hijack import hijack
from engine.background import Background


async def echo(call: Call) -> web.StreamResponse:
    client = hijack(call, tty=call.flag("tty"))
    while data := await client.reader.read(100):
        await client.write_out(data.upper())
    await client.write_out(b"end")
    await client.finish()
    return client


async def talk(folder: Path, head: str, body: bytes) -> bytes:
    runner = web.ServerRunner(web.Server(Api([Route("POST", "/x", echo, streams=True)], Background()).handle))
    await runner.setup()
    path = str(folder / "s")
    await web.UnixSite(runner, path).start()
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(head.encode() + b"Host: d\r\nContent-Length: 0\r\n\r\n")
    async with asyncio.timeout(5):
        answer = await reader.readuntil(b"\r\n\r\n")  # as every client does before it ends its side
        writer.write(body)
        writer.write_eof()
        answer += await reader.read()
    writer.close()
    await writer.wait_closed()
    await runner.cleanup()
    return answer


async def test_both_ways_and_half_close_is_heard(tmp_path: Path) -> None:
    answer = await talk(tmp_path, "POST /v1.51/x HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n", b"early")
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream")
    assert rest == b"EARLYend"


async def test_a_terminal_is_a_raw_stream(tmp_path: Path) -> None:
    answer = await talk(tmp_path, "POST /v1.51/x?tty=1 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n", b"a")
    assert b"application/vnd.docker.raw-stream" in answer


async def test_without_an_upgrade_it_is_200(tmp_path: Path) -> None:
    answer = await talk(tmp_path, "POST /v1.24/x HTTP/1.1\r\n", b"")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"end")
