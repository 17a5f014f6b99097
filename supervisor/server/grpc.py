"""The gRPC server on its unix socket: containerd's limits, health and reflection included."""

import os
from collections.abc import Callable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # type: ignore[import-untyped] # ships no types
from grpc_reflection.v1alpha import reflection  # type: ignore[import-untyped] # ships no types

from supervisor.metrics.calls import Calls
from supervisor.server.interceptors import FaultsToStatus

MAX_MESSAGE = 16 << 20

_OPTIONS = (
    ("grpc.so_reuseport", 0),
    # Go clients ping when they like; the default would cut them off with ENHANCE_YOUR_CALM.
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
)


class GrpcServer:
    """Add services, listen, start; `stop` lets calls under way finish."""

    def __init__(
        self, calls: Calls | None = None, *, max_receive: int = MAX_MESSAGE, max_send: int = MAX_MESSAGE
    ) -> None:
        limits = (("grpc.max_receive_message_length", max_receive), ("grpc.max_send_message_length", max_send))
        self._server = grpc.aio.server(interceptors=(FaultsToStatus(calls),), options=(*limits, *_OPTIONS))
        self._names: list[str] = []
        self._health = health.aio.HealthServicer()
        self._listening: list[str] = []

    def add(self, register: Callable[[Any, Any], None], servicer: object, name: str) -> None:
        """`register` is the generated `add_…Servicer_to_server`, `name` the service's full name."""
        register(servicer, self._server)
        self._names.append(name)

    def listen(self, path: str, uid: int = 0, gid: int = 0) -> None:
        """Bind a unix socket, 0660; nothing may be in its way (see `server/sockets.py`)."""
        os.makedirs(os.path.dirname(path), mode=0o711, exist_ok=True)
        mask = os.umask(0o117)  # no moment in which others could connect
        try:
            self._server.add_insecure_port(f"unix:{path}")
        finally:
            os.umask(mask)
        os.chown(path, uid, gid)
        self._listening.append(path)

    async def start(self) -> None:
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._names.append(health.SERVICE_NAME)
        reflection.enable_server_reflection((*self._names, reflection.SERVICE_NAME), self._server)
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)
        await self._server.start()

    async def stop(self, grace: float) -> None:
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace)
        for path in self._listening:
            if os.path.exists(path):
                os.unlink(path)

    async def wait_for_termination(self) -> None:
        await self._server.wait_for_termination()
