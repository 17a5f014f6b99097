"""One transfer and its streams."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.images.mover import Mover, answer_credentials, send_bytes
from engine.images.registry_auth import Credentials
from proto import anys
from proto.containerd.types.transfer import imagestore_pb2, progress_pb2, registry_pb2, streaming_pb2
from proto.errdefs import NotFound
from tests.fakes.engine_images import FakeStream, FakeTransfers

STORE = imagestore_pb2.ImageStore(name="x")


async def chunks(*data: bytes) -> AsyncIterator[bytes]:
    for one in data:
        yield one


def data_of(stream: FakeStream) -> bytes:
    return b"".join(streaming_pb2.Data.FromString(value.value).data for value in stream.sent)


async def test_progress_comes_out_and_ends_with_the_transfer() -> None:
    transfers = FakeTransfers()

    async def script(_: Any, source: Any, destination: Any, progress: FakeStream) -> None:
        for number in range(3):
            progress.incoming.put_nowait(anys.pack(progress_pb2.Progress(event=str(number))))
        await asyncio.sleep(0)

    transfers.script = script
    events = [event.event async for event in Mover(transfers).move(STORE, STORE)]
    assert events == ["0", "1", "2"]
    assert all(stream.cancelled for stream in transfers.streams.values())


async def test_events_that_come_after_the_answer_are_told_too() -> None:
    async def late(progress: FakeStream) -> None:
        await asyncio.sleep(0.02)
        progress.incoming.put_nowait(anys.pack(progress_pb2.Progress(event="saved")))
        progress.incoming.put_nowait(None)

    class Late(FakeTransfers):
        async def transfer(self, source: Any, destination: Any, *, progress_stream: str = "", lease: str = "") -> None:
            self.task = asyncio.ensure_future(late(self.streams[progress_stream]))

    transfers = Late()
    assert [event.event async for event in Mover(transfers).move(STORE, STORE)] == ["saved"]
    await transfers.task


async def test_a_transfer_that_fails_fails_the_iteration() -> None:
    transfers = FakeTransfers()
    transfers.fault = NotFound("no such thing")
    with pytest.raises(NotFound, match="no such thing"):
        async for _ in Mover(transfers).move(STORE, STORE):
            pass


async def test_bytes_wait_for_the_receivers_window() -> None:
    stream = FakeStream()
    sending = asyncio.ensure_future(send_bytes(chunks(b"0123456789"))(stream))
    await asyncio.sleep(0.01)
    assert data_of(stream) == b""
    stream.incoming.put_nowait(anys.pack(streaming_pb2.WindowUpdate(update=4)))
    await asyncio.sleep(0.01)
    assert data_of(stream) == b"0123"
    stream.incoming.put_nowait(anys.pack(streaming_pb2.WindowUpdate(update=100)))
    await stream.finished.wait()
    assert not sending.done()  # the receiver has not closed yet
    stream.incoming.put_nowait(None)
    await sending
    assert data_of(stream) == b"0123456789"
    assert stream.finished.is_set()


async def test_large_pieces_are_cut() -> None:
    stream = FakeStream()
    stream.incoming.put_nowait(anys.pack(streaming_pb2.WindowUpdate(update=1 << 20)))
    sending = asyncio.ensure_future(send_bytes(chunks(bytes(100_000)))(stream))
    await stream.finished.wait()
    stream.incoming.put_nowait(None)
    await sending
    assert max(len(value.value) for value in stream.sent) < 33_000
    assert len(data_of(stream)) == 100_000


async def test_a_receiver_that_goes_away_ends_the_sending() -> None:
    stream = FakeStream()
    stream.incoming.put_nowait(None)
    await asyncio.wait_for(send_bytes(chunks(b"data"))(stream), 5)
    assert stream.cancelled


async def test_a_client_that_goes_away_ends_the_transfer() -> None:
    transfers = FakeTransfers()

    async def broken() -> AsyncIterator[bytes]:
        yield b"begin"
        raise ConnectionResetError("client went away")

    async def script(fake: FakeTransfers, source: Any, destination: Any, progress: FakeStream) -> None:
        stream = fake.streams["bytes"]
        stream.incoming.put_nowait(anys.pack(streaming_pb2.WindowUpdate(update=100)))
        await stream.finished.wait()

    transfers.script = script
    with pytest.raises(ConnectionResetError):
        async for _ in Mover(transfers).move(STORE, STORE, {"bytes": send_bytes(broken())}):
            pass
    assert transfers.streams["bytes"].cancelled


@pytest.mark.parametrize(
    ("credentials", "kind", "secret"),
    [
        (Credentials("u", "p"), registry_pb2.CREDENTIALS, "p"),
        (Credentials(identity_token="t"), registry_pb2.REFRESH, "t"),
        (Credentials(registry_token="t"), registry_pb2.HEADER, "Bearer t"),
    ],
)
async def test_the_supervisors_question_is_answered(credentials: Credentials, kind: int, secret: str) -> None:
    stream = FakeStream()
    stream.incoming.put_nowait(anys.pack(registry_pb2.AuthRequest(host="h")))
    stream.incoming.put_nowait(None)
    await answer_credentials(credentials)(stream)
    answer = registry_pb2.AuthResponse.FromString(stream.sent[0].value)
    assert (answer.authType, answer.secret) == (kind, secret)
