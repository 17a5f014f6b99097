"""Names → fds: fifos, files, nothing, and a pty."""

import asyncio
import os
import pty
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from proto.errdefs import Fault
from shim.reaper import Reaper
from shim.stdio import ProcessIO, StdioHost, StdioSpec, open_destination


def streams(spec: StdioSpec) -> ProcessIO:
    """The streams of a process of ours."""
    return ProcessIO(spec, StdioHost("p", "ns", Reaper(), os.getuid(), os.getgid()))


async def arriving(fd: int) -> bytes:
    """What comes out of a pipe or a terminal next, b"" at its end."""
    readable = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(fd, readable.set)
    try:
        async with asyncio.timeout(30):
            await readable.wait()
    finally:
        loop.remove_reader(fd)
    return os.read(fd, 100)


async def test_no_names_are_the_null_device() -> None:
    """All three."""
    io = streams(StdioSpec())
    fds = await io.open()
    assert {os.readlink(f"/proc/self/fd/{fd}") for fd in fds} == {"/dev/null"}
    await io.close()


async def test_a_runtime_that_chowns_its_stdio_gets_no_device_of_the_hosts() -> None:
    """An input that ends, an output that takes everything."""
    io = ProcessIO(StdioSpec(), StdioHost("p", "ns", Reaper(), os.getuid(), os.getgid(), keep_null=True))
    stdin, out, err = await io.open()
    assert os.read(stdin, 1) == b""
    process = os.dup(out)
    assert err != out
    io.start()
    for _ in range(5):
        os.write(process, b"x" * 65536)
        await asyncio.sleep(0.01)
    os.close(process)
    assert await io.drain(1)
    await io.close()


async def test_fifos_carry_both_outputs_without_a_reader_yet(tmp_path: Path) -> None:
    """Opening does not wait, and what was written is there for who comes later."""
    paths = [str(tmp_path / name) for name in ("out", "err")]
    for path in paths:
        os.mkfifo(path)
    io = streams(StdioSpec("", *paths))
    _, out, err = await io.open()
    os.write(out, b"to out")
    os.write(err, b"to err")
    process = [os.dup(out), os.dup(err)]
    io.start()
    readers = [os.open(path, os.O_RDONLY | os.O_NONBLOCK) for path in paths]
    assert [await arriving(fd) for fd in readers] == [b"to out", b"to err"]
    for fd in process:
        os.close(fd)
    assert await io.drain(1)
    assert [os.read(fd, 100) for fd in readers] == [b"", b""]
    await io.close()
    for fd in readers:
        os.close(fd)


async def test_input_ends_by_close_and_not_by_a_client_that_leaves(tmp_path: Path) -> None:
    """The fifo is kept open for the next client."""
    path = str(tmp_path / "in")
    os.mkfifo(path)
    io = streams(StdioSpec(path))
    stdin, _, _ = await io.open()
    process = os.dup(stdin)
    io.start()
    io.start_input()
    for text in (b"one", b"two"):
        client = os.open(path, os.O_WRONLY)
        os.write(client, text)
        os.close(client)
        assert await arriving(process) == text
    io.close_stdin()
    assert await arriving(process) == b""
    os.close(process)
    await io.close()


async def test_input_that_was_closed_early_still_arrives_whole(tmp_path: Path) -> None:
    """CloseIO may come before Start."""
    path = str(tmp_path / "in")
    os.mkfifo(path)
    io = streams(StdioSpec(path))
    stdin, _, _ = await io.open()
    process = os.dup(stdin)
    client = os.open(path, os.O_RDWR)
    os.write(client, b"early")
    io.start()
    io.close_stdin()
    io.start_input()
    os.close(client)
    assert (await arriving(process), await arriving(process)) == (b"early", b"")
    os.close(process)
    await io.close()


async def test_a_file_gets_both_outputs_and_is_appended_to(tmp_path: Path) -> None:
    """Its folder is made."""
    target = tmp_path / "deep" / "log"
    target.parent.mkdir()
    target.write_bytes(b"before\n")
    io = streams(StdioSpec("", f"file://{target}", f"file://{target}"))
    _, out, err = await io.open()
    os.write(out, b"out\n")
    os.write(err, b"err\n")
    io.start()
    assert await io.drain(1)
    await io.close()
    assert sorted(target.read_bytes().splitlines()) == [b"before", b"err", b"out"]


async def test_an_owned_output_is_an_attach_socket_and_a_log(tmp_path: Path) -> None:
    """Bound before anyone could miss it."""
    name = f"wherry://{tmp_path}/a.sock?log={tmp_path}/c.log&stdin=1"
    io = streams(StdioSpec("", name, name))
    stdin, out, _ = await io.open()
    assert (tmp_path / "a.sock").is_socket()
    os.write(out, b"logged\n")
    io.start()
    assert await io.drain(1)
    assert b'"log":"logged\\n","stream":"stdout"' in (tmp_path / "c.log").read_bytes()
    assert stdin >= 0
    await io.close()
    assert not (tmp_path / "a.sock").exists()


async def test_a_terminal_is_copied_both_ways(tmp_path: Path) -> None:
    """And can be resized."""
    for name in ("in", "out"):
        os.mkfifo(tmp_path / name)
    master, slave = pty.openpty()
    io = streams(StdioSpec(str(tmp_path / "in"), str(tmp_path / "out"), "", True))
    await io.open_terminal(master)
    io.start()
    io.start_input()
    client = os.open(tmp_path / "in", os.O_WRONLY)
    reader = os.open(tmp_path / "out", os.O_RDONLY | os.O_NONBLOCK)
    os.write(client, b"typed\n")
    assert await arriving(slave) == b"typed\n"
    assert await arriving(reader) == b"typed\r\n"
    io.resize(101, 33)
    assert os.get_terminal_size(slave) == (101, 33)
    for fd in (client, reader, slave):
        os.close(fd)
    await io.close()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (StdioSpec("", "gopher:///x"), "unknown STDIO scheme gopher"),
        (StdioSpec("", "/does/not/exist"), "opening /does/not/exist failed: no such file or directory"),
        (StdioSpec("/does/not/exist"), "failed to open stdin fifo /does/not/exist: no such file or directory"),
        (StdioSpec("", "binary:///does/not/exist"), "failed to start binary process"),
    ],
)
async def test_what_cannot_be_opened_is_named(spec: StdioSpec, message: str) -> None:
    """And nothing of it stays open."""
    before = len(os.listdir("/proc/self/fd"))
    io = streams(spec)
    with pytest.raises(Fault, match=message):
        await io.open()
    await io.close()
    assert len(os.listdir("/proc/self/fd")) <= before  # garbage of other tests may be closed meanwhile


async def test_a_plain_path_may_be_a_file(tmp_path: Path) -> None:
    """As containerd's shim allows; it must exist."""
    target = tmp_path / "plain"
    target.touch()
    sink = open_destination(asyncio.get_running_loop(), urlsplit(str(target)))
    assert sink is not None
    sink.write(b"text")
    sink.close()
    assert target.read_bytes() == b"text"
