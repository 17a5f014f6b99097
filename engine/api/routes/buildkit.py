"""`POST /grpc` and `POST /session`: connections that become gRPC's; the engine serves one, and calls by the other."""

from aiohttp import web

from engine.api.app import Route
from engine.api.call import Call
from engine.api.hijack import upgrade_to_h2c
from engine.buildkit.endpoints import BuildKit

_ID = "X-Docker-Expose-Session-Uuid"
_SHARED_KEY = "X-Docker-Expose-Session-Sharedkey"
_METHODS = "X-Docker-Expose-Session-Grpc-Method"


class BuildKitRoutes:
    """The handlers."""

    def __init__(self, buildkit: BuildKit) -> None:
        self._buildkit = buildkit

    async def grpc(self, call: Call) -> web.StreamResponse:
        """What buildx calls: Control and LLBBridge."""
        connection = upgrade_to_h2c(call)
        try:
            await self._buildkit.serve((connection.reader, connection.writer))
        finally:
            await connection.finish()
        return connection

    async def session(self, call: Call) -> web.StreamResponse:
        """What a build may ask of the client: files, secrets, agents, credentials."""
        headers = call.request.headers
        identity = headers.get(_ID, "")
        self._buildkit.sessions.require_free(identity)
        connection = upgrade_to_h2c(call)
        try:
            methods = list(headers.getall(_METHODS, []))
            transport = connection.writer.transport
            await self._buildkit.join(identity, headers.get(_SHARED_KEY, ""), methods, transport)
        finally:
            connection.forget()
        return connection


def routes(buildkit: BuildKit) -> list[Route]:
    """The table."""
    handlers = BuildKitRoutes(buildkit)
    return [
        Route("POST", "/grpc", handlers.grpc, streams=True),
        Route("POST", "/session", handlers.session, streams=True),
    ]
