"""The debug socket."""

import asyncio
import os
from pathlib import Path

from supervisor.config import Socket
from supervisor.server.debug import DebugServer


async def test_a_request_is_answered_with_every_stack(tmp_path: Path) -> None:
    path = str(tmp_path / "debug.sock")
    server = DebugServer(Socket(path, os.getuid(), os.getgid()))
    await server.start()
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    answer = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    await server.stop()
    assert answer.startswith("HTTP/1.0 200 OK")
    assert "thread MainThread" in answer
    assert "test_a_request_is_answered_with_every_stack" in answer


async def test_without_an_address_nothing_is_served() -> None:
    server = DebugServer(Socket())
    await server.start()
    await server.stop()
