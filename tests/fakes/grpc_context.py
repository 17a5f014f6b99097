"""What a gRPC handler sees of its call."""

import asyncio
from typing import Any

import grpc


class Aborted(grpc.aio.AbortError):
    """What `abort` raises; carries what the client would see."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__()
        self.code = code
        self.details = details


class Context:
    """A ServicerContext for one call."""

    def __init__(self, namespace: str = "ns", **metadata: str) -> None:
        self.metadata = [("containerd-namespace", namespace)] if namespace else []
        self.metadata += [(key.replace("_", "-"), value) for key, value in metadata.items()]
        self.sent_initial = asyncio.Event()

    def invocation_metadata(self) -> list[tuple[str, str]]:
        return self.metadata

    async def send_initial_metadata(self, metadata: Any) -> None:
        self.sent_initial.set()

    async def abort(self, code: grpc.StatusCode, details: str = "") -> None:
        raise Aborted(code, details)
