"""Routes that ask a registry and move nothing: `POST /auth` and `GET /distribution/{name}/json`."""

from aiohttp import web

from engine.api import bodies
from engine.api.app import Route, respond
from engine.api.call import Call
from engine.images import reference as references
from engine.images.registry_auth import HEADER, decode_leniently, from_document
from engine.images.registry_client import RegistryClient


class AuthRoutes:
    """The handlers."""

    def __init__(self, registry: RegistryClient) -> None:
        self._registry = registry

    async def login(self, call: Call) -> web.StreamResponse:
        """`POST /auth`."""
        token = await self._registry.login(from_document(await call.json(bodies.AUTH, required=True)))
        return respond({"IdentityToken": token, "Status": "Login Succeeded"})

    async def distribution(self, call: Call) -> web.StreamResponse:
        """`GET /distribution/{name}/json`; `manifest=1`, which dockerd has not, adds the manifest itself."""
        reference = references.parse(call.path["name"]).with_default_tag()
        credentials = decode_leniently(call.request.headers.get(HEADER, ""))
        manifest = call.flag("manifest")
        return respond(await self._registry.distribution(reference, credentials, manifest=manifest))


def routes(registry: RegistryClient) -> list[Route]:
    """The table."""
    handlers = AuthRoutes(registry)
    return [
        Route("POST", "/auth", handlers.login),
        Route("GET", "/distribution/{name:.+}/json", handlers.distribution),
    ]
