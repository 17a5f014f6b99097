"""After a restart: find every bundle, reconnect to its shim, and clear away the ones whose shim died meanwhile.

    answers, knows the task     kept, also when the task has stopped: its exit code is still to be fetched
    answers, knows no task      a create was cut off by our death: the shim is ended, the bundle removed
    does not answer             `shim delete`, then exit and delete events

containerd takes a shim without processes for a leaked one and ends it; a task that stopped while the daemon was away
would lose its exit code that way, so State is asked instead.
"""

import asyncio
import logging
import os

from proto.errdefs import Fault, NotFound
from supervisor.core.containers import ContainerStore
from supervisor.runtime import bootstrap
from supervisor.runtime.bootstrap import Endpoint
from supervisor.runtime.bundle import Bundle
from supervisor.runtime.cleanup import Cleanup, Timeouts
from supervisor.runtime.monitor import TaskMonitor
from supervisor.runtime.programs import ShimPrograms
from supervisor.runtime.shim_client import ShimClient, connect
from supervisor.runtime.shim_log import ShimLog
from supervisor.runtime.tasks import Task, Tasks

logger = logging.getLogger(__name__)

_AT_ONCE = 16


class Restore:
    """Brings the table of tasks back from the disk."""

    def __init__(
        self,
        tasks: Tasks,
        containers: ContainerStore,
        programs: ShimPrograms,
        cleanup: Cleanup,
        monitor: TaskMonitor,
        timeouts: Timeouts,
    ) -> None:
        self._tasks = tasks
        self._containers = containers
        self._programs = programs
        self._cleanup = cleanup
        self._monitor = monitor
        self._timeouts = timeouts

    def begin(self) -> list[Bundle]:
        """Note which bundles there are; to be called before the first request is let in."""
        return list(self._tasks.begin_restore())

    async def run(self, bundles: list[Bundle]) -> None:
        """Restore them, some at once; no bundle's trouble is another's."""
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(bundle: Bundle) -> None:
            task = None
            async with limit:
                try:
                    task = await self._restore(bundle)
                except Exception:
                    logger.exception("failed to load shim", extra={"id": bundle.id, "namespace": bundle.namespace})
                finally:
                    self._tasks.end_restore(bundle, task)

        await asyncio.gather(*(one(bundle) for bundle in bundles))
        await asyncio.to_thread(self._tasks.sweep)

    async def _restore(self, bundle: Bundle) -> Task | None:
        if not os.listdir(bundle.path):
            await self._cleanup.bundle(bundle)
            return None
        program = self._program(bundle)
        log = ShimLog(bundle)
        try:
            client = await self._connect(bundle)
        except (Fault, OSError) as error:
            logger.info("shim does not answer: %s", error, extra={"id": bundle.id})
            await self._clear_dead(bundle, program, log)
            return None
        known = await self._knows_its_task(bundle, client)
        if known and program is not None:
            return Task(bundle, program, client, log, sandboxed=os.path.exists(bundle.sandbox))
        logger.info("cleaning leaked shim process", extra={"id": bundle.id})
        if program is not None and os.path.exists(bundle.sandbox):
            await client.aclose()  # the shim is the sandbox's
            await self._cleanup.dead_shim_files(bundle, program)
        elif program is not None:
            await self._cleanup.useless_shim(bundle, client, program)
        else:
            await self._cleanup.shut_down(bundle, client)
            await self._cleanup.bundle(bundle)
        log.close()
        return None

    async def _clear_dead(self, bundle: Bundle, program: str | None, log: ShimLog) -> None:
        log.close()
        was_connected = os.path.exists(bundle.bootstrap)
        end = await self._cleanup.dead_shim(bundle, program)
        if was_connected:
            self._monitor.died(bundle.namespace, bundle.id, end)

    def _program(self, bundle: Bundle) -> str | None:
        """The shim's program: as noted in the bundle, else as the container's runtime names it."""
        recorded = _read(bundle.shim_binary_path).decode()
        try:
            return self._programs.resolve(recorded or self._containers.get(bundle.namespace, bundle.id).runtime.name)
        except Fault as fault:
            logger.warning("no shim program for a bundle: %s", fault, extra={"id": bundle.id})
            return None

    async def _connect(self, bundle: Bundle) -> ShimClient:
        client = await connect(read_endpoint(bundle), bundle.namespace, self._timeouts.load)
        try:
            await client.connect(bundle.id, self._timeouts.load)
        except BaseException:
            await client.aclose()
            raise
        return client

    async def _knows_its_task(self, bundle: Bundle, client: ShimClient) -> bool:
        try:
            await client.state(bundle.id, timeout=self._timeouts.load)
        except NotFound:
            return False
        except Fault as fault:
            logger.warning("failed to query shim state, keeping it: %s", fault, extra={"id": bundle.id})
        return True


def read_endpoint(bundle: Bundle) -> Endpoint:
    """From bootstrap.json, else from the file `address` that older shims write."""
    answer = _read(bundle.bootstrap) or _read(bundle.address)
    if not answer:
        raise NotFound("the bundle names no shim")
    return bootstrap.parse_answer(answer)


def read_text(path: str) -> str:
    """A file of the bundle; nothing without it."""
    return _read(path).decode()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""
