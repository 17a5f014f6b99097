from pathlib import Path

from supervisor.content.digests import digest_of
from supervisor.content.store import DiskBlobStore
from supervisor.core.content import BlobStore
from tests.contract.protocols import assert_implements


def test_it_is_the_blob_store_that_the_others_count_on(tmp_path: Path) -> None:
    assert_implements(DiskBlobStore, BlobStore)
    store: BlobStore = DiskBlobStore(str(tmp_path / "content"))
    assert list(store.walk()) == []


def test_a_store_opened_again_knows_blobs_and_ingests(tmp_path: Path) -> None:
    writer = DiskBlobStore(str(tmp_path)).writer("done")
    writer.write(b"x")
    writer.commit()
    half = DiskBlobStore(str(tmp_path)).writer("half")
    half.write(b"y")
    half.close()
    again = DiskBlobStore(str(tmp_path))
    assert [info.digest for info in again.walk()] == [digest_of(b"x")]
    assert [(status.ref, status.offset) for status in again.statuses()] == [("half", 1)]
    again.abort("half")
    again.delete(digest_of(b"x"))
    assert [*again.walk(), *again.statuses()] == []
