"""Blobs in memory."""

import hashlib
from collections.abc import Iterator, Mapping

from proto.errdefs import AlreadyExists, FailedPrecondition, NotFound, Unavailable
from supervisor.core.content import Info, Status


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class MemoryReader:
    """A ReaderAt."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)
        self.closed = False

    def fileno(self) -> int:
        raise OSError("in memory")

    def read_at(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]

    def close(self) -> None:
        self.closed = True


class MemoryWriter:
    """A ContentWriter."""

    def __init__(self, blobs: "MemoryBlobs", ref: str, total: int) -> None:
        self._blobs = blobs
        self._ref = ref
        self._total = total
        self._open = True

    def write(self, data: bytes | memoryview) -> int:
        self._blobs.ingests[self._ref] += bytes(data)
        return len(data)

    def status(self) -> Status:
        return Status(self._ref, len(self._blobs.ingests[self._ref]), self._total)

    def truncate(self, size: int) -> None:
        self._blobs.ingests[self._ref] = self._blobs.ingests[self._ref][:size]

    def digest(self) -> str:
        return digest_of(self._blobs.ingests[self._ref])

    def commit(self, size: int = 0, expected: str = "", labels: Mapping[str, str] | None = None) -> str:
        digest = self.digest()
        self.close()
        if expected and digest != expected:
            raise FailedPrecondition(f"unexpected commit digest {digest}, expected {expected}: failed precondition")
        data = self._blobs.ingests.pop(self._ref)
        if digest in self._blobs.blobs:
            raise AlreadyExists(f"content {digest}: already exists")
        self._blobs.blobs[digest] = data
        return digest

    def close(self) -> None:
        if self._open:
            self._open = False
            self._blobs.locked.discard(self._ref)


class MemoryBlobs:
    """A BlobStore."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.ingests: dict[str, bytes] = {}
        self.locked: set[str] = set()

    def add(self, data: bytes) -> str:
        """A blob that nobody wrote."""
        self.blobs[digest_of(data)] = data
        return digest_of(data)

    def info(self, digest: str) -> Info:
        if digest not in self.blobs:
            raise NotFound(f"content {digest}: not found")
        return Info(digest, len(self.blobs[digest]))

    def walk(self) -> Iterator[Info]:
        return (self.info(digest) for digest in list(self.blobs))

    def delete(self, digest: str) -> None:
        if self.blobs.pop(digest, None) is None:
            raise NotFound(f"content {digest}: not found")

    def reader(self, digest: str) -> MemoryReader:
        self.info(digest)
        return MemoryReader(self.blobs[digest])

    def writer(self, ref: str, total: int = 0, expected: str = "") -> MemoryWriter:
        if ref in self.locked:
            raise Unavailable(f"ref {ref} locked: unavailable")
        self.locked.add(ref)
        self.ingests.setdefault(ref, b"")
        return MemoryWriter(self, ref, total)

    def status(self, ref: str) -> Status:
        if ref not in self.ingests:
            raise NotFound(f"ingest {ref}: not found")
        return Status(ref, len(self.ingests[ref]))

    def statuses(self) -> Iterator[Status]:
        return (self.status(ref) for ref in list(self.ingests))

    def abort(self, ref: str) -> None:
        if self.ingests.pop(ref, None) is None:
            raise NotFound(f"ingest {ref}: not found")
