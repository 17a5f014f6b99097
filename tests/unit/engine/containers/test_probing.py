"""Health checks that the shim runs: the engine's side, against a shim that says what a test wants it to."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.containers.probing import Outcome, Probes
from proto.errdefs import Fault, Unavailable

Json = dict[str, Any]
Script = Callable[["Shim"], Awaitable[None]]


class Shim:
    """One connection's other end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def hear(self) -> Json:
        line = await self._reader.readline()
        found: Json = json.loads(line) if line else {}
        return found

    def say(self, **answer: Any) -> None:
        self._writer.write(json.dumps(answer).encode() + b"\n")


@asynccontextmanager
async def shim(folder: Path, script: Script) -> AsyncIterator[Probes]:
    """A socket behind which each connection is answered by the script; the connection ends with it."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(Shim(reader, writer))
        finally:
            writer.close()

    path = folder / "attach.sock"
    server = await asyncio.start_unix_server(accept, path)
    made = Probes(str(path))
    try:
        yield made
    finally:
        made.close()
        server.close()
        await server.wait_closed()


async def run(probes: Probes, began: Callable[[int], None] = lambda pid: None, timeout: float = 60) -> Outcome:
    return await probes.run("e1", {"args": ["true"]}, began, timeout=timeout, limit=10)


async def test_a_check_is_a_line_there_and_a_line_back(tmp_path: Path) -> None:
    """On one connection; a longer one tells its pid first."""
    heard = []

    async def script(side: Shim) -> None:
        heard.append(await side.hear())
        side.say(ok=True, probes=1)
        heard.append(await side.hear())
        side.say(id="e1", pid=7, status=3, output="out", cut=False)
        await side.hear()
        side.say(id="e1", pid=8)
        side.say(id="e1", pid=8, status=0, output="long", cut=True)
        await side.hear()

    pids: list[int] = []
    async with shim(tmp_path, script) as probes:
        for wanted in (Outcome(3, "out"), Outcome(0, "long...")):
            assert await probes.available()
            assert await run(probes, pids.append) == wanted
    assert heard == [{"probes": True}, {"id": "e1", "process": {"args": ["true"]}, "limit": 10}]
    assert pids == [8]


async def test_a_check_that_takes_too_long_is_killed_and_waited_for(tmp_path: Path) -> None:
    """Dying ones must not pile up."""

    async def script(side: Shim) -> None:
        await side.hear()
        side.say(ok=True, probes=1)
        await side.hear()
        assert await side.hear() == {"kill": "e1"}
        side.say(id="e1", pid=7, status=137, output="so far", cut=False)
        await side.hear()

    async with shim(tmp_path, script) as probes:
        assert await probes.available()
        assert await run(probes, timeout=0.05) == Outcome(137, "so far", overdue=True)


async def test_a_check_that_cannot_begin_is_a_fault(tmp_path: Path) -> None:
    """And the next one may."""

    async def script(side: Shim) -> None:
        await side.hear()
        side.say(ok=True, probes=1)
        await side.hear()
        side.say(id="e1", error="no such program")
        await side.hear()
        side.say(id="e1", pid=7, status=0, output="", cut=False)
        await side.hear()

    async with shim(tmp_path, script) as probes:
        assert await probes.available()
        with pytest.raises(Fault, match="no such program"):
            await run(probes)
        assert await run(probes) == Outcome(0, "")


async def test_a_shim_that_hangs_up_is_asked_anew(tmp_path: Path) -> None:
    """It may have been in the middle of a check."""

    async def script(side: Shim) -> None:
        await side.hear()
        side.say(ok=True, probes=1)
        await side.hear()

    async with shim(tmp_path, script) as probes:
        for _ in range(2):
            assert await probes.available()
            with pytest.raises(Unavailable, match="hung up"):
                await run(probes)


async def test_a_shim_that_is_busy_is_asked_again(tmp_path: Path) -> None:
    """The check in between is an exec."""
    answers = [{"ok": False, "error": "another call is under way"}, {"ok": True, "probes": 1}]

    async def script(side: Shim) -> None:
        await side.hear()
        side.say(**answers.pop(0))
        await side.hear()

    async with shim(tmp_path, script) as probes:
        assert [await probes.available(), await probes.available()] == [False, True]


@pytest.mark.parametrize("answer", [{"ok": True}, {"ok": True, "probes": 2}])
async def test_a_shim_that_runs_none_is_not_asked_again(tmp_path: Path, answer: Json) -> None:
    """It is older, or runs another runtime."""
    asked = []

    async def script(side: Shim) -> None:
        asked.append(await side.hear())
        side.say(**answer)
        await side.hear()

    async with shim(tmp_path, script) as probes:
        assert [await probes.available() for _ in range(3)] == [False, False, False]
    assert len(asked) == 1


async def test_without_a_shim_there_are_none_for_now(tmp_path: Path) -> None:
    """The exec will say why."""
    assert not await Probes(str(tmp_path / "attach.sock")).available()


async def test_who_is_cancelled_hangs_up(tmp_path: Path) -> None:
    """Which is how the shim learns that the check is not wanted any more."""
    begun, gone = asyncio.Event(), asyncio.Event()

    async def script(side: Shim) -> None:
        await side.hear()
        side.say(ok=True, probes=1)
        await side.hear()
        begun.set()
        assert await side.hear() == {}
        gone.set()

    async with shim(tmp_path, script) as probes:
        assert await probes.available()
        running = asyncio.ensure_future(run(probes))
        await begun.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        async with asyncio.timeout(60):
            await gone.wait()
