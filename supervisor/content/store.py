"""The blob store of one daemon: committed blobs and unfinished writes behind one object (core/content.py,
BlobStore)."""

import os
from collections.abc import Iterator

from supervisor.content.blobs import BlobReader, Blobs
from supervisor.content.ingest import Ingests, IngestWriter
from supervisor.core.content import Info, Status


class DiskBlobStore:
    """Blobs under `<root>`, usually `…/io.containerd.content.v1.content`."""

    def __init__(self, root: str) -> None:
        os.makedirs(root, mode=0o700, exist_ok=True)
        self._blobs = Blobs(root)
        self._ingests = Ingests(self._blobs)

    def info(self, digest: str) -> Info:
        """Size and times of a blob."""
        return self._blobs.info(digest)

    def walk(self) -> Iterator[Info]:
        """Every blob."""
        return self._blobs.walk()

    def delete(self, digest: str) -> None:
        """Remove a blob, whoever may refer to it."""
        self._blobs.delete(digest)

    def reader(self, digest: str) -> BlobReader:
        """Open a blob."""
        return self._blobs.reader(digest)

    def writer(self, ref: str, total: int = 0, expected: str = "") -> IngestWriter:
        """Begin or resume a write."""
        return self._ingests.writer(ref, total, expected)

    def status(self, ref: str) -> Status:
        """How far a write has come."""
        return self._ingests.status(ref)

    def statuses(self) -> Iterator[Status]:
        """Every unfinished write."""
        return self._ingests.statuses()

    def abort(self, ref: str) -> None:
        """Throw an unfinished write away."""
        self._ingests.abort(ref)
