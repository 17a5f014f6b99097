"""One run of the collector: rows, then files, and nothing that is referred to."""

import contextlib
import itertools
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervisor.core.leases import Lease, Resource, current_lease
from supervisor.core.snapshots import Info
from supervisor.metadata.claims import Claims
from supervisor.metadata.content import NamespacedContent
from supervisor.metadata.db import Database
from supervisor.metadata.leases import LeaseTable
from supervisor.metadata.snapshots import NamespacedSnapshots
from supervisor.metadata.sweep import Sweeper, children_first
from supervisor.snapshots.overlay import OverlaySnapshotter
from tests.fakes.supervisor_blobs import MemoryBlobs, digest_of
from tests.fakes.supervisor_events import RecordingExchange

O = "overlayfs"  # noqa: E741 -- the driver, in every call


class House:
    """Everything a sweep touches."""

    def __init__(
        self,
        db: Database,
        root: Path,
        blobs: MemoryBlobs | None = None,
        driver: type[OverlaySnapshotter] = OverlaySnapshotter,
    ) -> None:
        self.db = db
        self.root = root
        self.exchange = RecordingExchange()
        self.claims = Claims()
        self.blobs = blobs or MemoryBlobs()
        self.driver = driver(str(root), db)
        self.content = NamespacedContent(db, self.blobs, self.exchange, self.claims)
        self.snapshots = NamespacedSnapshots(db, {O: self.driver}, self.exchange, self.claims)
        self.sweeper = Sweeper(db, self.blobs, {O: self.driver}, self.exchange, self.claims)

    def write(self, data: bytes, namespace: str = "ns") -> str:
        writer = self.content.writer(namespace, data.decode(), len(data), digest_of(data))
        writer.write(data)
        return writer.commit()

    def folders(self) -> set[str]:
        return {path.name for path in (self.root / "snapshots").iterdir()}


@pytest.fixture
def house(db: Database, tmp_path: Path) -> House:
    return House(db, tmp_path / "o")


def test_unreferenced_things_go_with_their_files(house: House) -> None:
    """And a removed snapshot is told."""
    house.write(b"blob")
    house.snapshots.prepare("ns", O, "k")
    stats = house.sweeper.run()
    assert stats.removed == 2
    assert (house.blobs.blobs, house.folders(), list(house.driver.walk())) == ({}, set(), [])
    assert house.exchange.topics[-1] == "/snapshot/remove"
    assert house.sweeper.run().removed == 0


def test_what_a_lease_holds_stays(house: House) -> None:
    """Until the lease goes."""
    LeaseTable(house.db).create("ns", Lease("l"))
    token = current_lease.set("l")
    try:
        digest = house.write(b"blob")
        house.snapshots.prepare("ns", O, "k")
    finally:
        current_lease.reset(token)
    house.sweeper.run()
    assert (list(house.blobs.blobs), house.folders()) == ([digest], {"1"})
    LeaseTable(house.db).delete("ns", "l")
    house.sweeper.run()
    assert (list(house.blobs.blobs), house.folders()) == ([], set())


def test_bytes_stay_as_long_as_one_namespace_has_them(house: House) -> None:
    """The other's row goes alone."""
    digest = house.write(b"blob")
    writer = house.content.writer("two", "r", 4, digest)
    writer.commit(4, digest, {"containerd.io/gc.root": "1"})
    assert house.sweeper.run().removed == 1
    assert list(house.blobs.blobs) == [digest]


def test_a_shared_ingest_keeps_the_bytes_it_counts_on(house: House) -> None:
    """Even when the namespace it borrowed them from is done with them."""
    digest = house.write(b"blob")
    writer = house.content.writer("two", "r", 4, digest)
    house.content.delete("ns", digest)
    house.sweeper.run()
    assert writer.commit(4, digest) == digest


def test_orphans_of_a_crash_go(house: House) -> None:
    """Blobs, ingests, the driver's own snapshots and stray folders."""
    house.blobs.add(b"orphan")
    house.blobs.writer("ns/7/lost")
    house.driver.prepare("ns/8/lost")
    (house.root / "snapshots" / "new-lost").mkdir()
    house.sweeper.run()
    assert (house.blobs.blobs, house.blobs.ingests, house.folders()) == ({}, {}, set())


def test_an_ingest_under_way_stays(house: House) -> None:
    """It has a day, or its lease."""
    writer = house.content.writer("ns", "r")
    writer.write(b"half")
    house.sweeper.run()
    assert list(house.blobs.ingests.values()) == [b"half"]


def test_what_is_being_made_is_not_swept(house: House) -> None:
    """The files are there before the row: the claim protects them."""
    digest = house.blobs.add(b"blob")
    house.driver.prepare("ns/1/k")
    with house.claims.claim(digest), house.claims.claim("ns/1/k"):
        house.sweeper.run()
    assert (list(house.blobs.blobs), house.folders()) == ([digest], {"1"})
    house.sweeper.run()  # it was never finished
    assert (house.blobs.blobs, house.folders()) == ({}, set())


def test_a_whole_chain_goes_from_the_leaves(house: House) -> None:
    """A parent cannot go before its children."""
    for number in range(4):
        house.snapshots.prepare("ns", O, f"k{number}", f"n{number - 1}" if number else "")
        house.snapshots.commit("ns", O, f"n{number}", f"k{number}")
    house.sweeper.run()
    assert list(house.driver.walk()) == []


def test_children_come_before_parents() -> None:
    """Whatever order they are listed in; a parent elsewhere does not matter."""
    infos = [Info("b", parent="a"), Info("a", parent="elsewhere"), Info("d", parent="c"), Info("c", parent="b")]
    for listed in (infos, infos[::-1]):
        assert [info.name for info in children_first(listed)] == ["d", "c", "b", "a"]


