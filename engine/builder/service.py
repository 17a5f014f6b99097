"""The builder as the engine sees it: builds, what is cached, and what a dead engine left of its builds."""

import asyncio
import contextlib
import logging
import os
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from engine import kernel
from engine.builder import bases, context, context_paths, parser, remote
from engine.builder.build import Build, new_id
from engine.builder.cache import Cache
from engine.builder.cache_mounts import CacheMounts
from engine.builder.channel import Channel, Channels
from engine.builder.client import Client, Sender
from engine.builder.context import Context
from engine.builder.context_paths import Paths
from engine.builder.history_cache import HistoryCache
from engine.builder.kept_contexts import KeptContexts
from engine.builder.layers import Layers
from engine.builder.mounting import Mounting
from engine.builder.output import Line
from engine.builder.patience import patiently
from engine.builder.pruning import LOCAL, MOUNT, REGULAR, Prune, Record, of_context, of_mount, of_step
from engine.builder.request import Request
from engine.builder.run import LABEL, CommandFailed
from engine.builder.session import Session
from engine.builder.threads import finish
from engine.containers import remove
from engine.containers.room import Room
from engine.containers.rootfs import Rootfs
from engine.images.assemble import Assembler
from engine.images.names import Names
from engine.images.service import Images
from engine.placement import spread
from engine.supervisor_client.diff import Diff
from proto.errdefs import Fault, Internal, InvalidArgument, NotFound

logger = logging.getLogger(__name__)

_PREFIX = "wherry-build-"


@dataclass(frozen=True, slots=True)
class Ended:
    """The last thing of a build's stream."""

    failure: BaseException | None = None


