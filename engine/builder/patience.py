"""Clearing up while the supervisor is away: it is started again within seconds, so what failed is tried again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from proto.errdefs import Fault, NotFound

logger = logging.getLogger(__name__)

PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)


async def patiently(what: str, work: Callable[[], Awaitable[None]], pauses: tuple[float, ...] = PAUSES) -> None:
    """Do it, again after each pause while it fails; what is not there any more is done."""
    for pause in (*pauses, None):
        try:
            await work()
        except NotFound:
            return
        except Fault as fault:
            if pause is None:
                logger.warning("%s failed, and is left to the next start: %s", what, fault)
                return
            await asyncio.sleep(pause)
        else:
            return
