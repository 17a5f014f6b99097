"""Copying between a client and a process."""

import asyncio

from engine import stdcopy
from engine.api.relay import Terms, relay


class FakeClient:
    """A hijacked connection."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader()
        self.written = b""
        self.left = asyncio.Event()

    async def write_out(self, data: bytes) -> bool:
        self.written += data
        return not self.left.is_set()

    async def gone(self, *, unread: bool) -> None:
        await self.left.wait()


class FakeAttachment:
    """A process's streams."""

    def __init__(self) -> None:
        self.output: asyncio.Queue[bytes] = asyncio.Queue()
        self.input = b""
        self.stdin_closed = asyncio.Event()
        self.closed = False

    async def read(self) -> bytes:
        return await self.output.get()

    async def write(self, data: bytes) -> None:
        self.input += data

    async def close_stdin(self) -> None:
        self.stdin_closed.set()

    def close(self) -> None:
        self.closed = True


def terms(*, tty: bool = False, raw: bool | None = None, stdin: bool = True, half_close: bool = True) -> Terms:
    return Terms(tty if raw is None else raw, tty, stdin, half_close, b"\x10\x11")


async def test_output_goes_through_as_it_is_until_it_ends() -> None:
    client, attachment = FakeClient(), FakeAttachment()
    for piece in (stdcopy.frame(1, b"a"), b""):
        attachment.output.put_nowait(piece)
    assert await relay(client, attachment, terms(stdin=False)) is False
    assert client.written == stdcopy.frame(1, b"a")
    assert attachment.closed


async def test_a_terminal_gets_the_bytes_alone() -> None:
    client, attachment = FakeClient(), FakeAttachment()
    for piece in (stdcopy.frame(1, b"abc")[:5], stdcopy.frame(1, b"abc")[5:], b""):
        attachment.output.put_nowait(piece)
    await relay(client, attachment, terms(tty=True, stdin=False))
    assert client.written == b"abc"


async def test_frames_go_to_a_client_that_asked_for_frames_even_from_a_terminal() -> None:
    client, attachment = FakeClient(), FakeAttachment()
    for piece in (stdcopy.frame(1, b"abc"), b""):
        attachment.output.put_nowait(piece)
    await relay(client, attachment, terms(tty=True, raw=False, stdin=False))
    assert client.written == stdcopy.frame(1, b"abc")


async def test_the_end_of_input_is_passed_on_and_the_client_goes_on_reading() -> None:
    client, attachment = FakeClient(), FakeAttachment()
    client.reader.feed_data(b"in")
    client.reader.feed_eof()
    work = asyncio.ensure_future(relay(client, attachment, terms()))
    await attachment.stdin_closed.wait()
    attachment.output.put_nowait(stdcopy.frame(1, b"late"))
    attachment.output.put_nowait(b"")
    assert await work is False
    assert attachment.input == b"in"
    assert client.written.endswith(b"late")


async def test_a_terminal_whose_input_ends_leaves_the_process_alone() -> None:
    client, attachment = FakeClient(), FakeAttachment()
    client.reader.feed_eof()
    assert await relay(client, attachment, terms(tty=True)) is True
    assert not attachment.stdin_closed.is_set()


async def test_detach_keys_leave() -> None:
    client, attachment = FakeClient(), FakeAttachment()
    client.reader.feed_data(b"x\x10\x11")
    assert await relay(client, attachment, terms(tty=True)) is True
    assert attachment.input == b"x"


async def test_a_client_that_vanishes_is_not_waited_for() -> None:
    client, attachment = FakeClient(), FakeAttachment()
    client.left.set()
    async with asyncio.timeout(30):
        assert await relay(client, attachment, terms(stdin=False)) is False
    assert attachment.closed


async def test_what_a_client_sent_before_it_vanished_is_passed_on() -> None:
    client, attachment = FakeClient(), FakeAttachment()
    client.left.set()
    work = asyncio.ensure_future(relay(client, attachment, terms()))
    await asyncio.sleep(0)
    client.reader.feed_data(b"last words")
    client.reader.feed_eof()
    async with asyncio.timeout(30):
        assert await work is False
    assert attachment.input == b"last words"
    assert attachment.stdin_closed.is_set()
