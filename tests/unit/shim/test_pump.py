"""Copying: everything arrives, a slow reader pauses, a dead one does not block."""

import asyncio
import os
import pty

from shim.pump import FdSink, Pump


class Collector:
    """A sink that can have enough."""

    def __init__(self, *, patient: bool = True) -> None:
        self.on_ready = lambda: None
        self.data = b""
        self.closed = False
        self.patient = patient

    def write(self, data: bytes) -> bool:
        self.data += data
        return self.patient

    def close(self) -> None:
        self.closed = True


async def test_everything_arrives_before_the_end() -> None:
    """More than a pipe holds."""
    read, write = os.pipe()
    sink = Collector()
    pump = Pump(asyncio.get_running_loop(), read, sink)
    pump.start()
    data = os.urandom(300_000)
    sent = 0
    os.set_blocking(write, False)
    while sent < len(data):
        try:
            sent += os.write(write, data[sent:])
        except BlockingIOError:
            await asyncio.sleep(0)
    os.close(write)
    await pump.done
    assert sink.data == data
    assert sink.closed


async def test_a_sink_that_has_enough_pauses_the_source() -> None:
    """Until it is ready again."""
    read, write = os.pipe()
    sink = Collector(patient=False)
    pump = Pump(asyncio.get_running_loop(), read, sink)
    pump.start()
    os.write(write, b"one")
    await asyncio.sleep(0.01)
    os.write(write, b"two")
    await asyncio.sleep(0.01)
    assert sink.data == b"one"
    sink.on_ready()
    os.close(write)
    await asyncio.sleep(0.01)
    assert sink.data == b"onetwo"
    sink.on_ready()
    await pump.done


async def test_a_full_pipe_is_written_when_it_has_room() -> None:
    """In order, then closed."""
    loop = asyncio.get_running_loop()
    read, write = os.pipe()
    os.set_blocking(write, False)
    sink = FdSink(loop, write)
    ready = asyncio.Event()
    sink.on_ready = ready.set
    data = os.urandom(200_000)
    assert not sink.write(data)
    found = b""
    os.set_blocking(read, False)
    while len(found) < len(data):
        try:
            found += os.read(read, 65536)
        except BlockingIOError:
            await asyncio.sleep(0)
    await asyncio.wait_for(ready.wait(), 1)
    assert found == data
    sink.close()
    assert os.read(read, 1) == b""
    os.close(read)


async def test_closing_waits_for_what_is_left() -> None:
    """No output is cut off."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    sink = FdSink(asyncio.get_running_loop(), write)
    sink.write(b"x" * 100_000)
    sink.close()
    found = 0
    while chunk := os.read(read, 65536):
        found += len(chunk)
        await asyncio.sleep(0.001)
    assert found == 100_000
    os.close(read)


async def test_a_reader_that_is_gone_blocks_nobody() -> None:
    """What is written then is dropped."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    sink = FdSink(asyncio.get_running_loop(), write)
    os.close(read)
    assert sink.write(b"lost")
    assert sink.write(b"x" * 1_000_000)
    sink.close()


async def test_a_reader_that_leaves_while_we_wait_blocks_nobody() -> None:
    """The sink is ready again."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    sink = FdSink(asyncio.get_running_loop(), write)
    ready = asyncio.Event()
    sink.on_ready = ready.set
    assert not sink.write(b"x" * 1_000_000)
    os.close(read)
    await asyncio.wait_for(ready.wait(), 1)
    sink.close()


async def test_a_pty_ends_soon_after_its_process() -> None:
    """Though another still has it open: what was written before is read."""
    master, slave = pty.openpty()
    sink = Collector()
    pump = Pump(asyncio.get_running_loop(), master, sink)
    pump.start()
    os.write(slave, b"last words")
    pump.settle()
    await asyncio.wait_for(pump.done, 2)
    assert sink.data == b"last words"
    os.close(slave)


async def test_a_pump_can_be_stopped_before_it_began() -> None:
    """Its source and sink are closed."""
    read, write = os.pipe()
    sink = Collector()
    pump = Pump(asyncio.get_running_loop(), read, sink)
    pump.stop()
    pump.stop()
    assert sink.closed
    os.close(write)
