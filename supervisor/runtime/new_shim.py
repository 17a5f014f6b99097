"""A new shim for a task or a sandbox: bundle → shim start → connect, each step undone when a later one fails.

Two rules hold for both: an id is taken from the first step to the last (`Making`), and a caller who leaves in the
middle leaves nothing behind, least of all a program that was just about to start.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.any_pb2 import Any as AnyMessage

from proto.errdefs import Fault
from proto.failpoints import reached
from supervisor.background import Background, work_or_undo
from supervisor.runtime.bootstrap import Endpoint
from supervisor.runtime.bundle import Bundle, BundleRoots
from supervisor.runtime.cleanup import Cleanup
from supervisor.runtime.launcher import Launcher
from supervisor.runtime.programs import ShimPrograms
from supervisor.runtime.shim_client import ShimClient, connect
from supervisor.runtime.shim_log import ShimLog

logger = logging.getLogger(__name__)

Key = tuple[str, str]
Result = TypeVar("Result")

End = Callable[[Bundle, ShimClient, str], Awaitable[None]]
"""End a living shim of a program that nobody has a use for."""


class Making:
    """Which keys are taken by what is still being made."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self._keys: set[Key] = set()

    def __contains__(self, key: Key) -> bool:
        return key in self._keys

    @property
    def keys(self) -> frozenset[Key]:
        """All of them now."""
        return frozenset(self._keys)

    async def run(self, key: Key, work: Coroutine[Any, Any, Result], name: str) -> Result:
        """Do it, the key taken meanwhile; for a caller who leaves it is undone, and the key stays taken until it is."""
        self._keys.add(key)
        task = self._background.run(work, name)
        task.add_done_callback(lambda _: self._keys.discard(key))
        return await work_or_undo(task)


@dataclass(frozen=True, slots=True)
class NewShim:
    """A shim that answers, and what belongs to it."""

    bundle: Bundle
    program: str
    endpoint: Endpoint
    client: ShimClient
    log: ShimLog


class NewShims:
    """Starts shims in bundles of one kind."""

    def __init__(
        self,
        bundles: BundleRoots,
        programs: ShimPrograms,
        launcher: Launcher,
        cleanup: Cleanup,
        background: Background,
        end: End,
    ) -> None:
        self._bundles = bundles
        self._programs = programs
        self._launcher = launcher
        self._cleanup = cleanup
        self._background = background
        self._end = end

    async def start(
        self, key: Key, runtime: str, spec: bytes, options: AnyMessage | None, undo: AsyncExitStack, failed: str
    ) -> NewShim:
        """Everything up to a connected shim; what was made is on the stack `undo`, and faults begin with `failed`."""
        try:
            program = self._programs.resolve(runtime)
        except Fault as fault:
            raise type(fault)(f"{failed}: failed to resolve runtime path: {fault}") from fault
        bundle = self._bundles.create(*key, spec)
        undo.push_async_callback(self._cleanup.bundle, bundle)
        reached("supervisor.create.bundle")
        log = ShimLog(bundle)
        undo.callback(log.close)
        start = self._background.run(self._launcher.start(bundle, program, options), f"shim of {bundle.id}")
        try:
            endpoint = await asyncio.shield(start)
            reached("supervisor.create.started")
            client = await connect(endpoint, bundle.namespace)
        except asyncio.CancelledError:  # the program is on its way: what it starts must not be left to itself
            undo.push_async_callback(self._abandoned, bundle, program, start)
            raise
        except (Fault, OSError) as error:
            undo.push_async_callback(self._cleanup.dead_shim_files, bundle, program)
            kind = type(error) if isinstance(error, Fault) else Fault
            raise kind(f"{failed}: {error}") from error
        undo.push_async_callback(self._end, bundle, client, program)
        return NewShim(bundle, program, endpoint, client, log)

    async def _abandoned(self, bundle: Bundle, program: str, start: "asyncio.Task[Endpoint]") -> None:
        """End a shim whose caller left while it was being started."""
        try:
            client = await connect(await start, bundle.namespace)
        except (Fault, OSError, asyncio.CancelledError) as error:
            logger.debug("the shim that nobody waits for did not come: %s", error, extra={"id": bundle.id})
            await self._cleanup.dead_shim_files(bundle, program)
            return
        await self._end(bundle, client, program)
