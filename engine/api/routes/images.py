"""Routes about images that are here: list, inspect, history, tag, remove, prune; and the ones that are refused."""

from aiohttp import web

from engine.api.app import Route, empty, respond
from engine.api.call import Call
from engine.filters import Filters
from engine.images import platform as platforms
from engine.images import reference as references
from engine.images.listing import ACCEPTED, ACCEPTED_BY_PRUNE
from engine.images.platform import Platform
from engine.images.service import Images
from proto.errdefs import InvalidArgument, NotFound, Unimplemented

_NAME = "{name:.+}"


class ImageRoutes:
    """The handlers."""

    def __init__(self, images: Images) -> None:
        self._images = images

    async def list(self, call: Call) -> web.StreamResponse:
        """`GET /images/json`."""
        filters = call.filters(ACCEPTED)
        if call.version < (1, 25) and call.text("filter"):
            filters = Filters({**{name: filters.get(name) for name in ACCEPTED}, "reference": [call.text("filter")]})
        shared = call.version >= (1, 42) and call.flag("shared-size")
        manifests = call.version >= (1, 47) and call.flag("manifests")
        counted = call.version >= (1, 51)
        if call.version >= (1, 54) and call.flag("identity") and not manifests:
            raise InvalidArgument("conflicting options: identity requires manifests=1")
        return respond(
            await self._images.summaries(
                filters,
                call.version,
                shared_size=shared,
                manifests=manifests,
                identity=call.version >= (1, 54) and call.flag("identity"),
                counted=counted,
            )
        )

    async def inspect(self, call: Call) -> web.StreamResponse:
        """`GET /images/{name}/json`."""
        platform = asked_platform(call, (1, 49))
        manifests = call.version >= (1, 48) and call.flag("manifests")
        if manifests and platform is not None:
            raise InvalidArgument("conflicting options: manifests and platform options cannot both be set")
        return respond(await self._images.inspect(call.path["name"], call.version, platform, manifests=manifests))

    async def history(self, call: Call) -> web.StreamResponse:
        """`GET /images/{name}/history`."""
        return respond(await self._images.history(call.path["name"], asked_platform(call, (1, 48))))

    async def tag(self, call: Call) -> web.StreamResponse:
        """`POST /images/{name}/tag`."""
        reference = references.parse(call.text("repo"))
        if call.text("tag"):
            reference = reference.with_tag(call.text("tag"))
        await self._images.tag(call.path["name"], reference)
        return empty(201)

    async def remove(self, call: Call) -> web.StreamResponse:
        """`DELETE /images/{name}`."""
        if not call.path["name"].strip():
            raise InvalidArgument("image name cannot be blank")
        if call.texts("platforms") and call.version >= (1, 50):
            wanted = dict.fromkeys(platforms.parse(text) for text in call.texts("platforms"))
            return respond(
                await self._images.remove_platforms(call.path["name"], list(wanted), force=call.flag("force"))
            )
        parents = not call.flag("noprune")
        return respond(await self._images.remove(call.path["name"], force=call.flag("force"), parents=parents))

    async def prune(self, call: Call) -> web.StreamResponse:
        """`POST /images/prune`."""
        return respond(await self._images.prune(call.filters(ACCEPTED_BY_PRUNE), dry_run=call.flag("dryrun")))

    async def search(self, call: Call) -> web.StreamResponse:
        """`GET /images/search`."""
        raise Unimplemented(f'searching Docker Hub is not supported (term "{call.text("term")}")')

    async def attestations(self, call: Call) -> web.StreamResponse:
        """`GET /images/{name}/attestations`."""
        if call.version < (1, 55):
            raise NotFound("page not found")
        texts = call.texts("platform")
        if len(texts) > 1:
            raise InvalidArgument("only one platform value is currently supported")
        platform = platforms.parse(texts[0]) if texts and texts[0] else None
        types = [text.strip() for text in call.texts("type") if text.strip()]
        return respond(await self._images.statements(call.path["name"], platform, types, bodies=call.flag("statement")))


def asked_platform(call: Call, since: tuple[int, int]) -> Platform | None:
    """The `platform` parameter, which older versions of a request did not have."""
    text = call.text("platform")
    return platforms.parse(text) if text and call.version >= since else None


def routes(images: Images) -> list[Route]:
    """The table."""
    handlers = ImageRoutes(images)
    return [
        Route("GET", "/images/json", handlers.list),
        Route("GET", "/images/search", handlers.search),
        Route("POST", "/images/prune", handlers.prune),
        Route("GET", f"/images/{_NAME}/json", handlers.inspect),
        Route("GET", f"/images/{_NAME}/history", handlers.history),
        Route("GET", f"/images/{_NAME}/attestations", handlers.attestations),
        Route("POST", f"/images/{_NAME}/tag", handlers.tag),
        Route("DELETE", f"/images/{_NAME}", handlers.remove),
    ]
