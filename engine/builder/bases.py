"""What FROM, `COPY --from` and `RUN --mount=from=` name: an image here, or one that is pulled first."""

import asyncio
from typing import Any

from engine.builder.output import Lane
from engine.builder.session import Session
from engine.builder.state import State
from engine.images import reference as references
from engine.images.model import Image
from engine.images.platform import Platform
from engine.images.reference import DEFAULT_DOMAIN, Reference
from engine.images.registry_auth import OFFICIAL_INDEX, Credentials
from proto.errdefs import InvalidArgument, NotFound

SCRATCH = "scratch"


async def begin(session: Session, lane: Lane, name: str, platform: Platform) -> State:
    """The state that an image is to start from."""
    if name == SCRATCH:
        return State(platform, {"WorkingDir": "/"} if session.request.modern else {})
    return State.from_image(await find(session, lane, name, platform))


async def find(session: Session, lane: Lane, name: str, platform: Platform) -> Image:
    """The image; each is looked for, and if need be pulled, once in a build."""
    key = f"{name} {platform}"
    async with session.pulls.setdefault(key, asyncio.Lock()):
        if key not in session.fresh:
            session.fresh[key] = await _find(session, lane, name, platform)
        return session.fresh[key]


async def _find(session: Session, lane: Lane, name: str, platform: Platform) -> Image:
    if not session.request.pull or references.is_digest(name):
        try:
            return await _resolved(session, name, platform)
        except NotFound:
            if references.is_digest(name):
                raise
    try:
        reference = references.parse(name).with_default_tag()
    except InvalidArgument as fault:
        raise InvalidArgument(f"failed to parse image reference {name!r}: {fault}") from fault
    await _pull(session, lane, reference, platform)
    return await _resolved(session, name, platform)


async def _resolved(session: Session, name: str, platform: Platform) -> Image:
    image = await session.images.resolve(name, platform)
    if platform.rank(image.manifest.platform) is None:
        raise NotFound(f"image with reference {name} was found but does not match the specified platform: {platform}")
    await session.images.resolve_quickly(image.id)  # unpacks it where others brought it in packed
    return image


async def sources(session: Session) -> list[Image]:
    """The images of `--cache-from` that are here; others are passed over, as dockerd does."""
    found = []
    for name in session.request.cache_from:
        try:
            image = await _resolved(session, name, session.request.platform)
        except (NotFound, InvalidArgument):
            continue
        await session.layers.hold(State.from_image(image))
        found.append(image)
    return found


async def _pull(session: Session, lane: Lane, reference: Reference, platform: Platform) -> None:
    text = reference.familiar_name
    tag = reference.digest or reference.tag
    async for line in session.images.pull(text, tag, await credentials(session, reference), platform):
        shown: dict[str, Any] = dict(line)
        lane.line(shown)


async def credentials(session: Session, reference: Reference) -> Credentials:
    """What the client knows of the reference's registry, or X-Registry-Config says."""
    if session.client is not None and (found := await session.client.credentials(reference.domain)) is not None:
        return found
    known = session.request.credentials
    names = [OFFICIAL_INDEX, "docker.io", "index.docker.io"] if reference.domain == DEFAULT_DOMAIN else []
    for name in [*names, reference.domain, f"https://{reference.domain}", f"https://{reference.domain}/v1/"]:
        if name in known:
            return known[name]
    return Credentials()
