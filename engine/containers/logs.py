"""`GET /containers/{id}/logs`: from the file, whoever writes it; following ends when the container does."""

import asyncio
import os
from collections.abc import AsyncIterator

from engine.containers.live import Live
from engine.logs import json_file
from engine.logs.inotify import FolderWatch
from engine.logs.json_file import Entry, Selection
from proto.errdefs import FailedPrecondition


def require(live: Live) -> None:
    """Refuse a driver that keeps nothing."""
    if not json_file.is_kept(live.container.log_driver):
        raise FailedPrecondition("configured logging driver does not support reading")


async def read(live: Live, log_path: str, selection: Selection, *, follow: bool) -> AsyncIterator[Entry]:
    """The entries a client wants, in order."""
    path = live.container.log_path
    if not path and not follow:
        return  # never started
    path = path or log_path
    watch = FolderWatch(os.path.dirname(path)) if follow else None
    try:
        entries, current = await asyncio.to_thread(json_file.past, path, selection)
        for entry in entries:
            yield entry
        if watch is None:
            if current is not None:
                current.close()
            return
        fresh = json_file.follow(path, current, watch, lambda: not live.container.state.running, lambda: live.changed)
        async for entry in fresh:
            if selection.over(entry):
                return
            if selection.wants(entry):
                yield entry
    finally:
        if watch is not None:
            watch.close()
