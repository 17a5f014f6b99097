"""Archives for transfers to read and write, and somebody who listens to their progress."""

import asyncio
import io
import tarfile
from collections.abc import AsyncIterator, Callable
from typing import Any

from proto import anys
from proto.containerd.types.transfer import streaming_pb2
from supervisor.transfer.endpoints import ImageStoreEnd
from supervisor.transfer.local import Transfers
from supervisor.transfer.progress import Progress
from supervisor.transfer.streams import Stream
from tests.raw_tar import archive, file

LAYERS = [archive(file("a", b"one"), file("b", b"one")), archive(file(".wh.a", b""), file("b", b"two"))]


class Listener:
    """Remembers progress."""

    def __init__(self) -> None:
        self.events: list[Progress] = []

    async def __call__(self, progress: Progress) -> None:
        self.events.append(progress)

    def names(self) -> list[str]:
        return [one.event for one in self.events]


def make_tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


async def export(transfers: Transfers, source: ImageStoreEnd, make_end: Callable[[Stream], Any]) -> bytes:
    """Run an export and collect its bytes."""

    async def windows() -> AsyncIterator[Any]:
        while True:
            yield anys.pack(streaming_pb2.WindowUpdate(update=1 << 20))

    stream = Stream(windows())
    work = asyncio.ensure_future(transfers.transfer("ns", source, make_end(stream)))
    parts = [anys.unpack(message).data async for message in stream.outgoing()]  # type: ignore[union-attr]
    await work
    return b"".join(parts)
