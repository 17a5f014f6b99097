"""`moby.filesync.v1.FileSend/DiffCopy`: a build's result to the client, as a tree of files or as one stream of bytes.

A tree goes by fsutil's packets with the parts changed over: the engine lists, the client asks, and ends it. Nothing of
the tree is believed: it is what a build made, so every file is opened below its root, and no link is followed.
"""

import asyncio
import itertools
import os
import stat
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from engine import kernel
from engine.builder.threads import finish
from engine.buildkit.call import Call
from engine.buildkit.caller import Caller
from engine.buildkit.packets import decoded, stat_packet
from engine.containers.archive import go_mode
from proto.buildkit.services.filesync_pb2 import BytesMessage
from proto.buildkit.types.fsutil_pb2 import Packet
from proto.errdefs import Aborted, AlreadyExists, InvalidArgument, Unavailable, Unimplemented

METHOD = "/moby.filesync.v1.FileSend/DiffCopy"
_NO_LINKS = kernel.RESOLVE_IN_ROOT | kernel.RESOLVE_NO_SYMLINKS
_NUMBER = "buildkit-attachable-exporter-id"
_WHOLE = "buildkit-exporter-multi-platform"  # one transfer has all there is: what it lacks may be removed
_ABOUT = "exporter-md-"
_PIECE = 256 << 10
_BATCH = 512


@dataclass(slots=True)
class Tree:
    """What is sent; the numbers of files, as they are listed."""

    root: int
    files: dict[int, str] = field(default_factory=dict)
    _count: int = 0
    _names: dict[tuple[int, int], str] = field(default_factory=dict)  # the first name of files that have more

    def packets(self) -> Iterator[bytes]:
        """The list, as a walk finds it. Blocking."""
        yield from self._below(".", "")
        yield Packet(type=Packet.PACKET_STAT).SerializeToString()

    def _below(self, folder: str, prefix: str) -> Iterator[bytes]:
        fd = kernel.openat2(self.root, folder, os.O_RDONLY | os.O_DIRECTORY, resolve=_NO_LINKS)
        try:
            names = sorted(os.listdir(fd), key=os.fsencode)
            found = [(name, os.stat(name, dir_fd=fd, follow_symlinks=False)) for name in names]
            links = {name: os.readlink(name, dir_fd=fd) for name, about in found if stat.S_ISLNK(about.st_mode)}
        finally:
            os.close(fd)
        for name, about in found:
            path = f"{prefix}{name}"
            yield self._packet(path, about, links.get(name, ""))
            if stat.S_ISDIR(about.st_mode):
                yield from self._below(path, f"{path}/")

    def _packet(self, path: str, about: os.stat_result, link: str) -> bytes:
        mode = about.st_mode
        if stat.S_ISREG(mode) and about.st_nlink > 1:
            first = self._names.setdefault((about.st_dev, about.st_ino), path)
            link = first if first != path else ""
        attributes = self._attributes(path) if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else {}
        if stat.S_ISREG(mode):
            self.files[self._count] = path
        self._count += 1
        is_device = stat.S_ISCHR(mode) or stat.S_ISBLK(mode)
        return stat_packet(
            path,
            link,
            attributes,
            mode=go_mode(mode) & ~(1 << 24),
            uid=about.st_uid,
            gid=about.st_gid,
            size=0 if stat.S_ISDIR(mode) else about.st_size,
            modTime=about.st_mtime_ns,
            devmajor=os.major(about.st_rdev) if is_device else 0,
            devminor=os.minor(about.st_rdev) if is_device else 0,
        )

    def _attributes(self, path: str) -> dict[str, bytes]:
        fd = kernel.openat2(self.root, path, os.O_PATH | os.O_NOFOLLOW, resolve=_NO_LINKS)
        try:
            place = f"/proc/self/fd/{fd}"
            return {
                name: os.getxattr(place, name)
                for name in os.listxattr(place)
                if name == "security.capability" or name.startswith("user.")
            }
        finally:
            os.close(fd)

    def opened(self, number: int) -> int:
        """A file that the client asks for, once. Blocking."""
        path = self.files.pop(number, None)
        if path is None:
            raise InvalidArgument(f"the client asks for file {number} of the result, which is none or was sent")
        return kernel.openat2(self.root, path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, resolve=_NO_LINKS)


async def send_tree(caller: Caller, root: int, number: int) -> None:
    """All below an open folder, to the client's own."""
    with _opened(caller, [(_NUMBER, str(number)), (_WHOLE, "1")]) as call:
        wanted: asyncio.Queue[int] = asyncio.Queue()
        sending = asyncio.create_task(_send(call, Tree(root), wanted))
        receiving = asyncio.create_task(_requests(call, wanted))
        try:
            await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():  # it only ends by failing
                sending.result()
            await receiving
        finally:
            for task in (sending, receiving):
                task.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)
        await call.send(Packet(type=Packet.PACKET_FIN).SerializeToString())
        call.end()
        await _ended(call)


async def _requests(call: Call, wanted: "asyncio.Queue[int]") -> None:
    """What the client asks for, until it has all."""
    while messages := await call.receive():
        for message in messages:
            packet = decoded(message)
            if packet.type == Packet.PACKET_REQ:
                wanted.put_nowait(packet.ID)
            elif packet.type == Packet.PACKET_FIN:
                return
            elif packet.type == Packet.PACKET_ERR:
                raise Aborted(f"error from receiver: {packet.data.decode('utf-8', 'replace')[:1000]}")
            else:
                raise InvalidArgument(f"the client answers a result with a packet of type {packet.type}")
    raise Unavailable("the client did not take the whole result")


async def _send(call: Call, tree: Tree, wanted: "asyncio.Queue[int]") -> None:
    packets = tree.packets()
    while batch := await finish(lambda: list(itertools.islice(packets, _BATCH))):
        await call.send(*batch)
    while True:
        number = await wanted.get()
        fd = await finish(tree.opened, number)
        try:
            while data := await finish(os.read, fd, _PIECE):
                await call.send(Packet(type=Packet.PACKET_DATA, ID=number, data=data).SerializeToString())
        finally:
            os.close(fd)
        await call.send(Packet(type=Packet.PACKET_DATA, ID=number).SerializeToString())


async def send_stream(caller: Caller, pieces: AsyncIterator[bytes], number: int, about: Mapping[str, str]) -> None:
    """Bytes, into the client's file or output; `about` is what it may want to know of them."""
    metadata = [(_NUMBER, str(number)), *((f"{_ABOUT}{name}", value) for name, value in about.items())]
    with _opened(caller, metadata) as call:
        async for piece in pieces:
            if call.failure is not None or call.ended:
                break
            await call.send(BytesMessage(data=piece).SerializeToString())
        call.end()
        try:
            await _ended(call)
        except AlreadyExists:
            raise AlreadyExists("the client's target exists already") from None


async def _ended(call: Call) -> None:
    while await call.receive():
        pass


def _opened(caller: Caller, metadata: list[tuple[str, str]]) -> AbstractContextManager[Call]:
    if not caller.supports(METHOD):
        raise Unimplemented("the client's session takes no results (moby.filesync.v1.FileSend/DiffCopy)")
    return caller.opened(METHOD, metadata)