def test_only_stores_that_lost_something_are_looked_through(house: House) -> None:
    """The first run looks everywhere."""
    house.sweeper.run()
    house.blobs.add(b"unseen")
    house.driver.prepare("ns/9/unseen")
    LeaseTable(house.db).create("ns", Lease("l"))
    LeaseTable(house.db).delete("ns", "l")
    house.sweeper.run()
    assert (len(house.blobs.blobs), house.folders()) == (1, {"1"})
    house.content.delete("ns", house.write(b"other"))
    house.sweeper.run()
    assert (len(house.blobs.blobs), house.folders()) == (0, {"1"})
    house.snapshots.prepare("ns", O, "k")
    house.snapshots.remove("ns", O, "k")
    house.sweeper.run()
    assert house.folders() == set()


def test_a_failed_sweep_is_repeated(house: House) -> None:
    """What it was to look through still is."""
    house.write(b"blob")
    statuses = house.blobs.statuses

    def broken() -> Iterator[object]:
        raise OSError("disk on fire")

    house.blobs.statuses = broken  # type: ignore[method-assign, assignment]
    with pytest.raises(OSError, match="disk on fire"):
        house.sweeper.run()
    house.blobs.statuses = statuses  # type: ignore[method-assign]
    house.snapshots.prepare("ns", O, "k")
    house.snapshots.remove("ns", O, "k")
    house.sweeper.run()
    assert (house.blobs.blobs, house.folders()) == ({}, set())


class OvertakenDatabase(Database):
    """Something is committed each time that a reader has just finished."""

    overtake: Callable[[], None] | None = None

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        with super().snapshot() as connection:
            yield connection
        if self.overtake is not None:
            self.overtake()


def test_a_reference_made_while_marking_is_respected(tmp_path: Path) -> None:
    """The row was garbage when it was read, and is not any more when it would be removed."""
    db = OvertakenDatabase(str(tmp_path / "m" / "meta.db"))
    house = House(db, tmp_path / "o")
    digest = house.write(b"blob")
    leases = LeaseTable(db)
    leases.create("ns", Lease("l"))
    db.overtake = lambda: leases.add_resource("ns", "l", Resource(digest, "content"))
    assert house.sweeper.run().removed == 0
    assert house.content.info("ns", digest).size == 4
    db.close()


def test_a_busy_database_is_swept_all_the_same(tmp_path: Path) -> None:
    """In the end the writers wait for the collector."""
    db = OvertakenDatabase(str(tmp_path / "m" / "meta.db"))
    house = House(db, tmp_path / "o")
    house.write(b"blob")
    names = (f"l{number}" for number in itertools.count())
    db.overtake = lambda: LeaseTable(db).create("ns", Lease(next(names))) and None
    assert house.sweeper.run().removed == 1
    assert house.blobs.blobs == {}
    db.close()


class Crash(BaseException):
    """The end of the process, as far as a unit test can have it."""


class Fuse:
    """Blows at the n-th step."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def burn(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Crash


class MortalBlobs(MemoryBlobs):
    """Dies before or after touching a blob."""

    fuse = Fuse(10**6)

    def delete(self, digest: str) -> None:
        self.fuse.burn()
        super().delete(digest)
        self.fuse.burn()

    def abort(self, ref: str) -> None:
        self.fuse.burn()
        super().abort(ref)
        self.fuse.burn()


class MortalDriver(OverlaySnapshotter):
    """Dies before or after removing a snapshot."""

    fuse = Fuse(10**6)

    def remove(self, key: str) -> None:
        self.fuse.burn()
        super().remove(key)
        self.fuse.burn()

    def cleanup(self) -> None:
        self.fuse.burn()
        super().cleanup()


def furnish(house: House) -> str:
    """Kept: a blob and a chain under a lease. Doomed: two blobs, an ingest, a chain."""
    LeaseTable(house.db).create("ns", Lease("l"))
    token = current_lease.set("l")
    try:
        kept = house.write(b"kept")
        house.snapshots.prepare("ns", O, "k1")
        house.snapshots.commit("ns", O, "n1", "k1")
        house.snapshots.prepare("ns", O, "k2", "n1")
    finally:
        current_lease.reset(token)
    for data in (b"one", b"two"):
        house.write(data)
    house.blobs.writer("ns/77/lost")
    parent = "n1"
    for number in range(3):
        house.snapshots.prepare("ns", O, f"x{number}", parent)
        house.snapshots.commit("ns", O, f"y{number}", f"x{number}")
        parent = f"y{number}"
    return kept


@pytest.mark.parametrize("steps", range(15))
def test_a_crash_at_any_step_is_made_good_by_the_next_run(tmp_path: Path, steps: int) -> None:
    """A restarted collector ends where the other would have."""
    db = Database(str(tmp_path / "m" / "meta.db"))
    house = House(db, tmp_path / "o", MortalBlobs(), MortalDriver)
    kept = furnish(house)
    house.blobs.fuse = house.driver.fuse = Fuse(steps)  # type: ignore[attr-defined]
    with contextlib.suppress(Crash):
        house.sweeper.run()
    house.blobs.fuse = house.driver.fuse = Fuse(10**6)  # type: ignore[attr-defined]
    db.close()
    again = House(Database(str(tmp_path / "m" / "meta.db")), tmp_path / "o", house.blobs)
    again.sweeper.run()
    assert list(again.blobs.blobs) == [kept]
    assert again.blobs.ingests == {}
    assert sorted(info.name for info in again.snapshots.list("ns", O)) == ["k2", "n1"]
    assert len(list(again.driver.walk())) == len(again.folders()) == 2
    again.db.close()
