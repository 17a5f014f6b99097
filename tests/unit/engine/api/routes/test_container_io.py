"""Attach, logs and resize over HTTP."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from engine import stdcopy
from engine.api.routes.container_io import padded, show
from engine.logs.json_file import Entry
from engine.logs.pump import PumpStdio
from tests.fakes.engine_room import Bench
from tests.fakes.engine_served import served

UPGRADE = "Host: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"


async def test_attach_takes_the_connection_and_passes_both_ways(bench: Bench, tmp_path: Path) -> None:
    await bench.create(OpenStdin=True, StdinOnce=True)
    async with served(bench, tmp_path) as api:
        reader, writer = await asyncio.open_unix_connection(api.path)
        query = "stream=1&stdin=1&stdout=1&stderr=1"
        writer.write(f"POST /v1.51/containers/web/attach?{query} HTTP/1.1\r\n{UPGRADE}".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 UPGRADED")
        assert b"multiplexed-stream" in head
        shim: list[int] = []
        bench.tasks.on_create = lambda stdio: shim.append(os.open(stdio.stdout, os.O_WRONLY | os.O_NONBLOCK))
        await api.ask("POST", "/containers/web/start")
        (out,) = shim
        os.write(out, b"hello")
        assert await reader.readexactly(13) == stdcopy.frame(1, b"hello")
        os.close(out)
        writer.close()
        await writer.wait_closed()


async def test_old_clients_get_200_and_a_raw_stream(bench: Bench, tmp_path: Path) -> None:
    live = await bench.run()
    assert isinstance(live.stdio, PumpStdio)
    async with served(bench, tmp_path) as api:
        reader, writer = await asyncio.open_unix_connection(api.path)
        writer.write(
            b"POST /v1.24/containers/web/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n"
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert b"raw-stream" in head
        bench.tasks.end(live.container.id, 0)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_logs_come_in_frames(bench: Bench, tmp_path: Path) -> None:
    live = await bench.create()
    path = bench.paths.container(live.container.id).log
    line = {"log": "x\n", "stream": "stderr", "time": "2026-01-01T00:00:00.5Z"}
    Path(path).write_text(json.dumps(line) + "\n")
    live.container.log_path = path
    async with served(bench, tmp_path) as api:
        _, data = await api.ask("GET", "/containers/web/logs?stderr=1&timestamps=1")
        assert data == stdcopy.frame(2, b"2026-01-01T00:00:00.500000000Z x\n")
        assert (await api.ask("GET", "/containers/web/logs"))[0] == 400


async def test_resize_needs_numbers(bench: Bench, tmp_path: Path) -> None:
    await bench.run()
    async with served(bench, tmp_path) as api:
        assert (await api.ask("POST", "/containers/web/resize?h=1&w=2"))[0] == 200
        status, body = await api.ask("POST", "/containers/web/resize?h=x&w=1")
        assert (status, body["message"]) == (400, 'invalid resize height "x": invalid syntax')


def test_details_and_padding() -> None:
    entry = Entry(1, b"x\n", "2026-01-01T00:00:00Z", {"b": "2", "a": "1"})
    assert show(entry, timestamps_too=False, details=True, tty=True) == b"a=1,b=2 x\n"
    entry = Entry(1, b"x\n", "2026-01-01T00:00:00Z", {"a,b": "c d=/é"})
    assert show(entry, timestamps_too=False, details=True, tty=True) == b"a%2Cb=c+d%3D%2F%C3%A9 x\n"
    assert padded("2026-01-01T00:00:00Z") == "2026-01-01T00:00:00.000000000Z"


async def test_attach_over_a_websocket_passes_both_ways_unframed(bench: Bench, tmp_path: Path) -> None:
    await bench.create(OpenStdin=True, StdinOnce=True)
    async with served(bench, tmp_path) as api:
        async with api.session.ws_connect("http://d/v1.41/containers/web/attach/ws?stream=1") as socket:
            shim: list[int] = []
            bench.tasks.on_create = lambda stdio: shim.append(os.open(stdio.stdout, os.O_WRONLY | os.O_NONBLOCK))
            await api.ask("POST", "/containers/web/start")
            (out,) = shim
            os.write(out, b"hello")
            assert (await socket.receive(5)).data == b"hello"
            os.close(out)


@pytest.mark.parametrize("text", ["-1", "4294967296", "9" * 30])
async def test_a_size_has_bounds(bench: Bench, tmp_path: Path, text: str) -> None:
    await bench.run()
    async with served(bench, tmp_path) as api:
        status, body = await api.ask("POST", f"/containers/web/resize?h=1&w={text}")
        assert (status, body["message"]) == (400, f'invalid resize width "{text}": value out of range')
