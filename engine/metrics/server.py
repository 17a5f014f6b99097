"""The page over HTTP, on the TCP address of `--metrics-addr`: apart from the API, which it gives no access to."""

from collections.abc import Callable

from aiohttp import web

from engine.metrics.exposition import CONTENT_TYPE
from proto.errdefs import InvalidArgument


async def serve(address: str, collect: Callable[[], str]) -> web.ServerRunner:
    """Listen; the runner's clean-up ends it."""
    host, separator, port = address.rpartition(":")
    if not separator or not port.isdigit():
        raise InvalidArgument(f"invalid metrics-addr ({address}): use HOST:PORT")

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/metrics":
            return web.Response(status=404, text="404 page not found\n")
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, text="method not allowed\n")
        return web.Response(body=collect().encode(), headers={"Content-Type": CONTENT_TYPE})

    runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, host.strip("[]") or None, int(port)).start()
    return runner
