"""`ADD https://…`: a file from the network, into a private folder; its bytes checked where a checksum says what to be.

http and https alone. Mode 0600 and the server's Last-Modified, as docker has it.
"""

import contextlib
import email.utils
import hashlib
import os
import posixpath
import re
import tempfile
from collections.abc import AsyncIterator
from urllib.parse import unquote, urlsplit

import aiohttp

from proto.errdefs import InvalidArgument, Unavailable

_CHUNK = 1 << 20
_PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")


def is_remote(word: str) -> bool:
    """Is it a URL."""
    return word.startswith(("http://", "https://"))


@contextlib.asynccontextmanager
async def fetched(url: str, temporary: str, checksum: str, *, name: str = "") -> AsyncIterator[tuple[int, str]]:
    """An fd of a folder with the file, and its name."""
    if checksum and not _CHECKSUM.fullmatch(checksum):
        raise InvalidArgument(f"unsupported checksum {checksum!r}: sha256:<64 hexadecimal digits> is meant")
    name = name or file_name(url)
    with tempfile.TemporaryDirectory(prefix="download-", dir=temporary) as folder:
        digest = await _get(url, f"{folder}/{name}")
        if checksum and digest != checksum:
            raise InvalidArgument(f"digest mismatch {digest}: {checksum}")
        root = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield root, name
        finally:
            os.close(root)


def file_name(url: str) -> str:
    """The last part of the URL's path."""
    name = posixpath.basename(unquote(urlsplit(url).path))
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise InvalidArgument(f"cannot determine filename for source {url}")
    return name


async def _get(url: str, path: str) -> str:
    digest = hashlib.sha256()
    try:
        async with aiohttp.ClientSession(timeout=_PATIENCE) as client, client.get(url) as answer:
            if answer.status >= 400:
                raise InvalidArgument(f"failed to GET {url} with status {answer.status} {answer.reason}")
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                async for piece in answer.content.iter_chunked(_CHUNK):
                    digest.update(piece)
                    file.write(piece)
            stamp = answer.headers.get("Last-Modified")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unavailable(f"fetching {url}: {error}") from error
    modified = 0.0
    if stamp:
        with contextlib.suppress(ValueError):
            modified = email.utils.parsedate_to_datetime(stamp).timestamp()
    os.utime(path, (modified, modified))
    return f"sha256:{digest.hexdigest()}"
