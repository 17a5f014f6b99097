"""Some of the engine's routes over a real HTTP connection."""

import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any

from aiohttp import test_utils

from engine.api.app import Api, Route
from engine.background import Background


class Client:
    """Speaks to the routes under one API version."""

    def __init__(self, client: test_utils.TestClient[Any, Any]) -> None:
        self._client = client

    async def ask(self, method: str, path: str, version: str = "1.51", **arguments: Any) -> tuple[int, Any]:
        """The status, and the JSON document (or None)."""
        async with self._client.request(method, f"/v{version}{path}", **arguments) as answer:
            data = await answer.read()
            return answer.status, (await answer.json(content_type=None)) if data.strip() else None

    async def raw(self, method: str, path: str, **arguments: Any) -> tuple[int, bytes]:
        async with self._client.request(method, f"/v1.51{path}", **arguments) as answer:
            return answer.status, await answer.read()


@contextlib.asynccontextmanager
async def served(routes: Iterable[Route]) -> AsyncIterator[Client]:
    """A client of an engine that knows these routes only."""
    background = Background()
    server = test_utils.RawTestServer(Api(routes, background).handle)
    async with test_utils.TestClient(server) as client:
        yield Client(client)
    await background.close()
