"""`moby.filesync.v1.FileSync/DiffCopy` from the receiving side: a client's folder becomes a context that is kept.

    client  STAT STAT … STAT (empty: that was all)     DATA DATA … (an empty one ends a file)     FIN
    engine  REQ (by the number of its STAT) …          FIN, when all that was asked for is here

`Receiver` is the conversation without its connection: it runs in a thread, a batch of packets at a time; answers go out
by a task of their own, since a client that waits for its data to be read reads no requests meanwhile.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote_plus

from engine.builder.output import Line
from engine.builder.threads import finish
from engine.buildkit.call import Call
from engine.buildkit.caller import Caller
from engine.buildkit.listing import Listing
from engine.buildkit.packets import decoded
from engine.buildkit.synced import Synced, Writing
from proto.buildkit.types.fsutil_pb2 import Packet
from proto.errdefs import DeadlineExceeded, Fault, InvalidArgument, Unavailable, Unimplemented

METHOD = "/moby.filesync.v1.FileSync/DiffCopy"
_SILENCE = 300.0
_TOLD_EVERY = 0.1
_END = b""  # of the STATs: a packet of the first type with nothing in it

Tell = Callable[[Line], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A folder of the client's, and what of it."""

    directory: str
    follow: tuple[str, ...] = ()  # paths alone, and where their links lead
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def metadata(self) -> list[tuple[str, str]]:
        """As headers; a key whose values are not all plain ASCII is encoded, and says so."""
        keys = {
            "dir-name": (self.directory,),
            "followpaths": self.follow,
            "include-patterns": self.include,
            "exclude-patterns": self.exclude,
        }
        found = []
        for key, values in keys.items():
            plain = all(value.isascii() and value.isprintable() and value == value.strip() for value in values)
            found += [(key, value if plain else quote_plus(value)) for value in values]
            if not plain:
                found.append((f"{key}-encoded", "1"))
        return found


class Receiver:
    """One conversation. Blocking."""

    def __init__(self, synced: Synced) -> None:
        self._synced = synced
        self._listing = Listing()
        self._listed = False
        self._coming: dict[int, Writing] = {}
        self.size = 0
        self.done = False

    def take(self, messages: list[bytes]) -> list[bytes]:
        """What the client says; what is answered."""
        answers: list[bytes] = []
        for message in messages:
            self.size += len(message)
            if message == _END:
                self._all_listed()
            else:
                self._packet(decoded(message), answers)
        if self._listed and not self._coming and not self.done:
            self._synced.finish()
            self.done = True
            answers.append(Packet(type=Packet.PACKET_FIN).SerializeToString())
        return answers

    def _packet(self, packet: Packet, answers: list[bytes]) -> None:
        if packet.type == Packet.PACKET_DATA:
            self._data(packet.ID, packet.data)
        elif packet.type == Packet.PACKET_STAT and packet.HasField("stat"):
            if self._listed:
                raise InvalidArgument("a context's list goes on after its end")
            entry = self._listing.add(packet.stat)
            if self._synced.wants(entry):
                number = len(self._listing.entries) - 1
                self._coming[number] = Writing(entry)
                answers.append(Packet(type=Packet.PACKET_REQ, ID=number).SerializeToString())
        elif packet.type == Packet.PACKET_STAT:
            self._all_listed()
        elif packet.type == Packet.PACKET_ERR:
            raise InvalidArgument(f"error from sender: {packet.data.decode('utf-8', 'replace')[:1000]}")
        elif packet.type == Packet.PACKET_FIN:
            raise InvalidArgument("the client ends a context before all of it was sent")
        else:
            raise InvalidArgument(f"a packet of type {packet.type} has no place in a context")

    def _all_listed(self) -> None:
        if self._listed:
            raise InvalidArgument("a context's list ends twice")
        self._listed = True

    def _data(self, number: int, data: bytes) -> None:
        writing = self._coming.get(number)
        if writing is None:
            raise InvalidArgument(f"data of a context's file {number} was not asked for")
        if data:
            writing.add(self._synced, data)
            return
        digest = writing.end(self._synced)
        self._synced.keep(writing.entry, digest, writing.size)
        del self._coming[number]

    def close(self) -> None:
        """Let go of what has not come whole."""
        for writing in self._coming.values():
            writing.close()


async def receive(caller: Caller, wanted: Wanted, synced: Synced, what: str = "", tell: Tell | None = None) -> None:
    """Bring a kept context to what the client's folder is now."""
    if not caller.supports(METHOD):
        raise Unimplemented("the client's session has no way to send files (moby.filesync.v1.FileSync/DiffCopy)")
    progress = Progress(what or wanted.directory, tell)
    receiver = Receiver(synced)
    with caller.opened(METHOD, wanted.metadata()) as call:
        answers: asyncio.Queue[list[bytes]] = asyncio.Queue()
        sending = asyncio.create_task(_send(call, answers))
        try:
            await _converse(call, receiver, answers, progress)
        except Fault as fault:
            progress.tell("failed", receiver.size)
            with contextlib.suppress(Fault, TimeoutError):
                async with asyncio.timeout(1.0):  # a courtesy: the client shows it, where it still reads
                    await call.send(Packet(type=Packet.PACKET_ERR, data=str(fault).encode()).SerializeToString())
            raise
        finally:
            sending.cancel()
            await asyncio.wait([sending])
            receiver.close()
    progress.tell("done", receiver.size)


async def _converse(
    call: Call, receiver: Receiver, answers: "asyncio.Queue[list[bytes]]", progress: "Progress"
) -> None:
    progress.tell("running", 0)
    while not receiver.done:
        messages = await _within(call)
        if not messages:
            raise Unavailable("the client ended a context before all of it was sent")
        if said := await finish(receiver.take, messages):
            answers.put_nowait(said)
        progress.advance(receiver.size)
    while messages := await _within(call):
        if any(message[:2] != b"\x08\x03" for message in messages):
            raise InvalidArgument("the client goes on after a context's end")
        call.end()


async def _within(call: Call) -> list[bytes]:
    try:
        async with asyncio.timeout(_SILENCE):
            return await call.receive()
    except TimeoutError:
        raise DeadlineExceeded(f"the client has sent nothing of a context for {_SILENCE:.0f} seconds") from None


async def _send(call: Call, answers: "asyncio.Queue[list[bytes]]") -> None:
    with contextlib.suppress(Fault):  # who receives is told of it, too
        while True:
            await call.send(*await answers.get())


class Progress:
    """Tells how much has come, not too often."""

    def __init__(self, what: str, tell: Tell | None) -> None:
        self._what = what
        self._tell = tell
        self._last = 0.0

    def advance(self, size: int) -> None:
        """More has come."""
        now = time.monotonic()
        if now - self._last >= _TOLD_EVERY:
            self._last = now
            self.tell("running", size)

    def tell(self, state: str, size: int) -> None:
        """A change."""
        if self._tell is not None:
            told = {"what": self._what, "size": size, "state": state, "time": time.time()}
            self._tell({"id": "wherry.transfer", "aux": told})
