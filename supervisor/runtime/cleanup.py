"""What is done about a shim that is dead or of no use: its program's `delete`, then the bundle.

Clean-up never raises: it is called where something else is already wrong, and what fails here is logged.
"""

import asyncio
import logging
from dataclasses import dataclass

from proto.containerd.runtime.task.v2.shim_pb2 import DeleteResponse
from proto.errdefs import Fault, NotFound
from supervisor.runtime.bundle import Bundle
from supervisor.runtime.launcher import Launcher
from supervisor.runtime.monitor import unknown_end
from supervisor.runtime.shim_client import ShimClient, ShimGone

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds; containerd's names are io.containerd.timeout.shim.{load,cleanup,shutdown} and task.state."""

    load: float = 5.0
    cleanup: float = 5.0
    shutdown: float = 3.0
    state: float = 2.0


class Cleanup:
    """Clears away shims and bundles."""

    def __init__(self, launcher: Launcher, timeouts: Timeouts) -> None:
        self._launcher = launcher
        self._timeouts = timeouts

    async def dead_shim(self, bundle: Bundle, program: str | None) -> DeleteResponse:
        """Run `shim delete` and remove the bundle; returns how the task ended, as far as anyone knows."""
        logger.info("cleaning up after shim disconnected", extra={"id": bundle.id, "namespace": bundle.namespace})
        response = None
        if program is not None:
            try:
                response = await self._launcher.delete(bundle, program, self._timeouts.cleanup)
            except (Fault, OSError) as error:
                logger.warning("failed to clean up after shim disconnected: %s", error, extra={"id": bundle.id})
        await self.bundle(bundle)
        end = response if response is not None else unknown_end()
        logger.info("cleaned up after a dead shim", extra={"id": bundle.id, "exit_status": end.exit_status})
        return end

    async def useless_shim(self, bundle: Bundle, client: ShimClient, program: str) -> None:
        """End a living shim whose task could not be made, or was never asked for."""
        try:
            async with asyncio.timeout(self._timeouts.cleanup):
                await client.delete(bundle.id)
        except NotFound:
            logger.debug("the shim has no task", extra={"id": bundle.id})
        except (Fault, TimeoutError) as error:
            logger.warning("failed to delete task: %s", error, extra={"id": bundle.id})
        await self.shut_down(bundle, client)
        await self.dead_shim_files(bundle, program)

    async def dead_shim_files(self, bundle: Bundle, program: str) -> None:
        """`shim delete` for what a failed create may have left (cgroup, state, mounts), then the bundle."""
        try:
            await self._launcher.delete(bundle, program, self._timeouts.cleanup)
        except (Fault, OSError) as error:
            logger.warning("failed to clean up a failed task: %s", error, extra={"id": bundle.id})
        await self.bundle(bundle)

    async def shut_down(self, bundle: Bundle, client: ShimClient) -> None:
        """Shutdown, then close: a shim with other containers stays."""
        try:
            await client.shutdown(bundle.id, self._timeouts.shutdown)
        except ShimGone:
            logger.debug("the shim left first", extra={"id": bundle.id})
        except Fault as error:
            logger.error("failed to shutdown shim, it might be leaked: %s", error, extra={"id": bundle.id})
        await client.aclose()

    async def bundle(self, bundle: Bundle) -> None:
        """Remove the bundle off the event loop: it may hold mounts."""
        try:
            await asyncio.to_thread(bundle.delete)
        except OSError as error:
            logger.error("failed to delete bundle: %s", error, extra={"id": bundle.id})
