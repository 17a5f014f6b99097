"""Routes that ask a registry and move no image: `POST /auth`, and `/distribution/{name}/json`, to read and, as dockerd
has not, to write a list of what is there.
"""

from aiohttp import web

from engine.api import bodies
from engine.api.app import Route, respond
from engine.api.call import Call
from engine.images import reference as references
from engine.images.manifest_list import ListPusher, members_from
from engine.images.registry_auth import HEADER, decode_leniently, from_document
from engine.images.registry_client import RegistryClient
from proto.errdefs import InvalidArgument


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
        manifest, insecure = call.flag("manifest"), call.flag("insecure")
        return respond(await self._registry.distribution(reference, credentials, manifest=manifest, insecure=insecure))

    async def put_list(self, call: Call) -> web.StreamResponse:
        """`PUT /distribution/{name}/json`: a list of manifests under that name, for all clients' platforms."""
        reference = references.parse(call.path["name"]).with_default_tag()
        if reference.digest:
            raise InvalidArgument("a manifest list is pushed under a tag")
        credentials = decode_leniently(call.request.headers.get(HEADER, ""))
        members = members_from(await call.json(required=True))
        insecure = call.flag("insecure")
        digest = await ListPusher(self._registry).push(reference, members, credentials, insecure=insecure)
        return respond({"Digest": digest})


def routes(registry: RegistryClient) -> list[Route]:
    """The table."""
    handlers = AuthRoutes(registry)
    return [
        Route("POST", "/auth", handlers.login),
        Route("GET", "/distribution/{name:.+}/json", handlers.distribution),
        Route("PUT", "/distribution/{name:.+}/json", handlers.put_list),
    ]
