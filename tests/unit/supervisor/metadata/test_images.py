"""Image records."""

import pytest

from proto.errdefs import AlreadyExists, InvalidArgument, NotFound
from supervisor.core.digests import Descriptor
from supervisor.core.images import Image
from supervisor.core.leases import Lease, Resource, current_lease
from supervisor.metadata.db import Database
from supervisor.metadata.images import ImageTable
from supervisor.metadata.leases import LeaseTable
from tests.fakes.supervisor_events import RecordingExchange

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def image(name: str = "i", digest: str = A, **fields: object) -> Image:
    return Image(name, Descriptor("m", digest, 7, {"n": "1"}), **fields)  # type: ignore[arg-type]


def test_each_change_is_told(db: Database, exchange: RecordingExchange) -> None:
    """Whoever asked for it, and only if it happened."""
    table = ImageTable(db, exchange)
    table.create("ns", image())
    with pytest.raises(AlreadyExists):
        table.create("ns", image())
    table.update("ns", image(digest=B))
    table.delete("ns", "i")
    assert exchange.topics == ["/images/create", "/images/update", "/images/delete"]
    assert exchange.envelopes[0].namespace == "ns"


def test_masks_reach_target_labels_and_annotations(db: Database, exchange: RecordingExchange) -> None:
    """The target as a whole, the maps key by key."""
    table = ImageTable(db, exchange)
    table.create("ns", image(labels={"a": "1", "b": "2"}))
    wanted = Image("i", Descriptor("m2", B, 9, {"n": "5", "o": "6"}), {"a": "9"})
    assert table.update("ns", wanted, ["labels.a", "annotations.o"]).labels == {"a": "9", "b": "2"}
    got = table.get("ns", "i")
    assert (got.target.digest, got.target.annotations) == (A, {"n": "1", "o": "6"})
    assert table.update("ns", wanted, ["annotations"]).target == Descriptor("m", A, 7, {"n": "5", "o": "6"})
    assert table.update("ns", wanted, ["target", "labels"]).target == wanted.target
    with pytest.raises(InvalidArgument, match='cannot update "name" field on image "i"'):
        table.update("ns", wanted, ["name"])
    with pytest.raises(InvalidArgument, match="image name is required for update"):
        table.update("ns", Image(""))
    with pytest.raises(NotFound, match='image "x": not found'):
        table.update("ns", image("x"))


def test_the_time_of_creation_may_be_given(db: Database, exchange: RecordingExchange) -> None:
    """For builds that must be reproducible."""
    made = ImageTable(db, exchange).create("ns", image(created_at=42))
    assert (made.created_at, made.updated_at) == (42, 42)


def test_filters_choose_by_field(db: Database, exchange: RecordingExchange) -> None:
    """Name, target, labels, annotations."""
    table = ImageTable(db, exchange)
    table.create("ns", image("a", labels={"l": "1"}))
    table.create("ns", image("b", B))
    for text, expected in (
        ("name~=^a", ["a"]),
        (f"target.digest=={B}", ["b"]),
        ("target.mediatype==m", ["a", "b"]),
        ("labels.l", ["a"]),
        ("annotations.n==1", ["a", "b"]),
        ("target", []),
    ):
        assert [one.name for one in table.list("ns", [text])] == expected, text


def test_deletion_can_insist_on_a_target(db: Database, exchange: RecordingExchange) -> None:
    """So that nobody deletes what somebody has just replaced."""
    table = ImageTable(db, exchange)
    table.create("ns", image())
    with pytest.raises(NotFound, match=f'image "i" has target {A}, not {B}: not found'):
        table.delete("ns", "i", B)
    table.delete("ns", "i", A)
    with pytest.raises(NotFound):
        table.get("ns", "i")


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (Image(""), "image name must not be empty"),
        (Image("i", Descriptor("m", "x", 1)), 'target.Digest "x" invalid: invalid checksum digest format'),
        (Image("i", Descriptor("m", A, 0)), r"target\.Size must be greater than zero"),
        (Image("i", Descriptor("", A, 1)), r"target\.MediaType must be set"),
    ],
)
def test_a_malformed_record_is_refused(db: Database, exchange: RecordingExchange, record: Image, words: str) -> None:
    """With the field that is wrong, and without a trace."""
    table = ImageTable(db, exchange)
    with pytest.raises(InvalidArgument, match=words):
        table.create("ns", record)
    assert (table.list("ns"), exchange.topics) == ([], [])


def test_only_an_expiring_image_joins_the_lease(db: Database, exchange: RecordingExchange) -> None:
    """The others are roots themselves."""
    leases = LeaseTable(db)
    leases.create("ns", Lease("l"))
    token = current_lease.set("l")
    try:
        table = ImageTable(db, exchange)
        table.create("ns", image("lasting"))
        table.create("ns", image("fleeting", labels={"containerd.io/gc.expire": "2030-01-01T00:00:00Z"}))
    finally:
        current_lease.reset(token)
    assert leases.list_resources("ns", "l") == [Resource("fleeting", "images")]


def test_moving_a_name_may_make_garbage(db: Database, exchange: RecordingExchange) -> None:
    """The old target may have no name any more; a new label changes nothing."""
    table, heard = ImageTable(db, exchange), []
    table.create("ns", image())
    db.on_mutation(heard.append)
    table.update("ns", image(labels={"a": "1"}), ["labels"])
    table.update("ns", image(digest=B))
    assert heard == [False, True]
