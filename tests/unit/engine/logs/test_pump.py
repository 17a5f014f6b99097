"""FIFOs."""

import asyncio
import os
from pathlib import Path

from engine import stdcopy
from engine.logs.json_writer import JsonLogWriter
from engine.logs.pump import PumpStdio
from engine.supervisor_client.tasks import Stdio


class Shim:
    """The other side: opens the FIFOs as a shim does."""

    def __init__(self, names: Stdio) -> None:
        self.out = os.open(names.stdout, os.O_WRONLY)
        self.stdin = os.open(names.stdin, os.O_RDONLY | os.O_NONBLOCK) if names.stdin else -1

    def close(self) -> None:
        os.close(self.out)
        if self.stdin >= 0:
            os.close(self.stdin)


def pump(folder: Path, *, stdin: bool = False, log: JsonLogWriter | None = None) -> tuple[PumpStdio, list[str]]:
    closed: list[str] = []

    async def close_stdin() -> None:
        closed.append("closed")

    names = Stdio(str(folder / "in") if stdin else "", str(folder / "out"), "", terminal=True)
    return PumpStdio(names, stdin_once=True, close_stdin=close_stdin, log=log), closed


async def test_output_reaches_log_and_clients_and_ends(tmp_path: Path) -> None:
    log = JsonLogWriter(str(tmp_path / "log"), max_size=0, max_files=1)
    made, _ = pump(tmp_path, log=log)
    made.open()
    shim = Shim(made.names)
    made.shim_has_opened()
    attachment = await made.attach(stdin=False, stdout=True, stderr=True)
    os.write(shim.out, b"hello\n")
    assert await attachment.read() == stdcopy.frame(1, b"hello\n")
    shim.close()
    assert await attachment.read() == b""
    await made.drained()
    assert "hello" in (tmp_path / "log").read_text()
    made.close()
    assert not (tmp_path / "out").exists()


async def test_input_goes_in_and_its_end_closes_the_processes(tmp_path: Path) -> None:
    made, closed = pump(tmp_path, stdin=True)
    made.open()
    shim = Shim(made.names)
    made.shim_has_opened()
    attachment = await made.attach(stdin=True, stdout=False, stderr=False)
    await attachment.write(b"abc")
    assert os.read(shim.stdin, 10) == b"abc"
    await attachment.close_stdin()
    assert closed == ["closed"]
    assert os.read(shim.stdin, 10) == b""
    shim.close()
    made.close()


async def test_the_next_engine_goes_on_reading(tmp_path: Path) -> None:
    first, _ = pump(tmp_path)
    first.open()
    writer = os.open(first.names.stdout, os.O_RDWR)
    first.shim_has_opened()
    first.abandon()
    os.write(writer, b"later")
    second, _ = pump(tmp_path)
    second.open(reopen=True)
    attachment = await second.attach(stdin=False, stdout=True, stderr=False)
    async with asyncio.timeout(2):
        assert await attachment.read() == stdcopy.frame(1, b"later")
    os.close(writer)
    second.close()


async def test_who_comes_after_the_end_reads_the_end(tmp_path: Path) -> None:
    made, _ = pump(tmp_path)
    made.open()
    made.shim_has_opened()
    await made.drained()
    attachment = await made.attach(stdin=False, stdout=True, stderr=False)
    assert await attachment.read() == b""
    made.close()
