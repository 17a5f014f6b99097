"""BuildKit's two ways into the engine, for the HTTP edge; what stands behind them is loaded when a client comes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TYPE_CHECKING

from engine.builder.output import Line
from engine.builder.request import Request
from engine.builder.service import Builder
from engine.buildkit.sessions import Sessions
from engine.buildkit.splice import splice
from engine.containers.room import Room
from engine.images.service import Images

if TYPE_CHECKING:
    from engine.buildkit.door import Door
    from engine.buildkit.versioned import Versioned

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Transport = asyncio.WriteTransport


class BuildKit:
    """One engine's."""

    def __init__(self, room: Room, builder: Builder, images: Images, host_gateway: Callable[[], str]) -> None:
        self.sessions = Sessions()
        self._room = room
        self._builder = builder
        self._images = images
        self._host_gateway = host_gateway
        self._door: Door | None = None
        self._versioned: Versioned | None = None

    async def serve(self, connection: Connection) -> None:
        """A client of the Control service, until it goes."""
        door = self._opened()
        try:
            inner = await door.connect()
        except BaseException:
            connection[1].close()
            raise
        await splice(connection, inner)

    async def join(self, identity: str, shared_key: str, methods: list[str], transport: Transport) -> None:
        """A session, until it ends."""
        from engine.buildkit.caller import Caller

        caller = Caller(identity, shared_key, methods)
        caller.take(transport)
        try:
            await caller.speaks()  # before that, old clients cannot end a session any more, and hang
            async with self.sessions.opened(caller):
                await caller.closed.wait()
        finally:
            caller.close()

    def lines(self, asked: Request, build: str, outputs: str, body: AsyncIterator[bytes]) -> AsyncGenerator[Line, None]:
        """The stream of `POST /build?version=2`."""
        return self._builds().lines(asked, build, outputs, body)

    async def upload(self, build: str, body: AsyncIterator[bytes]) -> None:
        """A context that a build waits for."""
        await self._builds().uploads.offer(build, body)

    def cancel(self, build: str) -> None:
        """`POST /build/cancel`."""
        if self._versioned is not None:
            self._versioned.cancel(build)

    def _builds(self) -> "Versioned":
        from engine.buildkit.jobs import Jobs
        from engine.buildkit.versioned import Versioned

        if self._versioned is None:
            self._versioned = Versioned(Jobs(self._builder, self.sessions))
        return self._versioned

    def _opened(self) -> "Door":
        from engine.buildkit.door import Door
        from engine.buildkit.server import register

        if self._door is None:
            parts = (self._room, self._builder, self._images, self._builds().jobs, self._host_gateway)
            self._door = Door(f"{self._room.paths.exec_root}/buildkit", lambda server: register(server, *parts))
        return self._door

    async def close(self) -> None:
        """End all calls and sessions."""
        self.sessions.close()
        if self._door is not None:
            await self._door.close()
