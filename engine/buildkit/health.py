"""`grpc.health.v1.Health`: whoever can ask is answered by an engine that is up."""

from collections.abc import AsyncIterator
from typing import Any

from engine.buildkit.answered import answered_stream, refused
from proto.buildkit.services import health_pb2_grpc
from proto.buildkit.services.health_pb2 import HealthCheckRequest, HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):
    """The service."""

    async def Check(self, request: HealthCheckRequest, context: Any) -> HealthCheckResponse:
        """Always well."""
        return HealthCheckResponse(status=HealthCheckResponse.SERVING)

    @answered_stream
    async def Watch(self, request: HealthCheckRequest, context: Any) -> AsyncIterator[Any]:
        """Refused by name."""
        for nothing in refused("watching the health of the engine's builder is not supported: ask again"):
            yield nothing
