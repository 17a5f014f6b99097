"""A client's session: what it serves to the engine for the length of its builds, called by name."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from engine.builder.context import Context
from engine.buildkit.call import Call
from engine.buildkit.http2 import Connection
from engine.buildkit.shared import Shared
from proto.errdefs import DeadlineExceeded, Internal, Unavailable

Response = TypeVar("Response", bound=Message)
_PATIENCE = 60.0


class Caller:
    """One session."""

    def __init__(self, identity: str, shared_key: str = "", methods: Iterable[str] = ()) -> None:
        self.identity = identity
        self.shared_key = shared_key
        self.closed = asyncio.Event()
        self._methods = {method.lower() for method in methods}
        self.contexts: Shared[Context] = Shared()  # that several builds of the session have at the moment
        self._spoken = asyncio.Event()
        self._connection = Connection(self._end, self._spoken.set)

    def _end(self) -> None:
        self.closed.set()
        self._spoken.set()

    def take(self, transport: asyncio.BaseTransport) -> None:
        """The connection, from now on; called without an await after the answer to who opened it."""
        transport.set_protocol(self._connection)
        self._connection.connection_made(transport)

    async def speaks(self) -> None:
        """The client serves, or is gone."""
        await self._spoken.wait()

    def supports(self, method: str) -> bool:
        """Does the client serve `/service/Method`."""
        return method.lower() in self._methods

    @contextlib.contextmanager
    def opened(self, method: str, metadata: Iterable[tuple[str, str]] = ()) -> Iterator[Call]:
        """A call, given up where the block ends before it."""
        call = self._connection.open(method, list(metadata))
        try:
            yield call
        finally:
            call.close()

    async def unary(
        self,
        method: str,
        request: Message,
        response: type[Response],
        metadata: Iterable[tuple[str, str]] = (),
        *,
        timeout: float = _PATIENCE,
    ) -> Response:
        """One question and its answer."""
        with self.opened(method, metadata) as call:
            try:
                async with asyncio.timeout(timeout):
                    await call.send(request.SerializeToString())
                    call.end()
                    answers = await call.receive()
                    if len(answers) > 1 or await call.receive():
                        raise Internal(f"{method} of the client's session answers more than once")
            except TimeoutError:
                raise DeadlineExceeded(f"the client does not answer {method}") from None
        if len(answers) != 1:
            raise Unavailable(f"the client's answer to {method} is missing")
        try:
            return response.FromString(answers[0])
        except DecodeError:
            raise Internal(f"the client's answer to {method} is none") from None

    def close(self) -> None:
        """End the session."""
        self._connection.close()
