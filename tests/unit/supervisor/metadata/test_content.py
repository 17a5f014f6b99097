"""Content as a namespace sees it."""

import pytest

from proto.errdefs import AlreadyExists, InvalidArgument, NotFound
from supervisor.core.content import Info
from supervisor.core.leases import Lease, Resource, current_lease
from supervisor.metadata.claims import Claims
from supervisor.metadata.content import NamespacedContent
from supervisor.metadata.db import Database
from supervisor.metadata.leases import LeaseTable
from tests.fakes.supervisor_blobs import MemoryBlobs, digest_of
from tests.fakes.supervisor_events import RecordingExchange

DATA = b"hello"
DIGEST = digest_of(DATA)


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def content(db: Database, blobs: MemoryBlobs, exchange: RecordingExchange) -> NamespacedContent:
    return NamespacedContent(db, blobs, exchange, Claims())


def write(content: NamespacedContent, namespace: str = "ns", data: bytes = DATA, **labels: str) -> str:
    writer = content.writer(namespace, "ref")
    writer.write(data)
    return writer.commit(len(data), digest_of(data), labels)


def test_a_written_blob_is_visible_in_its_namespace(content: NamespacedContent, exchange: RecordingExchange) -> None:
    """With labels and size; told once."""
    assert write(content, a="1") == DIGEST
    info = content.info("ns", DIGEST)
    assert (info.size, info.labels) == (5, {"a": "1"})
    reader = content.reader("ns", DIGEST)
    assert reader.read_at(1, 3) == b"ell"
    reader.close()
    for look in (content.info, content.reader, content.delete):
        with pytest.raises(NotFound, match=f"content digest {DIGEST}: not found"):
            look("other", DIGEST)
    assert exchange.topics == ["/content/create"]
    with pytest.raises(NotFound, match="reference ref: not found"):
        content.status("ns", "ref")


def test_another_namespace_gets_the_blob_without_sending_it(content: NamespacedContent, blobs: MemoryBlobs) -> None:
    """The write looks complete from the start, and only has to be committed."""
    write(content)
    writer = content.writer("two", "r", 5, DIGEST)
    status = writer.status()
    assert (status.ref, status.offset, status.total, status.expected) == ("r", 5, 5, DIGEST)
    assert blobs.ingests == {}
    assert writer.digest() == DIGEST
    assert writer.commit(5, DIGEST, {"b": "2"}) == DIGEST
    assert content.info("two", DIGEST).labels == {"b": "2"}
    assert content.info("ns", DIGEST).labels == {}


def test_a_size_that_does_not_fit_is_not_shared(content: NamespacedContent) -> None:
    """Somebody is mistaken: the bytes will tell."""
    write(content)
    assert content.writer("two", "r", 7, DIGEST).status().offset == 0


def test_what_is_visible_already_needs_no_writer(content: NamespacedContent, db: Database) -> None:
    """But the caller's lease holds it from then on."""
    write(content)
    leases = LeaseTable(db)
    leases.create("ns", Lease("l"))
    token = current_lease.set("l")
    try:
        with pytest.raises(AlreadyExists, match=f"content {DIGEST}: already exists"):
            content.writer("ns", "r", 0, DIGEST)
    finally:
        current_lease.reset(token)
    assert leases.list_resources("ns", "l") == [Resource(DIGEST, "content")]


def test_the_same_bytes_twice_exist_already(content: NamespacedContent) -> None:
    """The second ingest is gone all the same."""
    write(content)
    with pytest.raises(AlreadyExists):
        write(content)
    assert list(content.statuses("ns")) == []


def test_an_ingest_is_leased_until_it_is_content(content: NamespacedContent, db: Database) -> None:
    """The lease then holds the blob instead."""
    leases = LeaseTable(db)
    leases.create("ns", Lease("l"))
    token = current_lease.set("l")
    try:
        writer = content.writer("ns", "ref")
        assert leases.list_resources("ns", "l") == [Resource("ref", "ingests")]
        writer.write(DATA)
        writer.commit()
    finally:
        current_lease.reset(token)
    assert leases.list_resources("ns", "l") == [Resource(DIGEST, "content")]


def test_ingests_are_found_resumed_and_aborted(content: NamespacedContent, blobs: MemoryBlobs) -> None:
    """By the ref that the client gave."""
    writer = content.writer("ns", "ref", 9)
    writer.write(b"half")
    writer.close()
    assert content.status("ns", "ref").offset == 4
    assert [status.ref for status in content.statuses("ns", ["ref~=re"])] == ["ref"]
    assert list(content.statuses("ns", ["ref==x"])) == []
    assert list(content.statuses("other")) == []
    again = content.writer("ns", "ref", 9)
    assert again.status().offset == 4
    again.close()
    content.abort("ns", "ref")
    assert blobs.ingests == {}
    with pytest.raises(NotFound):
        content.abort("ns", "ref")


def test_refs_of_two_namespaces_do_not_meet(content: NamespacedContent, blobs: MemoryBlobs) -> None:
    """Each has its own bytes."""
    content.writer("one", "ref").write(b"1")
    content.writer("two", "ref").write(b"2")
    assert sorted(blobs.ingests.values()) == [b"1", b"2"]
    with pytest.raises(InvalidArgument, match="ref must not be empty"):
        content.writer("one", "")


def test_labels_change_and_nothing_else_does(content: NamespacedContent) -> None:
    """By mask or as a whole."""
    write(content, a="1", b="2")
    assert content.update("ns", Info(DIGEST, labels={"a": "9"}), ["labels.a"]).labels == {"a": "9", "b": "2"}
    assert content.update("ns", Info(DIGEST, labels={"c": "3"})).labels == {"c": "3"}
    with pytest.raises(InvalidArgument, match='cannot update "size" field on content info'):
        content.update("ns", Info(DIGEST), ["size"])
    with pytest.raises(InvalidArgument, match="greater than maximum size"):
        content.update("ns", Info(DIGEST, labels={"k": "v" * 5000}))
    with pytest.raises(NotFound):
        content.update("ns", Info("sha256:x"))


def test_filters_choose_by_field(content: NamespacedContent) -> None:
    """Digest and labels."""
    write(content, a="1")
    other = write(content, data=b"other")
    for text, expected in ((f"digest=={other}", {other}), ("labels.a", {DIGEST}), ("digest", {DIGEST, other})):
        assert {info.digest for info in content.list("ns", [text])} == expected, text


def test_deletion_takes_the_name_and_leaves_the_bytes(
    content: NamespacedContent, blobs: MemoryBlobs, db: Database, exchange: RecordingExchange
) -> None:
    """The collector is told."""
    write(content)
    heard: list[bool] = []
    db.on_mutation(heard.append)
    content.delete("ns", DIGEST)
    assert (heard, list(blobs.blobs)) == ([True], [DIGEST])
    assert exchange.topics[-1] == "/content/delete"


def test_bytes_that_a_crash_left_are_taken_over(content: NamespacedContent, blobs: MemoryBlobs) -> None:
    """The blob was published, its row was not."""
    blobs.add(DATA)
    writer = content.writer("ns", "ref")
    writer.write(DATA)
    assert writer.commit(5, DIGEST) == DIGEST
    assert content.info("ns", DIGEST).size == 5


def test_a_shared_write_fails_when_the_bytes_are_gone(content: NamespacedContent, blobs: MemoryBlobs) -> None:
    """A row without bytes would be worse."""
    write(content)
    writer = content.writer("two", "r", 5, DIGEST)
    blobs.delete(DIGEST)
    with pytest.raises(NotFound):
        writer.commit()
