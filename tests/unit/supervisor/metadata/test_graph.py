"""The records as a graph."""

from supervisor.core.containers import Container, RuntimeInfo
from supervisor.core.digests import Descriptor
from supervisor.core.images import Image
from supervisor.core.leases import Lease, Resource
from supervisor.core.sandboxes import Sandbox
from supervisor.core.typed import TypedValue
from supervisor.metadata.containers import ContainerTable
from supervisor.metadata.db import Database
from supervisor.metadata.gc import Node, Type, garbage
from supervisor.metadata.graph import load_graph
from supervisor.metadata.images import ImageTable
from supervisor.metadata.leases import LeaseTable
from supervisor.metadata.sandboxes import SandboxTable
from tests.fakes.supervisor_events import RecordingExchange

DIGESTS = [f"sha256:{number:064x}" for number in range(9)]
PAST, FUTURE = "2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"


def blob(db: Database, number: int, labels: str = "{}") -> None:
    with db.write() as connection:
        connection.execute("INSERT INTO blobs VALUES ('ns', ?, 1, ?, 0, 0)", (DIGESTS[number], labels))


def snapshot(db: Database, name: str, parent: str = "", labels: str = "{}") -> None:
    with db.write() as connection:
        connection.execute("INSERT INTO snapshots VALUES ('ns', 'o', ?, ?, ?, ?, 0, 0)", (name, name, parent, labels))


def doomed(db: Database) -> set[str]:
    with db.snapshot() as connection:
        return {node.key for node in garbage(load_graph(connection))}


def test_an_image_keeps_its_tree(db: Database) -> None:
    """Manifest, config, layer and the snapshot chain that the config names."""
    ImageTable(db, RecordingExchange()).create("ns", Image("i", Descriptor("m", DIGESTS[0], 1)))
    blob(
        db,
        0,
        f'{{"containerd.io/gc.ref.content.config":"{DIGESTS[1]}","containerd.io/gc.ref.content.l.0":"{DIGESTS[2]}"}}',
    )
    blob(db, 1, '{"containerd.io/gc.ref.snapshot.o":"top"}')
    blob(db, 2)
    blob(db, 3)
    snapshot(db, "base")
    snapshot(db, "top", "base")
    snapshot(db, "other", "base")
    assert doomed(db) == {DIGESTS[3], "o/other"}


def test_a_container_keeps_its_snapshot_and_what_its_labels_name(db: Database) -> None:
    """And what attached itself to it."""
    labels = {"containerd.io/gc.ref.content.x": DIGESTS[0]}
    record = Container("c", RuntimeInfo("r"), TypedValue("s"), "", "o", "k", labels)
    ContainerTable(db).create("ns", record)
    snapshot(db, "k", "base")
    snapshot(db, "base")
    blob(db, 0)
    blob(db, 1, '{"containerd.io/gc.bref.container":"c"}')
    blob(db, 2, '{"containerd.io/gc.bref.container":"nobody"}')
    assert doomed(db) == {DIGESTS[2]}


def test_a_sandbox_keeps_what_its_labels_name(db: Database) -> None:
    """It has nothing else."""
    SandboxTable(db).create("ns", Sandbox("s", labels={"containerd.io/gc.ref.snapshot.o": "k"}))
    snapshot(db, "k")
    snapshot(db, "l")
    assert doomed(db) == {"o/l"}


def test_a_lease_holds_its_resources_and_theirs(db: Database) -> None:
    """A flat one only what it names, and the parents without which a snapshot is nothing."""
    for lease, first in (("deep", 0), ("flat", 2)):
        labels = {"containerd.io/gc.flat": "1"} if lease == "flat" else {}
        leases = LeaseTable(db)
        leases.create("ns", Lease(lease, labels))
        blob(db, first, f'{{"containerd.io/gc.ref.content.x":"{DIGESTS[first + 1]}"}}')
        blob(db, first + 1)
        leases.add_resource("ns", lease, Resource(DIGESTS[first], "content"))
    snapshot(db, "base")
    snapshot(db, "top", "base", f'{{"containerd.io/gc.ref.content.y":"{DIGESTS[4]}"}}')
    blob(db, 4)
    LeaseTable(db).add_resource("ns", "flat", Resource("top", "snapshots/o"))
    assert doomed(db) == {DIGESTS[3], DIGESTS[4]}


def test_expiry_ends_a_lease_and_an_image(db: Database) -> None:
    """A time that is none does not."""
    for name, expiry in (("past", PAST), ("future", FUTURE), ("never", "soon")):
        LeaseTable(db).create("ns", Lease(name, {"containerd.io/gc.expire": expiry}))
        record = Image(f"i-{name}", Descriptor("m", DIGESTS[0], 1), {"containerd.io/gc.expire": expiry})
        ImageTable(db, RecordingExchange()).create("ns", record)
    assert doomed(db) == {"past", "i-past"}


def test_a_lease_keeps_an_expired_image(db: Database) -> None:
    """For as long as it lasts."""
    LeaseTable(db).create("ns", Lease("l"))
    record = Image("i", Descriptor("m", DIGESTS[0], 1), {"containerd.io/gc.expire": PAST})
    ImageTable(db, RecordingExchange()).create("ns", record)
    blob(db, 0)
    assert doomed(db) == {"i", DIGESTS[0]}
    LeaseTable(db).add_resource("ns", "l", Resource("i", "images"))
    assert doomed(db) == set()


def test_root_labels_keep_content_and_snapshots(db: Database) -> None:
    """Clients that know no leases use them."""
    blob(db, 0, '{"containerd.io/gc.root":"now"}')
    snapshot(db, "k", "", '{"containerd.io/gc.root":"now"}')
    assert doomed(db) == set()


def test_an_ingest_lasts_for_its_lease_or_its_day(db: Database) -> None:
    """And keeps the blob that it shares."""
    blob(db, 0)
    blob(db, 1)
    with db.write() as connection:
        rows = [("old", DIGESTS[1], 1), ("young", DIGESTS[0], 2**62), ("leased", "", None), ("lost", "", None)]
        for ref, expected, expire_at in rows:
            connection.execute("INSERT INTO ingests VALUES ('ns', ?, ?, ?, ?)", (ref, ref, expected, expire_at))
    LeaseTable(db).create("ns", Lease("l"))
    LeaseTable(db).add_resource("ns", "l", Resource("leased", "ingests"))
    assert doomed(db) == {"old", "lost", DIGESTS[1]}


def test_namespaces_do_not_keep_each_others_records(db: Database) -> None:
    """Only the bytes are shared."""
    with db.write() as connection:
        connection.execute("INSERT INTO blobs VALUES ('other', ?, 1, '{}', 0, 0)", (DIGESTS[0],))
    ImageTable(db, RecordingExchange()).create("ns", Image("i", Descriptor("m", DIGESTS[0], 1)))
    blob(db, 0)
    with db.snapshot() as connection:
        assert garbage(load_graph(connection)) == [Node(Type.CONTENT, "other", DIGESTS[0])]
