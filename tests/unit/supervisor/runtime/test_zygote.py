"""The zygote's client; the zygote here is a small Python program that echoes what it is asked."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from supervisor.background import Background
from supervisor.runtime.zygote import Zygote, ZygoteUnavailable

ECHO = f"""#!{sys.executable} -IS
import json, os, socket, sys
assert sys.argv[1:] == ["zygote"]
peer = socket.socket(fileno=3)
while packet := peer.recv(1 << 20):
    request = json.loads(packet)
    if request["args"] == ["die"]:
        os._exit(1)
    if request["args"] == ["hang"]:
        continue
    if request["args"] == ["bytes"]:
        request["args"] = [b"\\x08\\xff\\x00".decode("utf-8", "surrogateescape")]
    answer = {{"id": request["id"], "code": 0, "stdout": " ".join([*request["args"], request["cwd"]]), "stderr": ""}}
    peer.send(json.dumps(answer).encode())
"""


@pytest.fixture
async def zygote(tmp_path: Path) -> AsyncIterator[Zygote]:
    program = tmp_path / "containerd-shim-wherry-v2"
    program.write_text(ECHO)
    program.chmod(0o755)
    background = Background()
    built = Zygote(str(program), background, timeout=5)
    yield built
    built.close()
    await background.aclose()


async def ask(zygote: Zygote, *arguments: str) -> str:
    return (await zygote.run(list(arguments), "/b", {}, b"")).stdout.decode()


async def test_it_is_started_by_the_first_request(zygote: Zygote) -> None:
    assert zygote.pid is None
    assert await ask(zygote, "-id", "c1", "start") == "-id c1 start /b"
    assert zygote.pid is not None


async def test_many_requests_find_their_answers(zygote: Zygote) -> None:
    answers = await asyncio.gather(*(ask(zygote, str(number)) for number in range(50)))
    assert answers == [f"{number} /b" for number in range(50)]


async def test_bytes_that_are_no_text_arrive_as_they_are(zygote: Zygote) -> None:
    assert (await zygote.run(["bytes"], "/b", {}, b"")).stdout == b"\x08\xff\x00 /b"


async def test_one_that_dies_is_replaced(zygote: Zygote) -> None:
    await ask(zygote, "x")
    first = zygote.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(5):
        while zygote.pid in (first, None):
            await asyncio.sleep(0.01)
    assert await ask(zygote, "y") == "y /b"


async def test_who_waits_when_it_dies_is_told(zygote: Zygote) -> None:
    with pytest.raises(ZygoteUnavailable):
        await ask(zygote, "die")


async def test_one_that_keeps_dying_is_given_up(zygote: Zygote) -> None:
    for _ in range(3):
        with pytest.raises(ZygoteUnavailable):
            await ask(zygote, "die")
    with pytest.raises(ZygoteUnavailable, match="too often"):
        await ask(zygote, "x")


async def test_one_that_hangs_is_killed(tmp_path: Path, zygote: Zygote) -> None:
    impatient = Zygote(zygote.program, Background(), timeout=60)
    await ask(impatient, "x")  # on a busy machine its start alone takes a while
    pid = impatient.pid
    impatient._timeout = 0.5
    with pytest.raises(ZygoteUnavailable, match="does not answer"):
        await ask(impatient, "hang")
    assert not os.path.exists(f"/proc/{pid}")
    impatient.close()


async def test_our_leaving_is_its_end(zygote: Zygote) -> None:
    await ask(zygote, "x")
    pid = zygote.pid
    zygote.close()
    assert not os.path.exists(f"/proc/{pid}")
    with pytest.raises(ZygoteUnavailable):
        await ask(zygote, "x")


async def test_a_program_that_is_not_there_is_no_zygote(tmp_path: Path) -> None:
    missing = Zygote(str(tmp_path / "none"), Background())
    with pytest.raises(ZygoteUnavailable):
        await ask(missing, "x")