class Builder:
    """All builds of one engine."""

    def __init__(self, room: Room, images: Images, differences: Diff, assembler: Assembler, names: Names) -> None:
        self._room = room
        self._images = images
        self._differences = differences
        self._assembler = assembler
        self._names = names
        folder = f"{room.paths.data_root}/builder"
        self._temporary = f"{folder}/tmp"
        self._gone = f"{folder}/gone"
        for name in (self._temporary, self._gone):
            os.makedirs(name, mode=0o700, exist_ok=True)
        spread(self._temporary)
        self._cache = Cache(f"{folder}/cache.db", room.supervisor.content, room.supervisor.snapshots)
        self._caches = CacheMounts(f"{folder}/mounts")
        self._mounting = Mounting(self._caches, f"{room.paths.exec_root}/builder", self._temporary)
        self._contexts = KeptContexts(f"{folder}/contexts")
        self.channels = Channels(self._contexts)
        self._running: dict[str, float] = {}  # when each began

    async def build(
        self, request: Request, chunks: AsyncIterator[bytes], sender: Sender | None = None
    ) -> AsyncGenerator[Line, None]:
        """The lines of one build; leaving the loop cancels it, and waits until nothing of it is left."""
        lines: asyncio.Queue[Line | Ended] = asyncio.Queue()
        work = self._room.background.spawn("build", self._told(request, chunks, sender, lines))
        try:
            while not isinstance(line := await lines.get(), Ended):
                yield line
            if line.failure is not None:
                raise line.failure
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    async def _told(
        self,
        request: Request,
        chunks: AsyncIterator[bytes],
        sender: Sender | None,
        lines: "asyncio.Queue[Line | Ended]",
    ) -> None:
        build_id = new_id()
        self._running[build_id] = time.time()
        whole = False
        try:
            await self._one(build_id, request, chunks, sender, lines)
        except Fault as fault:
            lines.put_nowait(Ended(fault))
        except asyncio.CancelledError:
            lines.put_nowait(Ended(asyncio.CancelledError()))
            raise
        except Exception as error:
            logger.exception("a build failed unexpectedly")
            lines.put_nowait(Ended(Internal(f"the build failed unexpectedly: {error}")))
        else:
            lines.put_nowait(Ended())
            whole = True
        finally:
            del self._running[build_id]
            if not whole:
                self._room.background.spawn("what a build left", patiently("clearing up", self.repair))

    async def _one(
        self,
        build_id: str,
        request: Request,
        chunks: AsyncIterator[bytes],
        sender: Sender | None,
        lines: "asyncio.Queue[Line | Ended]",
    ) -> None:
        room = self._room
        async with contextlib.AsyncExitStack() as stack:
            channel = self.channels.get(request.channel) if request.channel else None
            client: Client | None = sender or channel
            if client is not None:
                client.tell = lines.put_nowait
                await stack.enter_async_context(client.begun())
            if sender is not None:
                text = await sender.dockerfile(request)
                own: Callable[[Paths], Awaitable[Context]] = sender.context
            else:
                text, own = await self._received(stack, request, chunks, channel)
            file = parser.parse(text)
            if sender is not None:
                sender.will_want(context_paths.wanted(file))
            lease = await stack.enter_async_context(room.supervisor.leases.hold(build_id))
            rootfs = Rootfs(room.supervisor, self._temporary)
            supervisor = room.supervisor
            layers = Layers(
                supervisor.snapshots, supervisor.content, self._differences, rootfs, supervisor.leases, lease
            )
            session = Session(
                id=build_id,
                request=request,
                file=file,
                context=own,
                temporary=self._temporary,
                room=room,
                images=self._images,
                layers=layers,
                cache=self._cache,
                mounting=self._mounting,
                channel=channel,
                client=client,
            )
            session.others = HistoryCache(await bases.sources(session))
            image_id = await Build(session, self._assembler, self._names, lines.put_nowait).run()
            for tag in request.tags if image_id else ():
                room.bus.publish("image", "tag", image_id, {"name": tag.familiar})

    async def _received(
        self,
        stack: contextlib.AsyncExitStack,
        request: Request,
        chunks: AsyncIterator[bytes],
        channel: Channel | None,
    ) -> tuple[str, Callable[[Paths], Awaitable[Context]]]:
        """A context that comes with the request or is named by it; its Dockerfile."""
        if request.kept:
            if channel is None:
                raise InvalidArgument("kept=1 needs a channel, which has the list of the context's files")
            received = await channel.filled(chunks)
        elif request.remote:
            received = await stack.enter_async_context(remote.fetched(request, self._temporary))
        else:
            received = await stack.enter_async_context(context.received(chunks, self._temporary, self._discard))

        async def own(paths: Paths) -> Context:
            return received

        return await finish(received.dockerfile, request.dockerfile), own

    def _discard(self, folder: str) -> None:
        """Ten thousand files take their time to go, and no client waits for it."""
        gone = f"{self._gone}/{os.path.basename(folder)}"
        os.rename(folder, gone)
        work = asyncio.to_thread(shutil.rmtree, gone, ignore_errors=True)
        self._room.background.spawn("removal of a build's context", work)

    async def prune(self, asked: Prune) -> dict[str, Any]:
        """`POST /build/prune`."""
        gone = await self.pruned(asked)
        freed = sum(record.size for record in gone)
        return {"CachesDeleted": [record.id for record in gone] or None, "SpaceReclaimed": freed}

    async def pruned(self, asked: Prune) -> list[Record]:
        """What is gone."""
        disk = os.statvfs(self._temporary)
        chosen = asked.choose(await self.records(), free=disk.f_bavail * disk.f_frsize)
        steps = {record.key for record in chosen if record.type == REGULAR}
        await self._cache.forget([entry for entry in self._cache.all() if entry.key in steps])
        gone = [record for record in chosen if record.key in steps]
        for record in chosen:
            remove = {MOUNT: self._caches.remove, LOCAL: self._contexts.remove}.get(record.type)
            if remove is not None and await asyncio.to_thread(remove, record.key):
                gone.append(record)
        return gone

    @property
    def contexts(self) -> KeptContexts:
        """Those that stay after a build."""
        return self._contexts

    def temporary(self) -> str:
        """Where contexts are unpacked."""
        return self._temporary

    async def records(self) -> list[Record]:
        """What is kept; what a build that runs has used is in use."""
        since = min(self._running.values(), default=float("inf"))
        steps = [of_step(entry, entry.used >= since) for entry in self._cache.all() if entry.layer is not None]
        mounts, contexts = await asyncio.to_thread(lambda: (self._caches.usage(), self._contexts.usage()))
        return [*steps, *map(of_mount, mounts), *(of_context(*one) for one in contexts)]

    async def usage(self) -> list[dict[str, Any]]:
        """`BuildCache` of `system df`."""
        return [record.document() for record in await self.records()]

    async def sweep(self) -> None:
        """What an engine that died left of its builds: containers and leases. Called before builds are taken."""
        self._mounting.sweep()
        for folder in (self._temporary, self._gone):
            await asyncio.to_thread(_empty, folder)
        await asyncio.to_thread(self._contexts.sweep)
        await patiently("clearing up", self.repair, ())

    async def repair(self) -> None:
        """What ended builds left because nobody answered: when the supervisor is back, and after a start."""
        for live in list(self._room.registry):
            build = live.container.labels.get(LABEL)
            if build is not None and build not in self._running:
                with contextlib.suppress(NotFound):
                    await remove.remove(self._room, live, force=True, volumes=True)
        for lease in await self._room.supervisor.leases.list():
            if lease.id.startswith(_PREFIX) and lease.id not in self._running:
                with contextlib.suppress(NotFound):
                    await self._room.supervisor.leases.delete(lease.id)

    def close(self) -> None:
        """Let go of the cache's file."""
        self._cache.close()


def failure_line(fault: BaseException) -> Line:
    """How a stream tells of a failure."""
    text = str(fault) or type(fault).__name__
    detail: dict[str, Any] = {"message": text}
    if isinstance(fault, CommandFailed):
        detail = {"code": fault.exit_code, "message": text}
    return {"errorDetail": detail, "error": text}


def _empty(folder: str) -> None:
    """Contexts and mounts of builds that nobody finished; a mount that cannot go keeps what is below it."""
    for name in os.listdir(folder):
        path = f"{folder}/{name}"
        with contextlib.suppress(OSError):
            kernel.umount(path)
        if name.startswith("mount-"):
            with contextlib.suppress(OSError):
                os.rmdir(path)
        else:
            shutil.rmtree(path, ignore_errors=True)
