"""`GET /containers/{id}/logs`: from the file, whoever writes it; following ends when the container does."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator

from engine.containers.live import Live
from engine.logs import json_file
from engine.logs.inotify import FolderWatch
from engine.logs.json_file import Entry, Selection
from proto.errdefs import FailedPrecondition


def require(live: Live) -> None:
    """Refuse a driver that keeps nothing."""
    if not json_file.is_kept(live.container.log_driver):
        raise FailedPrecondition("configured logging driver does not support reading")


async def read(live: Live, log_path: str, selection: Selection, *, follow: bool) -> AsyncIterator[list[Entry]]:
    """The entries a client wants, in order and in batches."""
    path = live.container.log_path
    if not path and not follow:
        return  # never started
    path = path or log_path
    with contextlib.ExitStack() as stack:
        watch = stack.enter_context(contextlib.closing(FolderWatch(os.path.dirname(path)))) if follow else None
        written, current = await asyncio.to_thread(json_file.past, path, selection)
        if current is not None:
            stack.enter_context(current)
        stack.enter_context(contextlib.closing(written))
        while batch := await _next(written):
            yield batch
        if watch is None:
            return
        fresh = json_file.follow(path, current, watch, lambda: not live.container.state.running, lambda: live.changed)
        async for batch in fresh:
            ended = any(selection.over(entry) for entry in batch)
            if wanted := [entry for entry in batch if selection.wants(entry) and not selection.over(entry)]:
                yield wanted
            if ended:
                return


async def _next(batches: Iterator[list[Entry]]) -> list[Entry]:
    """The next batch, read in a thread; nobody may close the files before that thread is done with them."""
    work = asyncio.ensure_future(asyncio.to_thread(next, batches, []))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
