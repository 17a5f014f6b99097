"""Content: blobs by digest. Two Protocols, one above the other.

`BlobStore` lies on disk and knows no namespace (implemented in `supervisor/content`). `ContentStore` is what the
services and the transfer use: which blob is visible where, with which labels, and leases (implemented in
`supervisor/metadata/content.py` on top of a BlobStore). Reads and writes of blob bytes are blocking I/O: call them
from a thread when they are long.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(slots=True)
class Info:
    """A committed blob; only `labels` may change."""

    digest: str
    size: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    created_at: int = 0
    updated_at: int = 0


@dataclass(slots=True)
class Status:
    """An ingest under way; `total` is 0 and `expected` empty when unknown."""

    ref: str
    offset: int = 0
    total: int = 0
    expected: str = ""
    started_at: int = 0
    updated_at: int = 0


class ReaderAt(Protocol):
    """An open blob."""

    @property
    def size(self) -> int: ...

    def fileno(self) -> int: ...

    def read_at(self, offset: int, length: int) -> bytes:
        """pread(2): fewer bytes than asked only at the end."""
        ...

    def close(self) -> None: ...


class ContentWriter(Protocol):
    """One ingest, locked to this writer until it is closed or committed."""

    def write(self, data: bytes | memoryview) -> int: ...

    def status(self) -> Status: ...

    def truncate(self, size: int) -> None: ...

    def digest(self) -> str:
        """The digest of what was written so far."""
        ...

    def commit(self, size: int = 0, expected: str = "", labels: Mapping[str, str] | None = None) -> str:
        """Verify and publish; returns the digest. Always closes.

        AlreadyExists when it is there already: the ingest is gone then, and the blob leased as if it had been written.
        """
        ...

    def close(self) -> None:
        """Leave the ingest to be resumed or aborted later; closing twice is fine."""
        ...


class BlobStore(Protocol):
    """The blobs and ingests on disk, without namespaces; refs here are unique over all namespaces."""

    def info(self, digest: str) -> Info: ...

    def walk(self) -> Iterator[Info]: ...

    def delete(self, digest: str) -> None: ...

    def reader(self, digest: str) -> ReaderAt: ...

    def writer(self, ref: str, total: int = 0, expected: str = "") -> ContentWriter:
        """Open or resume; Unavailable (`ref … locked`) while another writer has it. `commit` ignores labels."""
        ...

    def status(self, ref: str) -> Status: ...

    def statuses(self) -> Iterator[Status]: ...

    def abort(self, ref: str) -> None: ...


class ContentStore(Protocol):
    """Blobs as a namespace sees them."""

    def info(self, namespace: str, digest: str) -> Info: ...

    def list(self, namespace: str, filters: Sequence[str] = ()) -> Iterator[Info]:
        """Filter fields: digest, labels.<key>."""
        ...

    def update(self, namespace: str, info: Info, fieldpaths: Sequence[str] = ()) -> Info: ...

    def delete(self, namespace: str, digest: str) -> None:
        """Make it invisible here; the garbage collector removes the bytes when no namespace has them."""
        ...

    def reader(self, namespace: str, digest: str) -> ReaderAt: ...

    def writer(self, namespace: str, ref: str, total: int = 0, expected: str = "") -> ContentWriter:
        """AlreadyExists when `expected` is visible here already (and it is added to the caller's lease)."""
        ...

    def status(self, namespace: str, ref: str) -> Status: ...

    def statuses(self, namespace: str, filters: Sequence[str] = ()) -> Sequence[Status]:
        """Filter field: ref."""
        ...

    def abort(self, namespace: str, ref: str) -> None: ...
