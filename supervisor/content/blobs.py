"""Blobs on disk, laid out as containerd lays them out; no namespaces, labels or leases here (metadata/content.py adds
those).

    <root>/blobs/<algorithm>/<hex>      a committed blob, read-only, never changed
    <root>/ingest/<sha256 of ref>/…     an unfinished write, see ingest.py

Whoever removes blobs holds the lock that keeps others from using them: this file does not know who refers to what.
"""

import os
from collections.abc import Iterator

from proto.errdefs import NotFound
from supervisor.content.digests import split_digest
from supervisor.core.content import Info
from supervisor.core.digests import HEX_LENGTHS, digest_problem


class BlobReader:
    """Random access to one blob; a reader that was opened goes on reading after the blob was deleted."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self.size = size

    def fileno(self) -> int:
        """The open file, for os.pread and sendfile."""
        return self._fd

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; shorter only at the end."""
        return os.pread(self._fd, length, offset)

    def chunks(self, offset: int = 0, length: int | None = None, chunk: int = 1 << 20) -> Iterator[bytes]:
        """The bytes from `offset` on, piece by piece."""
        end = self.size if length is None else min(self.size, offset + length)
        while offset < end:
            data = os.pread(self._fd, min(chunk, end - offset), offset)
            if not data:
                return
            offset += len(data)
            yield data

    def read_all(self) -> bytes:
        """The whole blob: for manifests and configs, never for layers."""
        return b"".join(self.chunks())

    def close(self) -> None:
        """Give the file back; a second call does nothing."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def __enter__(self) -> "BlobReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Blobs:
    """Committed blobs under one root."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._blobs = os.path.join(root, "blobs")

    def path(self, digest: str) -> str:
        """Where a blob is or would be; a digest that is not one is refused before any path is made of it."""
        algorithm, encoded = split_digest(digest)
        return os.path.join(self._blobs, algorithm, encoded)

    def exists(self, digest: str) -> bool:
        """Whether the blob is there, whole."""
        return os.path.exists(self.path(digest))

    def info(self, digest: str) -> Info:
        """Size and times of a blob."""
        try:
            status = os.stat(self.path(digest))
        except FileNotFoundError:
            raise NotFound(f"content {digest}: not found") from None
        return Info(digest, status.st_size, {}, status.st_mtime_ns, status.st_atime_ns)

    def reader(self, digest: str) -> BlobReader:
        """Open a blob for reading; the caller closes it."""
        path = self.path(digest)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise NotFound(f"blob {digest} expected at {path}: blob not found: not found") from None
        return BlobReader(fd, os.fstat(fd).st_size)

    def delete(self, digest: str) -> None:
        """Remove a blob."""
        try:
            os.unlink(self.path(digest))
        except FileNotFoundError:
            raise NotFound(f"content {digest}: not found") from None

    def walk(self) -> Iterator[Info]:
        """Every blob; files whose names are no digests are passed over."""
        for algorithm in HEX_LENGTHS:
            try:
                names = os.listdir(os.path.join(self._blobs, algorithm))
            except FileNotFoundError:
                continue
            for name in names:
                digest = f"{algorithm}:{name}"
                if digest_problem(digest) is None:
                    try:
                        yield self.info(digest)
                    except NotFound:
                        continue  # deleted since the listing
