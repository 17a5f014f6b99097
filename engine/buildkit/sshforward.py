"""`moby.sshforward.v1.SSH`: a connection to the client's SSH agent, as bytes in the messages of a call."""

import asyncio
import contextlib

from engine.builder.client import Waiting
from engine.buildkit.call import Call
from engine.buildkit.caller import Caller
from proto.buildkit.services.ssh_pb2 import BytesMessage, CheckAgentRequest, CheckAgentResponse
from proto.errdefs import Fault, NotFound, Unavailable

CHECK, FORWARD = "/moby.sshforward.v1.SSH/CheckAgent", "/moby.sshforward.v1.SSH/ForwardAgent"
_LIMIT = 1 << 18


async def has_agent(caller: Caller, identifier: str) -> bool:
    """Would the client lend the agent of this name."""
    if not caller.supports(CHECK):
        return False
    try:
        await caller.unary(CHECK, CheckAgentRequest(ID=identifier), CheckAgentResponse)
    except (Unavailable, TimeoutError):
        raise
    except Fault:
        return False  # clients have no code for it: "unset ssh forward key"
    return True


class AgentStream:
    """One call, as the connection that a step's socket is joined with."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.reader = asyncio.StreamReader(limit=_LIMIT)

    async def write_out(self, data: bytes) -> bool:
        """Send; False when the client has gone."""
        try:
            await self._call.send(BytesMessage(data=data).SerializeToString())
        except Fault:
            return False
        return True

    async def pump(self) -> None:
        """What the agent says, until it says no more."""
        with contextlib.suppress(Fault):
            while messages := await self._call.receive():
                for message in messages:
                    self.reader.feed_data(BytesMessage.FromString(message).data)
        self.reader.feed_eof()


async def agent(caller: Caller, identifier: str, tasks: "set[asyncio.Task[None]]") -> Waiting:
    """A connection to the agent; `tasks` has what keeps it going until it has been used."""
    if not caller.supports(FORWARD):
        raise NotFound(f"no SSH agent {identifier!r} was given (--ssh)")
    opened = contextlib.ExitStack()
    stream = AgentStream(opened.enter_context(caller.opened(FORWARD, [("buildkit.ssh.id", identifier)])))
    waiting = Waiting(stream)

    async def keep() -> None:
        with opened:
            pump = asyncio.create_task(stream.pump())
            try:
                await waiting.ended.wait()
            finally:
                pump.cancel()
                await asyncio.wait([pump])

    task = asyncio.create_task(keep())
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return waiting
