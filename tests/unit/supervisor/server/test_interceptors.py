"""What every call goes through."""

import asyncio
import errno
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest

from proto.errdefs import AlreadyExists, Conflict, Fault, NotFound
from supervisor.core.leases import current_lease
from supervisor.server.interceptors import FaultsToStatus, status_of
from tests.fakes.grpc_context import Aborted, Context


class Details:
    """What the interceptor is told of a call."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.invocation_metadata = ()


def continuing(handler: grpc.RpcMethodHandler | None) -> Callable[[Any], Awaitable[grpc.RpcMethodHandler | None]]:
    async def proceed(_details: Any) -> grpc.RpcMethodHandler | None:
        return handler

    return proceed


async def wrapped(handler: grpc.RpcMethodHandler | None, method: str = "/s.S/M") -> grpc.RpcMethodHandler:
    return await FaultsToStatus().intercept_service(continuing(handler), Details(method))


async def test_a_unary_call_runs_under_its_lease() -> None:
    """And its answer passes."""

    async def call(request: str, context: Context) -> str:
        return f"{request} {current_lease.get()}"

    handler = await wrapped(grpc.unary_unary_rpc_method_handler(call))
    assert await handler.unary_unary("hi", Context(containerd_lease="l")) == "hi l"
    assert await asyncio.create_task(handler.unary_unary("hi", Context())) == "hi "


async def test_a_stream_of_answers_passes_until_it_fails() -> None:
    """A fault in the middle ends it with a status."""

    async def call(request: str, context: Context) -> AsyncIterator[str]:
        yield "one"
        raise NotFound("nothing more: not found")

    handler = await wrapped(grpc.unary_stream_rpc_method_handler(call))
    stream = handler.unary_stream("", Context())
    assert await anext(stream) == "one"
    with pytest.raises(Aborted) as raised:
        await anext(stream)
    assert (raised.value.code, raised.value.details) == (grpc.StatusCode.NOT_FOUND, "nothing more: not found")


async def test_streams_of_requests_are_wrapped_too() -> None:
    """Both kinds."""

    async def collect(requests: AsyncIterator[str], context: Context) -> str:
        raise AlreadyExists("x: already exists")

    async def echo(requests: AsyncIterator[str], context: Context) -> AsyncIterator[str]:
        async for request in requests:
            yield request

    async def requests() -> AsyncIterator[str]:
        yield "a"

    handler = await wrapped(grpc.stream_unary_rpc_method_handler(collect))
    with pytest.raises(Aborted):
        await handler.stream_unary(requests(), Context())
    handler = await wrapped(grpc.stream_stream_rpc_method_handler(echo))
    assert [response async for response in handler.stream_stream(requests(), Context())] == ["a"]


async def test_an_abort_of_the_handlers_own_passes() -> None:
    """It is the status already."""

    async def call(request: str, context: Context) -> None:
        await context.abort(grpc.StatusCode.DATA_LOSS, "own words")

    handler = await wrapped(grpc.unary_unary_rpc_method_handler(call))
    with pytest.raises(Aborted) as raised:
        await handler.unary_unary("", Context())
    assert raised.value.details == "own words"


async def test_what_nobody_serves_is_refused_in_gos_words() -> None:
    """With the service and the method."""
    handler = await wrapped(None, "/containerd.x.v1.X/Do")
    with pytest.raises(Aborted) as raised:
        await handler.stream_stream(None, Context())
    assert raised.value.code is grpc.StatusCode.UNIMPLEMENTED
    assert raised.value.details == "unknown method Do for service containerd.x.v1.X"


async def test_a_handler_is_wrapped_once() -> None:
    """Not for every call."""

    async def call(request: str, context: Context) -> str:
        return request

    interceptor = FaultsToStatus()
    proceed = continuing(grpc.unary_unary_rpc_method_handler(call))
    first = await interceptor.intercept_service(proceed, Details("/s/M"))
    assert await interceptor.intercept_service(proceed, Details("/s/M")) is first


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (NotFound("x: not found"), grpc.StatusCode.NOT_FOUND, "x: not found"),
        (Conflict("x"), grpc.StatusCode.FAILED_PRECONDITION, "x"),
        (Fault("x"), grpc.StatusCode.UNKNOWN, "x"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/v"),
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "no space left on device: /v: resource exhausted",
        ),
        (
            sqlite3.OperationalError("database or disk is full"),
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "metadata database: no space left on device: resource exhausted",
        ),
    ],
)
def test_each_fault_has_its_status(
    error: Exception, code: grpc.StatusCode, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is logged: the client is told."""
    assert status_of(error, "/s/M") == (code, message)
    assert caplog.records == []


def test_a_defect_is_logged_and_admitted(caplog: pytest.LogCaptureFixture) -> None:
    """With its traceback in the log, and a short sentence for the client."""
    with caplog.at_level(logging.ERROR):
        assert status_of(KeyError("k"), "/s/M") == (grpc.StatusCode.INTERNAL, "KeyError: 'k'")
    assert "/s/M failed unexpectedly" in caplog.text
    assert caplog.records[0].exc_info


def test_a_long_message_is_cut_in_the_middle() -> None:
    """Trailers have a limit; the end tells the class."""
    _, message = status_of(NotFound("x" * 10_000 + ": not found"), "/s/M")
    assert len(message) < 2100
    assert message.endswith(": not found")
