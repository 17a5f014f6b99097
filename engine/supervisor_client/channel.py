"""One gRPC channel to the supervisor (or containerd): adds the namespace to calls, turns statuses into Faults."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import grpc

from engine.supervisor_client.faults import fault_from_status

NAMESPACE_HEADER = "containerd-namespace"
LEASE_HEADER = "containerd-lease"
_MAX_MESSAGE = 16 << 20  # containerd's own limit for its clients

Answer = TypeVar("Answer")
Metadata = tuple[tuple[str, str], ...]


class Channel:
    """The connection; every client of this folder is built on one."""

    def __init__(self, address: str, namespace: str = "moby") -> None:
        self.address = address
        self.namespace = namespace
        self.grpc = grpc.aio.insecure_channel(
            f"unix://{address}",
            options=[
                ("grpc.max_receive_message_length", _MAX_MESSAGE),
                ("grpc.max_send_message_length", _MAX_MESSAGE),
                ("grpc.enable_http_proxy", 0),
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.min_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 1000),
            ],
        )
        self._metadata: Metadata = ((NAMESPACE_HEADER, namespace),)

    def metadata(self, lease: str = "") -> Metadata:
        """What a streaming call must send along."""
        return (*self._metadata, (LEASE_HEADER, lease)) if lease else self._metadata

    async def unary(
        self,
        method: Callable[..., Awaitable[Answer]],
        request: Any,
        *,
        lease: str = "",
        timeout: float | None = None,
        patient: bool = False,
    ) -> Answer:
        """Call a unary method; `patient` waits for a supervisor that is just starting."""
        try:
            return await method(
                request, metadata=self.metadata(lease), timeout=timeout, wait_for_ready=True if patient else None
            )
        except grpc.aio.AioRpcError as error:
            raise fault_from_status(error) from error

    async def stream(
        self, method: Callable[..., AsyncIterator[Answer]], request: Any, *, lease: str = ""
    ) -> AsyncIterator[Answer]:
        """Iterate over the answers of a server-streaming method; leaving the loop cancels the call."""
        call = method(request, metadata=self.metadata(lease))
        try:
            async for answer in call:
                yield answer
        except grpc.aio.AioRpcError as error:
            raise fault_from_status(error) from error
        finally:
            cancel = getattr(call, "cancel", None)
            if cancel is not None:
                cancel()

    async def close(self) -> None:
        """End all calls."""
        await self.grpc.close()
