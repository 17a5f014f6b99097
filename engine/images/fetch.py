"""`docker import http://…`: an archive that the engine fetches itself.

http and https alone. A server may be slow but not silent; what it refuses with is told, as far as it fits.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from engine.images.dialing import reason
from proto.errdefs import Fault, Internal, InvalidArgument, NotFound, PermissionDenied, Unauthenticated

_CHUNK = 1 << 20
_PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
_LONGEST_REFUSAL = 4096
_REFUSALS: dict[int, type[Fault]] = {
    400: InvalidArgument,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer whose body is still to come."""

    chunks: AsyncIterator[bytes]
    size: int  # zero: nobody said


def address(text: str) -> str:
    """The URL that a client means; one without a scheme is http's."""
    url = text if "://" in text else f"http://{text}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise InvalidArgument(f'Get "{url}": unsupported protocol scheme "{parts.scheme}"')
    if not parts.hostname:
        raise InvalidArgument(f'Get "{url}": http: no Host in request URL')
    return url


@contextlib.asynccontextmanager
async def fetched(url: str) -> AsyncIterator[Fetched]:
    """Ask for it; a Fault where the server has something else to say."""
    async with aiohttp.ClientSession(timeout=_PATIENCE, auto_decompress=False) as client:
        try:
            answer = await client.get(url, headers={"Accept-Encoding": "identity"})
        except aiohttp.ClientConnectorDNSError as error:
            raise NotFound(f'Get "{url}": {reason(error)}') from error
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Internal(f'Get "{url}": {reason(error)}') from error
        async with answer:
            if answer.status >= 400:
                said = (await answer.content.read(_LONGEST_REFUSAL)).decode(errors="replace").strip()
                message = f"failed to GET {url} with status {answer.status} {answer.reason}: {said}"
                raise _REFUSALS.get(answer.status, Internal)(message)
            yield Fetched(_pieces(url, answer), answer.content_length or 0)


async def _pieces(url: str, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.content.iter_chunked(_CHUNK):
            yield piece
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Internal(f'Get "{url}": {reason(error)}') from error
