"""What every call goes through: the lease it runs under, and the one place where a Fault becomes a gRPC status.

A Fault's sentence goes to the client as it is. Anything else is a defect of ours: logged with its traceback, answered
as INTERNAL (UNKNOWN is what Go clients of containerd see for errors without a class, but a defect is not one of
those).
"""

import errno
import inspect
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from proto.errdefs import Fault, Internal, ResourceExhausted
from supervisor.core.leases import current_lease
from supervisor.metrics.calls import Calls
from supervisor.server.namespace import LEASE_HEADER, NAMESPACE_HEADER, header

logger = logging.getLogger(__name__)

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_GO_NAMES = {code: code.name.title().replace("_", "") for code in grpc.StatusCode}
_GO_NAMES.update({grpc.StatusCode.OK: "OK", grpc.StatusCode.CANCELLED: "Canceled"})
# A status message travels in an HTTP/2 trailer, which peers cap at 8 or 16 KiB; percent-encoding may triple it.
_LONGEST_MESSAGE = 2048

Behaviour = Callable[[Any, Any], Any]


class FaultsToStatus(grpc.aio.ServerInterceptor):  # type: ignore[misc] # grpc ships no types
    """Runs every handler under its caller's lease, and answers what it raises."""

    def __init__(self, calls: Calls | None = None) -> None:
        self._calls = calls or Calls()
        self._wrapped: dict[str, grpc.RpcMethodHandler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return _unknown(method)
            wrapped = self._wrapped[method] = _wrap(handler, method, self._calls)
        return wrapped


def _unknown(method: str) -> grpc.RpcMethodHandler:
    """The words of Go's server, which tell a missing service from a missing method no better than we do."""
    service, _, name = method.lstrip("/").rpartition("/")

    async def refuse(_request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"unknown method {name} for service {service}")

    return grpc.stream_stream_rpc_method_handler(refuse)


def _wrap(handler: grpc.RpcMethodHandler, method: str, calls: Calls) -> grpc.RpcMethodHandler:
    codecs = {
        "request_deserializer": handler.request_deserializer,
        "response_serializer": handler.response_serializer,
    }
    if handler.unary_unary:
        begin = _beginning(calls, method, "unary")
        return grpc.unary_unary_rpc_method_handler(_one(handler.unary_unary, begin), **codecs)
    if handler.stream_unary:
        begin = _beginning(calls, method, "client_stream")
        return grpc.stream_unary_rpc_method_handler(_one(handler.stream_unary, begin), **codecs)
    if handler.unary_stream:
        begin = _beginning(calls, method, "server_stream")
        return grpc.unary_stream_rpc_method_handler(_many(handler.unary_stream, begin), **codecs)
    begin = _beginning(calls, method, "bidi_stream")
    return grpc.stream_stream_rpc_method_handler(_many(handler.stream_stream, begin), **codecs)


class _Call:
    """One call under way: its lease, its status, its place in log and counts."""

    __slots__ = ("_began", "_calls", "_code", "_context", "_kind", "_method")

    def __init__(self, calls: Calls, method: str, kind: str, context: Any) -> None:
        self._calls = calls
        self._method = method
        self._kind = kind
        self._context = context
        self._code = grpc.StatusCode.OK
        self._began = time.monotonic()
        current_lease.set(header(context.invocation_metadata(), LEASE_HEADER))
        calls.started(method, kind)

    async def fail(self, error: BaseException) -> None:
        """Answer what was raised; raises it, or grpc's own end of a call."""
        self._code = grpc.StatusCode.CANCELLED
        if isinstance(error, grpc.aio.AbortError):
            self._code = grpc.StatusCode.UNKNOWN
        if isinstance(error, grpc.aio.AbortError) or not isinstance(error, Exception):
            raise error
        self._code, message = status_of(error, self._method)
        await self._context.abort(self._code, message)

    def end(self) -> None:
        self._calls.handled(self._method, self._kind, _GO_NAMES[self._code])
        if logger.isEnabledFor(logging.DEBUG):
            namespace = header(self._context.invocation_metadata(), NAMESPACE_HEADER)
            took = round((time.monotonic() - self._began) * 1000, 2)
            logger.debug("%s", self._method, extra={"namespace": namespace, "ms": took})


_Begin = Callable[[Any], _Call]


def _beginning(calls: Calls, method: str, kind: str) -> _Begin:
    return lambda context: _Call(calls, method, kind, context)


def _one(behaviour: Behaviour, begin: _Begin) -> Behaviour:
    if not inspect.iscoroutinefunction(behaviour):
        return behaviour  # a synchronous one runs in a thread of grpc's own; none of ours does

    async def call(request: Any, context: Any) -> Any:
        under_way = begin(context)
        try:
            return await behaviour(request, context)
        except BaseException as error:
            await under_way.fail(error)
        finally:
            under_way.end()

    return call


def _many(behaviour: Behaviour, begin: _Begin) -> Behaviour:
    if not inspect.isasyncgenfunction(behaviour):
        return _one(behaviour, begin)

    async def call(request: Any, context: Any) -> AsyncIterator[Any]:
        under_way = begin(context)
        try:
            async for response in behaviour(request, context):
                yield response
        except BaseException as error:
            await under_way.fail(error)
        finally:
            under_way.end()

    return call


def status_of(error: Exception, method: str) -> tuple[grpc.StatusCode, str]:
    """The status that tells the client; what is no Fault is logged here."""
    fault = error if isinstance(error, Fault) else _from_machine(error)
    if fault is None:
        logger.error("%s failed unexpectedly", method, exc_info=error)
        fault = Internal(f"{type(error).__name__}: {error}")
    message = str(fault)
    if len(message) > _LONGEST_MESSAGE:
        message = message[: _LONGEST_MESSAGE // 2] + " … " + message[-_LONGEST_MESSAGE // 2 :]
    return _CODES.get(fault.code, grpc.StatusCode.UNKNOWN), message


def _from_machine(error: Exception) -> Fault | None:
    """Trouble that is neither the client's fault nor ours: a full disk, wherever it shows."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceExhausted(f"{error.strerror}: {error.filename}: resource exhausted".lower())
    if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
        return ResourceExhausted("metadata database: no space left on device: resource exhausted")
    return None
