"""Routes that move images: pull, push, load, save. Answers are streams: an error may come as the last line."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from engine.api.app import HEADERS, Route
from engine.api.call import Call
from engine.api.jsonstream import JsonStream
from engine.api.routes.images import asked_platform
from engine.images import fetch
from engine.images import platform as platforms
from engine.images import reference as references
from engine.images.commit import Wish
from engine.images.platform import Platform
from engine.images.progress import Line, failure, status
from engine.images.reference import Reference
from engine.images.registry_auth import HEADER, decode_leniently
from engine.images.service import Images
from proto.errdefs import Fault, InvalidArgument

_NAME = "{name:.+}"


class TransferRoutes:
    """The handlers."""

    def __init__(self, images: Images) -> None:
        self._images = images

    async def create(self, call: Call) -> web.StreamResponse:
        """`POST /images/create`: a pull, or an import."""
        if not call.text("fromImage"):
            return await self._import(call)
        credentials = decode_leniently(call.request.headers.get(HEADER, ""))
        platform = asked_platform(call, (1, 32))
        lines = self._images.pull(call.text("fromImage"), call.text("tag"), credentials, platform)
        return await _stream(call, lines)

    async def _import(self, call: Call) -> web.StreamResponse:
        """A file system's tar: the body, or behind an address."""
        source = call.text("fromSrc")
        wish = Wish(
            asked_reference(call),
            call.text("message") or f"Imported from {source}",
            changes=tuple(call.texts("changes")),
        )
        platform = asked_platform(call, (1, 32))
        if source != "-":
            return await _stream(call, self._fetched(fetch.address(source), wish, platform))
        archive = call.request.content.iter_any()
        image_id = await self._images.committer.load_file_system(archive, wish, platform)
        stream = JsonStream(call)
        await stream.send({"status": image_id})
        return await stream.close()

    async def _fetched(self, url: str, wish: Wish, platform: Platform | None) -> AsyncIterator[Line]:
        """Import what is at an address; iterating tells how far it is."""
        read: asyncio.Queue[int] = asyncio.Queue()

        async def counted(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
            total = 0
            async for chunk in chunks:
                total += len(chunk)
                read.put_nowait(total)
                yield chunk

        async with fetch.fetched(url) as found:
            yield status(f"Downloading from {url}")
            work = asyncio.ensure_future(self._images.committer.load_file_system(counted(found.chunks), wish, platform))
            work.add_done_callback(lambda _: read.put_nowait(-1))
            try:
                while (current := await read.get()) >= 0:
                    yield {"status": "Importing", "progressDetail": {"current": current, "total": found.size}}
                yield status(await work)
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)

    async def push(self, call: Call) -> web.StreamResponse:
        """`POST /images/{name}/push`."""
        credentials = decode_leniently(call.request.headers.get(HEADER, ""))
        platform = asked_platform(call, (1, 46))
        return await _stream(call, self._images.push(call.path["name"], call.text("tag"), credentials, platform))

    async def load(self, call: Call) -> web.StreamResponse:
        """`POST /images/load`; 200 whatever comes of it, and not before there is something to tell, as with dockerd.

        skopeo stops sending once it is answered.
        """
        lines = self._images.load(
            call.request.content.iter_any(), quiet=call.flag("quiet", default=True), platforms=_asked_platforms(call)
        )
        return await _stream(call, lines, always=True)

    async def save(self, call: Call) -> web.StreamResponse:
        """`GET /images/get` and `GET /images/{name}/get`."""
        names = [call.path["name"]] if "name" in call.path else call.texts("names")
        pieces = self._images.save(names, _asked_platforms(call))
        first = await anext(pieces)  # a missing image is a 404, not a broken archive
        response = web.StreamResponse(headers=HEADERS | {"Content-Type": "application/x-tar"})
        await response.prepare(call.request)
        await response.write(first)
        async for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response


def asked_reference(call: Call) -> Reference | None:
    """The name that `repo` and `tag` give a new image; none is none."""
    if not call.text("repo"):
        return None
    reference = references.parse(call.text("repo"))
    if reference.digest:
        raise InvalidArgument("cannot import digest reference")
    if reference.familiar_name == "sha256":
        raise InvalidArgument("refusing to create an ambiguous tag using digest algorithm as name")
    return reference.with_tag(call.text("tag")) if call.text("tag") else reference.with_default_tag()


def routes(images: Images) -> list[Route]:
    """The table."""
    handlers = TransferRoutes(images)
    return [
        Route("POST", "/images/create", handlers.create, streams=True),
        Route("POST", "/images/load", handlers.load, streams=True),
        Route("GET", "/images/get", handlers.save),
        Route("GET", f"/images/{_NAME}/get", handlers.save),
        Route("POST", f"/images/{_NAME}/push", handlers.push, streams=True),
    ]


async def _stream(call: Call, lines: AsyncIterator[Line], *, always: bool = False) -> web.StreamResponse:
    """Write the lines; a Fault before the first one is the answer's status (but `always` 200), a later one a line."""
    stream = JsonStream(call)
    try:
        async for line in lines:
            await stream.send(_with_bar(line) if call.version < (1, 52) else line)
    except Fault as fault:
        if stream.response is None and not always:
            raise
        await stream.send(failure(str(fault)))
    return await stream.close()


def _asked_platforms(call: Call) -> tuple[Platform, ...]:
    texts = call.texts("platform") if call.version >= (1, 48) else []
    if len(texts) > 1 and call.version < (1, 52):
        raise InvalidArgument(
            "multiple platform parameters are not supported in this API version; use API version 1.52 or later"
        )
    return tuple(dict.fromkeys(platforms.parse(text) for text in texts))


def _with_bar(line: Line) -> Line:
    """Add the drawn bar that clients older than the details print."""
    detail = line.get("progressDetail")
    if not detail or not detail.get("total"):
        return line
    current, total = detail["current"], detail["total"]
    filled = min(50, current * 50 // total)
    head = ">" if filled < 50 else ""
    bar = "=" * (filled if not head else max(filled, 0)) + head
    return {**line, "progress": f"[{bar:<50}] {_size(current):>8}/{_size(total)}"}


def _size(count: float) -> str:
    """Docker's short sizes: four digits at most, in powers of a thousand."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.4g}{unit}"
        count /= 1000
    return f"{count:.4g}TB"
