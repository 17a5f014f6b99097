"""The one `except` of the gRPC edge: faults become statuses."""

import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from engine.buildkit import failures
from engine.buildkit.failures import Failed
from proto.errdefs import Fault, Internal

logger = logging.getLogger(__name__)

Handler = Callable[[Any, Any, Any], Awaitable[Any]]
Streaming = Callable[[Any, Any, Any], AsyncIterator[Any]]


def answered(handler: Handler) -> Handler:
    """For a method with one answer."""

    @functools.wraps(handler)
    async def run(service: Any, request: Any, context: Any) -> Any:
        try:
            return await handler(service, request, context)
        except (Fault, Failed) as error:
            return await _tell(context, error)
        except Exception as error:
            if _is_abort(error):
                raise
            logger.exception("a call failed unexpectedly: %s", handler.__name__)
            return await _tell(context, Internal(f"{handler.__name__} failed unexpectedly: {error}"))

    return run


def answered_stream(handler: Streaming) -> Streaming:
    """For a method with many."""

    @functools.wraps(handler)
    async def run(service: Any, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            async for answer in handler(service, request, context):
                yield answer
        except (Fault, Failed) as error:
            await _tell(context, error)

    return run


def refused(words: str) -> Iterator[Any]:
    """What a method of many answers yields that has none."""
    raise failures.Absent(words)


def _is_abort(error: Exception) -> bool:
    return type(error).__name__ in ("AbortError", "UsageError")


async def _tell(context: Any, error: Fault | Failed) -> Any:
    status = error.status if isinstance(error, Failed) else failures.status(error)
    await failures.abort(context, status)
