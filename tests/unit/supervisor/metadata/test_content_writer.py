"""One write into a namespace."""

from collections.abc import Mapping

import pytest

from proto.errdefs import FailedPrecondition, InvalidArgument
from supervisor.core.content import ContentWriter, Status
from supervisor.metadata.content_writer import NamespacedWriter
from tests.fakes.supervisor_blobs import MemoryBlobs

Published = list[tuple[str, int, Mapping[str, str], bool]]


def shared(blobs: MemoryBlobs, published: Published) -> NamespacedWriter:
    digest = blobs.add(b"hello")

    def publish(name: str, size: int, labels: Mapping[str, str], inner: ContentWriter | None) -> None:
        published.append((name, size, labels, inner is None))

    return NamespacedWriter(blobs, Status("r", 5, 5, digest), "ns/1/r", None, publish)


def test_a_shared_write_publishes_without_bytes() -> None:
    """Size and digest are those of the blob that is there."""
    published: Published = []
    writer = shared(MemoryBlobs(), published)
    digest = writer.commit(5, "", {"a": "1"})
    assert published == [(digest, 5, {"a": "1"}, True)]


def test_writing_ends_the_sharing() -> None:
    """The bytes so far are copied, and the new ones follow."""
    blobs, published = MemoryBlobs(), Published()
    writer = shared(blobs, published)
    assert writer.write(b"") == 0
    assert blobs.ingests == {}
    writer.write(b" you")
    assert blobs.ingests == {"ns/1/r": b"hello you"}
    assert (writer.status().ref, writer.status().offset) == ("r", 9)
    writer.close()


def test_truncating_begins_anew() -> None:
    """Nothing is copied."""
    blobs = MemoryBlobs()
    writer = shared(blobs, [])
    writer.truncate(0)
    assert blobs.ingests == {"ns/1/r": b""}
    writer.close()


def test_a_commit_that_does_not_fit_is_refused_and_closes() -> None:
    """Size, digest, labels."""
    for arguments, fault in (
        ((4, "", None), FailedPrecondition),
        ((5, "sha256:other", None), FailedPrecondition),
        ((5, "", {"k": "v" * 5000}), InvalidArgument),
    ):
        published: Published = []
        writer = shared(MemoryBlobs(), published)
        with pytest.raises(fault):
            writer.commit(*arguments)
        assert published == []
