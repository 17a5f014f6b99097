"""What belongs to a cluster: this engine is never part of one, and says so in the words of a dockerd that is not."""

from collections.abc import Iterable

from aiohttp import web

from engine.api.app import Route, respond
from engine.api.call import Call
from proto.errdefs import NotFound, Unavailable, Unimplemented

_NOT_A_MANAGER = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm '
    "and try again."
)
_OF_A_MANAGER = (
    ("GET", "/swarm"),
    ("GET", "/swarm/unlockkey"),
    ("POST", "/swarm/update"),
    ("POST", "/swarm/unlock"),
    *(("GET", f"/{kind}") for kind in ("services", "nodes", "tasks", "secrets", "configs")),
    *(("GET", f"/{kind}/{{id}}") for kind in ("services", "nodes", "tasks", "secrets", "configs")),
    *(("POST", f"/{kind}/create") for kind in ("services", "secrets", "configs")),
    *(("POST", f"/{kind}/{{id}}/update") for kind in ("services", "nodes", "secrets", "configs")),
    *(("DELETE", f"/{kind}/{{id}}") for kind in ("services", "nodes", "secrets", "configs")),
    *(("GET", f"/{kind}/{{id}}/logs") for kind in ("services", "tasks")),
)


async def _no_manager(call: Call) -> web.StreamResponse:
    raise Unavailable(_NOT_A_MANAGER)


async def _leave(call: Call) -> web.StreamResponse:
    raise Unavailable("This node is not part of a swarm")


async def _no_cluster(call: Call) -> web.StreamResponse:
    raise Unimplemented("swarm mode is not supported by this engine: it serves a single host")


async def _plugins(call: Call) -> web.StreamResponse:
    return respond([])


async def _no_plugin(call: Call) -> web.StreamResponse:
    raise NotFound(f'plugin "{call.path["name"]}" not found')


async def _no_plugins(call: Call) -> web.StreamResponse:
    raise Unimplemented("plugins are not supported by this engine")


def routes() -> Iterable[Route]:
    """The table."""
    return (
        Route("POST", "/swarm/init", _no_cluster),
        Route("POST", "/swarm/join", _no_cluster),
        Route("POST", "/swarm/leave", _leave),
        *(Route(method, path, _no_manager) for method, path in _OF_A_MANAGER),
        Route("GET", "/plugins", _plugins),
        Route("GET", "/plugins/privileges", _no_plugins),
        Route("POST", "/plugins/pull", _no_plugins),
        Route("POST", "/plugins/create", _no_plugins),
        Route("GET", "/plugins/{name:.+}/json", _no_plugin),
        Route("DELETE", "/plugins/{name:.+}", _no_plugin),
        *(
            Route("POST", f"/plugins/{{name:.+}}/{verb}", _no_plugin)
            for verb in ("enable", "disable", "push", "upgrade", "set")
        ),
    )
