import asyncio
from collections.abc import AsyncIterator

import pytest
from google.protobuf.any_pb2 import Any

from proto import anys
from proto.containerd.types.transfer import streaming_pb2
from proto.errdefs import AlreadyExists, Cancelled, Fault, NotFound
from supervisor.content.threads import in_thread
from supervisor.transfer.streams import Bridge, ByteSender, Stream, Streams, receive_bytes


def window(size: int) -> Any:
    return anys.pack(streaming_pb2.WindowUpdate(update=size))


def data(payload: bytes) -> Any:
    return anys.pack(streaming_pb2.Data(data=payload))


async def from_client(*messages: Any) -> AsyncIterator[Any]:
    for message in messages:
        yield message


async def sent(stream: Stream) -> list[object]:
    return [anys.unpack(message) async for message in stream.outgoing()]


async def test_bytes_are_received_and_room_is_told() -> None:
    stream = Stream(from_client(data(b"one"), data(b"two")))
    assert [chunk async for chunk in receive_bytes(stream)] == [b"one", b"two"]
    await stream.close()
    (update,) = await sent(stream)
    assert isinstance(update, streaming_pb2.WindowUpdate)
    assert update.update >= 64 * 1024


async def test_bytes_are_sent_in_pieces_within_the_clients_window() -> None:
    stream = Stream(from_client(window(10), window(100_000)))
    sender = ByteSender(stream)
    await sender.write(b"x" * 50_000)
    await sender.close()
    sizes = [len(message.data) for message in await sent(stream)]  # type: ignore[attr-defined]
    assert sizes[0] == 10
    assert max(sizes) <= 32 * 1024
    assert sum(sizes) == 50_000


async def test_a_client_that_ends_the_stream_early_cancels_the_sender() -> None:
    with pytest.raises(Cancelled):
        await ByteSender(Stream(from_client(window(5)))).write(b"more than five")


async def test_a_stream_whose_client_is_gone_takes_nothing_more() -> None:
    stream = Stream(from_client())
    for _ in range(16):
        await stream.send(data(b"x"))
    waiting = asyncio.ensure_future(stream.send(data(b"y")))
    await asyncio.sleep(0)
    stream.abandon()
    with pytest.raises(Cancelled):
        await waiting
    with pytest.raises(Cancelled):
        await stream.send(data(b"z"))


async def test_streams_are_found_in_their_namespace_only() -> None:
    streams, stream = Streams(), Stream(from_client())
    streams.register("ns", "s", stream)
    assert streams.get("ns", "s") is stream
    with pytest.raises(AlreadyExists):
        streams.register("ns", "s", stream)
    with pytest.raises(NotFound):
        streams.get("other", "s")
    streams.unregister("ns", "s")
    with pytest.raises(NotFound):
        streams.get("ns", "s")


async def chunks(*items: bytes | Exception) -> AsyncIterator[bytes]:
    for item in items:
        if isinstance(item, Exception):
            raise item
        yield item


async def test_a_bridge_carries_chunks_into_a_thread() -> None:
    bridge = Bridge(depth=2)
    pump = asyncio.ensure_future(bridge.pump(chunks(*[b"x"] * 50)))
    assert await in_thread(lambda: b"".join(bridge)) == b"x" * 50
    await pump


async def test_a_bridge_carries_failures_too() -> None:
    for failure in (Fault("broken"), OSError("broken")):
        bridge = Bridge()
        pump = asyncio.ensure_future(bridge.pump(chunks(b"x", failure)))
        with pytest.raises(type(failure), match="broken"):
            await in_thread(lambda bridge=bridge: list(bridge))  # type: ignore[misc]
        await pump


async def test_a_reader_that_stops_lets_the_pump_end() -> None:
    bridge = Bridge(depth=1)
    pump = asyncio.ensure_future(bridge.pump(chunks(*[b"x"] * 50)))
    await in_thread(lambda: next(iter(bridge)))
    bridge.stop()
    await asyncio.wait_for(pump, 5)


async def test_a_client_that_cancels_its_stream_does_not_cancel_who_reads_it() -> None:
    async def cancelled() -> AsyncIterator[Any]:
        raise asyncio.CancelledError
        yield

    stream = Stream(cancelled())
    with pytest.raises(asyncio.CancelledError):
        await stream.receive()
    stream = Stream(cancelled())
    stream.abandon()
    assert await stream.receive() is None
