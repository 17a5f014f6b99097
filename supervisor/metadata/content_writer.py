"""One write into a namespace: a real one, or of a blob that another namespace has and that is only to be claimed."""

from collections.abc import Callable, Mapping

from proto.errdefs import FailedPrecondition
from supervisor.core.content import BlobStore, ContentWriter, Status
from supervisor.core.identifiers import quoted
from supervisor.core.labels import validate_labels

Publish = Callable[[str, int, Mapping[str, str], ContentWriter | None], None]
"""Make the blob visible: digest, size, labels, and the writer whose bytes it is made of."""

_COPY_CHUNK = 1 << 20


class NamespacedWriter:
    """A ContentWriter. `inner` is missing as long as the write is shared: it looks complete, and needs no bytes."""

    def __init__(
        self, blobs: BlobStore, started: Status, backend_ref: str, inner: ContentWriter | None, publish: Publish
    ) -> None:
        self._blobs = blobs
        self._started = started
        self._backend_ref = backend_ref
        self._inner = inner
        self._publish = publish

    def write(self, data: bytes | memoryview) -> int:
        if not data:
            return 0
        return self._own().write(data)

    def status(self) -> Status:
        if self._inner is None:
            return self._started
        status = self._inner.status()
        status.ref = self._started.ref
        return status

    def truncate(self, size: int) -> None:
        self._own(copy=False).truncate(size)

    def digest(self) -> str:
        return self._started.expected if self._inner is None else self._inner.digest()

    def commit(self, size: int = 0, expected: str = "", labels: Mapping[str, str] | None = None) -> str:
        try:
            validate_labels(labels or {}, "info.Labels")
            status = self.status()
            ref = quoted(self._started.ref)
            if size and size != status.offset:
                raise FailedPrecondition(
                    f"{ref} failed size validation: {status.offset} != {size}: failed precondition"
                )
            if self._inner is None and expected and expected != self._started.expected:
                raise FailedPrecondition(f"{ref} unexpected digest: failed precondition")
            digest = expected or self.digest()
            self._publish(digest, status.offset, labels or {}, self._inner)
            return digest
        finally:
            self.close()

    def close(self) -> None:
        if self._inner is not None:
            self._inner.close()

    def _own(self, *, copy: bool = True) -> ContentWriter:
        """Stop sharing: the client wants to write after all, onto a copy of the bytes."""
        if self._inner is None:
            self._inner = self._blobs.writer(self._backend_ref, self._started.total)
            if copy:
                self._copy(self._inner)
        return self._inner

    def _copy(self, inner: ContentWriter) -> None:
        reader = self._blobs.reader(self._started.expected)
        try:
            offset = inner.status().offset
            while data := reader.read_at(offset, _COPY_CHUNK):
                offset += inner.write(data)
        finally:
            reader.close()
