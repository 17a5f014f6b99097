"""The metrics page over HTTP."""

import asyncio
from collections.abc import Iterable

from supervisor.metrics.exposition import Family
from supervisor.metrics.server import MetricsServer


async def collect() -> Iterable[Family]:
    """One sample."""
    return [Family("up", "gauge", "Whether it is", [({}, 1)])]


async def ask(server: MetricsServer, request: bytes) -> bytes:
    """One request, the whole answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request + b"\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_the_page_is_at_containerds_path() -> None:
    """And nothing else is anywhere else."""
    server = MetricsServer("127.0.0.1:0", collect)
    await server.start()
    page = await ask(server, b"GET /v1/metrics HTTP/1.1\r\nHost: x")
    assert page.startswith(b"HTTP/1.1 200 OK\r\n")
    assert page.endswith(b"# TYPE up gauge\nup 1\n")
    assert (await ask(server, b"HEAD /v1/metrics HTTP/1.1")).endswith(b"\r\n\r\n")
    assert (await ask(server, b"GET / HTTP/1.1")).startswith(b"HTTP/1.1 404 ")
    assert (await ask(server, b"POST /v1/metrics HTTP/1.1")).startswith(b"HTTP/1.1 405 ")
    await server.stop()


async def test_without_an_address_nothing_listens() -> None:
    """It is off by default."""
    server = MetricsServer("", collect)
    await server.start()
    assert server.port == 0
    await server.stop()
