"""A web server on this machine, with a few files."""

import contextlib
from collections.abc import AsyncIterator, Mapping

from aiohttp import web


@contextlib.asynccontextmanager
async def at_home(files: Mapping[str, bytes], *, status: int = 200) -> AsyncIterator[str]:
    """Serve them; gives `host:port`. Anything else is a 404, and with another `status` everything is that."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.path not in files:
            return web.Response(status=404, text="nothing here")
        return web.Response(status=status, body=files[request.path])

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()
