"""A blob's bytes from one host, in order: small ones by one request, big ones by several that run side by side.

Side by side is for networks, where one connection seldom gets all there is. On loopback it would only cost: one
connection.

Whatever breaks off is read on from where it was, as long as there is progress. No more bytes are taken than the
descriptor says, and no other range than was asked for. What a big blob needs in memory is `AHEAD` segments.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import aiohttp

from proto.errdefs import DataLoss, Fault, NotFound
from supervisor.core.digests import Descriptor
from supervisor.registry.http import HostClient, Request, refusal

logger = logging.getLogger(__name__)

PARALLEL_FROM = 16 << 20
SEGMENT = 4 << 20
AHEAD = 4
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Source:
    """Where a blob is: a host, a URL, and what to say there."""

    client: HostClient
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    parallel: bool = True


async def read(source: Source, blob: Descriptor, offset: int = 0) -> AsyncIterator[bytes]:
    """The bytes from `offset` on."""
    if source.parallel and blob.size - offset >= PARALLEL_FROM and await _has_ranges(source):
        async for chunk in _parallel(source, blob, offset):
            yield chunk
        return
    async for chunk in _part(source, blob, offset, blob.size):
        yield chunk


async def _has_ranges(source: Source) -> bool:
    async with source.client.send(Request("HEAD", source.url, source.headers, source.scopes)) as response:
        return response.status == 200 and response.headers.get("Accept-Ranges", "").lower() == "bytes"


async def _parallel(source: Source, blob: Descriptor, offset: int) -> AsyncIterator[bytes]:
    starts = iter(range(offset, blob.size, SEGMENT))
    running: deque[asyncio.Task[bytes]] = deque()

    def begin() -> None:
        start = next(starts, None)
        if start is not None:
            running.append(asyncio.ensure_future(_whole(source, blob, start, min(start + SEGMENT, blob.size))))

    try:
        for _ in range(AHEAD):
            begin()
        while running:
            data = await running[0]
            running.popleft()
            begin()
            yield data
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _whole(source: Source, blob: Descriptor, start: int, end: int) -> bytes:
    data = b"".join([chunk async for chunk in _part(source, blob, start, end)])
    if len(data) != end - start:
        raise Fault(f"failed to copy: short read: expected {end - start} bytes but got {len(data)}: unexpected EOF")
    return data


async def _part(source: Source, blob: Descriptor, offset: int, end: int) -> AsyncIterator[bytes]:
    """The bytes up to `end`; read on where a connection broke off."""
    while True:
        headers = dict(source.headers)
        if end < blob.size:
            headers["Range"] = f"bytes={offset}-{end - 1}"
        elif offset:
            headers["Range"] = f"bytes={offset}-"
        before = offset
        try:
            async with source.client.send(Request("GET", source.url, headers, source.scopes)) as response:
                async for chunk in _body(response, blob, offset, end):
                    offset += len(chunk)
                    yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if offset == before:
                raise Fault(f"failed to copy: {error or type(error).__name__}") from error
            logger.info("%s broke off at %d bytes, reading on: %s", blob.digest, offset, error)
            continue
        if offset < end and offset > before:
            continue  # an early end that the protocol did not notice
        return


async def _body(response: aiohttp.ClientResponse, blob: Descriptor, offset: int, end: int) -> AsyncIterator[bytes]:
    if response.status == 404:
        raise NotFound(f"could not fetch content descriptor {blob.digest} ({blob.media_type}) from remote: not found")
    if response.status not in (200, 206):
        raise await refusal(response, "pull access denied")
    if response.status == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
        raise Fault(f"{blob.digest}: the registry sent another range than was asked for")
    skip = offset if response.status == 200 else 0  # a host without ranges sends everything anew
    left = end - offset
    async for received in response.content.iter_chunked(_CHUNK):
        chunk = received[skip:]
        skip -= len(received) - len(chunk)
        if len(chunk) > left:
            if end < blob.size and response.status == 200:
                yield chunk[:left]
                return
            raise DataLoss(f"{blob.digest}: the registry sends more than the {blob.size} bytes of the descriptor")
        left -= len(chunk)
        if chunk:
            yield chunk
