"""The attach socket: frames, input, and who is waited for."""

import asyncio
import json
import os
import stat
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proto.errdefs import Fault, Unavailable
from shim.attach import STDERR, STDOUT, AttachHub, Input
from shim.pump import FdSink

ALL = {"stdin": True, "stdout": True, "stderr": True}


class Stage:
    """A hub with a pipe for the process's input."""

    def __init__(self, folder: Path, *, once: bool = True) -> None:
        self.path = folder / "attach.sock"
        self.stdin, write = os.pipe()
        os.set_blocking(write, False)
        self.hub = AttachHub(str(self.path), None, Input(FdSink(asyncio.get_running_loop(), write), once=once))
        self.stdout, self.stderr = self.hub.sink(STDOUT), self.hub.sink(STDERR)

    async def client(self, wanted: dict[str, bool]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Attach."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        writer.write(json.dumps(wanted).encode() + b"\n")
        assert await reader.readline() == b'{"ok":true}\n'
        return reader, writer


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Listening; closed afterwards."""
    made = Stage(tmp_path)
    await made.hub.listen()
    yield made
    made.hub.close()
    os.close(made.stdin)
    await asyncio.sleep(0)


def frame(stream: int, data: bytes) -> bytes:
    """As docker's stdcopy has it."""
    return struct.pack(">B3xI", stream, len(data)) + data


async def test_output_comes_in_frames_to_whoever_wants_it(stage: Stage) -> None:
    """From the moment of attaching on; closed after the last."""
    both, first = await stage.client(ALL)
    only, second = await stage.client({"stderr": True})
    stage.stdout.write(b"out")
    stage.stderr.write(b"err")
    stage.stdout.close()
    stage.stderr.close()
    assert await both.read() == frame(1, b"out") + frame(2, b"err")
    assert await only.read() == frame(2, b"err")
    first.close()
    second.close()


async def test_a_latecomer_is_told_the_end(stage: Stage) -> None:
    """Accepted, and let go."""
    stage.stdout.close()
    stage.stderr.close()
    reader, writer = await stage.client(ALL)
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("wanted", [ALL, {"stdout": True}])
async def test_a_client_that_vanishes_is_forgotten_without_any_output(stage: Stage, wanted: dict[str, bool]) -> None:
    """Even one that had ended its input before, and stayed for the output."""
    _, writer = await stage.client(wanted)
    writer.write_eof()
    await asyncio.sleep(0)
    held = len(os.listdir("/proc/self/fd"))
    writer.close()
    async with asyncio.timeout(30):
        while len(os.listdir("/proc/self/fd")) > held - 2:  # its end, and ours
            await asyncio.sleep(0.001)


async def test_input_reaches_the_process_and_ends_with_its_client(stage: Stage) -> None:
    """stdin-once: output goes on after the half-close."""
    reader, writer = await stage.client(ALL)
    writer.write(b"typed")
    writer.write_eof()
    await asyncio.sleep(0.02)
    assert os.read(stage.stdin, 100) == b"typed"
    assert os.read(stage.stdin, 100) == b""
    stage.stdout.write(b"answer")
    assert await reader.readexactly(14) == frame(1, b"answer")
    writer.close()


async def test_without_once_input_stays_open(tmp_path: Path) -> None:
    """The next client goes on typing."""
    stage = Stage(tmp_path, once=False)
    await stage.hub.listen()
    for text in (b"one", b"two"):
        _, writer = await stage.client(ALL)
        writer.write(text)
        writer.write_eof()
        await asyncio.sleep(0.02)
        assert os.read(stage.stdin, 100) == text
        writer.close()
    stage.hub.close_stdin()
    assert os.read(stage.stdin, 1) == b""
    stage.hub.close()
    os.close(stage.stdin)


async def test_a_client_without_input_types_nothing(stage: Stage) -> None:
    """And its end is nobody's end."""
    _, writer = await stage.client({"stdout": True})
    writer.write(b"ignored")
    writer.write_eof()
    await asyncio.sleep(0.02)
    os.set_blocking(stage.stdin, False)
    with pytest.raises(BlockingIOError):
        os.read(stage.stdin, 1)
    writer.close()


async def test_a_slow_client_pauses_the_process_only_beyond_a_mebibyte(stage: Stage) -> None:
    """And only until it has caught up."""
    reader, writer = await stage.client({"stdout": True})
    ready = asyncio.Event()
    stage.stdout.on_ready = ready.set
    chunk = b"x" * 65536
    sent = 0
    while stage.stdout.write(chunk):
        sent += len(chunk)
        assert sent < 16 << 20
    assert sent >= 1 << 20
    while not ready.is_set():
        await reader.read(1 << 20)
    writer.close()


async def test_a_slow_client_that_leaves_holds_nobody(stage: Stage) -> None:
    """Its backlog goes with it."""
    _, writer = await stage.client({"stdout": True})
    ready = asyncio.Event()
    stage.stdout.on_ready = ready.set
    while stage.stdout.write(b"x" * 65536):
        pass
    writer.transport.abort()
    await asyncio.wait_for(ready.wait(), 2)


async def test_a_request_that_is_none_is_refused(stage: Stage) -> None:
    """With a reason."""
    reader, writer = await asyncio.open_unix_connection(stage.path)
    writer.write(b"hello\n")
    assert json.loads(await reader.readline())["ok"] is False
    assert await reader.read() == b""
    writer.close()


async def test_the_socket_is_roots_and_goes_with_the_hub(tmp_path: Path) -> None:
    """Also where its path is longer than a socket's name may be."""
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    hub = AttachHub(str(folder / "attach.sock"), None, None)
    await hub.listen()
    assert stat.S_IMODE((folder / "attach.sock").stat().st_mode) == 0o600
    hub.close()
    assert os.listdir(folder) == []


async def test_a_connection_for_health_checks_becomes_another_processs(stage: Stage) -> None:
    """Here nobody answers on it any more; who has it does."""
    taken: list[int] = []

    def probes(connection: int) -> int:
        taken.append(os.dup(connection))
        return 4711

    stage.hub.probes = probes
    reader, writer = await asyncio.open_unix_connection(stage.path)
    writer.write(b'{"probes":true}\n')
    async with asyncio.timeout(30):
        while not taken:
            await asyncio.sleep(0)
        os.write(taken[0], b"from there\n")
        assert await reader.readline() == b"from there\n"
        os.close(taken[0])
        assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize(
    ("fault", "answer"),
    [(Unavailable("not now"), b'{"ok": false, "error": "not now"}\n'), (None, b'{"ok":true}\n')],
)
async def test_where_no_process_runs_health_checks_the_answer_says_so(
    stage: Stage, fault: Fault | None, answer: bytes
) -> None:
    """For the moment, or at all: then it is as if it had not been asked for."""

    def probes(_connection: int) -> int:
        if fault is not None:
            raise fault
        return 0

    stage.hub.probes = probes
    reader, writer = await asyncio.open_unix_connection(stage.path)
    writer.write(b'{"probes":true}\n')
    async with asyncio.timeout(30):
        assert await reader.readline() == answer
    writer.close()
