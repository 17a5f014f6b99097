"""The metrics' own HTTP server."""

import aiohttp
import pytest

from engine.metrics import server
from proto.errdefs import InvalidArgument


async def test_only_the_page_is_served() -> None:
    runner = await server.serve("127.0.0.1:0", lambda: "x 1\n")
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://{host}:{port}/metrics") as response:
            assert await response.text() == "x 1\n"
            assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        async with session.get(f"http://{host}:{port}/info") as response:
            assert response.status == 404
        async with session.post(f"http://{host}:{port}/metrics") as response:
            assert response.status == 405
    await runner.cleanup()


@pytest.mark.parametrize("address", ["9323", "localhost", "localhost:http"])
async def test_an_address_without_a_port_is_refused(address: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid metrics-addr"):
        await server.serve(address, str)
