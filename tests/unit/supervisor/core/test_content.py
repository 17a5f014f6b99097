"""Content as two Protocols, one above the other."""

from supervisor.content.store import DiskBlobStore
from supervisor.core.content import BlobStore, ContentStore, ContentWriter
from supervisor.metadata.content import NamespacedContent
from supervisor.metadata.content_writer import NamespacedWriter
from tests.contract.protocols import assert_implements
from tests.fakes.supervisor_blobs import MemoryBlobs


def test_the_stores_keep_their_promises() -> None:
    """On disk, in memory, and as a namespace sees them."""
    assert_implements(DiskBlobStore, BlobStore)
    assert_implements(MemoryBlobs, BlobStore)
    assert_implements(NamespacedContent, ContentStore)
    assert_implements(NamespacedWriter, ContentWriter)
