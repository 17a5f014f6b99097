"""Joining a container's streams: now if it runs, else as soon as it starts."""

import asyncio

from engine.containers import state
from engine.containers.live import Attacher, Live
from engine.containers.stdio import Attachment
from proto.errdefs import Unavailable


def require(live: Live) -> None:
    """Refuse before the connection is taken over, while it can still be a status."""
    state.require_attachable(live.container)


async def join(live: Live, *, stdin: bool, stdout: bool, stderr: bool) -> Attachment | None:
    """The attachment; None if the container ended before there was one."""
    stdin = stdin and bool(live.container.config["OpenStdin"])
    if live.stdio is not None and live.container.state.alive:
        try:
            return await live.stdio.attach(stdin=stdin, stdout=stdout, stderr=stderr)
        except Unavailable:
            return None
    joined: asyncio.Future[Attachment] = asyncio.get_running_loop().create_future()
    attacher = Attacher(stdin, stdout, stderr, joined)
    live.attachers.append(attacher)
    try:
        return await joined
    except asyncio.CancelledError:  # the client has gone, perhaps in the moment of the start
        if joined.done() and not joined.cancelled() and joined.exception() is None:
            joined.result().close()
        raise
    finally:
        if attacher in live.attachers:
            live.attachers.remove(attacher)
