"""Our shim's socket."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from engine.containers.stdio import ShimStdio
from engine.supervisor_client.tasks import Stdio
from proto.errdefs import Internal, Unavailable


async def serve(path: Path, answer: bytes) -> tuple[asyncio.Server, list[bytes], asyncio.Event]:
    heard: list[bytes] = []
    done = asyncio.Event()

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        writer.write(answer)
        heard.append(await reader.read())
        writer.close()
        await writer.wait_closed()
        done.set()

    return await asyncio.start_unix_server(client, str(path)), heard, done


async def test_attaching_says_what_is_wanted_and_half_closes(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    os.symlink(deep, tmp_path / "short")
    server, heard, done = await serve(tmp_path / "short" / "s", b'{"ok":true}\nframes')
    attachment = await ShimStdio(Stdio(), str(deep / "s")).attach(stdin=True, stdout=True, stderr=False)
    assert json.loads(heard[0]) == {"stdin": True, "stdout": True, "stderr": False}
    assert await attachment.read() == b"frames"
    await attachment.write(b"in")
    await attachment.close_stdin()
    assert await attachment.read() == b""
    assert heard[1] == b"in"
    attachment.close()
    await done.wait()
    server.close()


async def test_a_refusal_and_an_end_are_faults(tmp_path: Path) -> None:
    server, _, done = await serve(tmp_path / "s", b'{"error":"no"}\n')
    with pytest.raises(Internal, match="no"):
        await ShimStdio(Stdio(), str(tmp_path / "s")).attach(stdin=False, stdout=True, stderr=True)
    await done.wait()
    server.close()
    with pytest.raises(Unavailable):
        await ShimStdio(Stdio(), str(tmp_path / "gone")).attach(stdin=False, stdout=True, stderr=True)
