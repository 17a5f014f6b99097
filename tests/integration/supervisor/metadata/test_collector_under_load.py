"""The collector beside clients that work as fast as they can, and after a SIGKILL."""

import contextlib
import hashlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from proto.errdefs import AlreadyExists, NotFound
from supervisor.content.store import DiskBlobStore
from supervisor.core.digests import Descriptor
from supervisor.core.images import Image
from supervisor.core.leases import Lease, current_lease
from supervisor.metadata.claims import Claims
from supervisor.metadata.content import NamespacedContent
from supervisor.metadata.db import Database
from supervisor.metadata.images import ImageTable
from supervisor.metadata.leases import LeaseTable
from supervisor.metadata.snapshots import NamespacedSnapshots
from supervisor.metadata.sweep import Sweeper
from supervisor.snapshots.overlay import OverlaySnapshotter
from tests.fakes.supervisor_events import RecordingExchange

SECONDS = 2.0


class House:
    """The stores of one daemon, on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        exchange, claims = RecordingExchange(), Claims()
        self.db = Database(str(root / "m" / "meta.db"))
        self.blobs = DiskBlobStore(str(root / "c"))
        self.driver = OverlaySnapshotter(str(root / "o"), self.db)
        self.content = NamespacedContent(self.db, self.blobs, exchange, claims)
        self.snapshots = NamespacedSnapshots(self.db, {"overlayfs": self.driver}, exchange, claims)
        self.leases = LeaseTable(self.db)
        self.images = ImageTable(self.db, exchange)
        self.sweeper = Sweeper(self.db, self.blobs, {"overlayfs": self.driver}, exchange, claims)

    def pull(self, namespace: str, name: str) -> None:
        """What an unpacker does, under a lease: blobs, a chain of snapshots, an image; all must be there in the end."""
        self.leases.create(namespace, Lease(name))
        current_lease.set(name)
        digests = [self.write(namespace, f"{name}-{number % 3}".encode()) for number in range(3)]
        shared = self.write(namespace, b"shared by all")
        parent = ""
        for number in range(3):
            self.snapshots.prepare(namespace, "overlayfs", f"{name}-k{number}", parent)
            self.snapshots.commit(namespace, "overlayfs", f"{name}-n{number}", f"{name}-k{number}")
            parent = f"{name}-n{number}"
        self.check(namespace, [*digests, shared], parent)
        labels = {f"containerd.io/gc.ref.content.{number}": digest for number, digest in enumerate([*digests, shared])}
        root = self.write(
            namespace, f"{name}-manifest".encode(), {**labels, "containerd.io/gc.ref.snapshot.overlayfs": parent}
        )
        self.images.create(namespace, Image(name, Descriptor("m", root, 1)))
        current_lease.set("")
        self.leases.delete(namespace, name)
        self.check(namespace, [*digests, shared, root], parent)

    def write(self, namespace: str, data: bytes, labels: dict[str, str] | None = None) -> str:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        try:
            writer = self.content.writer(namespace, f"{threading.get_ident()}-{digest}", len(data), digest)
            if not writer.status().offset:
                writer.write(data)
            writer.commit(len(data), digest, labels)
        except AlreadyExists:
            pass
        return digest

    def check(self, namespace: str, digests: list[str], snapshot: str) -> None:
        for digest in digests:
            reader = self.content.reader(namespace, digest)
            assert "sha256:" + hashlib.sha256(reader.read_at(0, 1000)).hexdigest() == digest
            reader.close()
        (mount,) = self.snapshots.view(namespace, "overlayfs", f"look-{snapshot}", snapshot)
        layers = next(option for option in mount.options if option.startswith("lowerdir=")).removeprefix("lowerdir=")
        assert [path for path in layers.split(":") if not os.path.isdir(path)] == []
        with contextlib.suppress(NotFound):  # no lease holds the view: the collector may have been faster
            self.snapshots.remove(namespace, "overlayfs", f"look-{snapshot}")

    def on_disk(self) -> tuple[int, int]:
        blobs = sum(len(files) for _, _, files in os.walk(self.root / "c" / "blobs"))
        return blobs, len(os.listdir(self.root / "o" / "snapshots"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    one.db.close()


def work(house: House, namespace: str, deadline: float) -> None:
    """Image after image, each replacing the one before."""
    number = 0
    while time.monotonic() < deadline:
        house.pull(namespace, f"i{number}")
        if number:
            house.images.delete(namespace, f"i{number - 1}")
        number += 1


def collect(house: House, deadline: float) -> None:
    while time.monotonic() < deadline:
        house.sweeper.run()


def test_nothing_in_use_is_lost_and_nothing_unused_stays(house: House) -> None:
    """Three clients in three namespaces against a collector that never rests."""
    deadline = time.monotonic() + SECONDS
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(work, house, f"ns{number}", deadline) for number in range(3)]
        jobs.append(pool.submit(collect, house, deadline))
        for job in jobs:
            job.result()
    house.sweeper.run()
    left = {namespace: house.images.list(namespace)[0].name for namespace in ("ns0", "ns1", "ns2")}
    distinct = {f"{name}-{part}" for name in left.values() for part in (0, 1, 2, "manifest")} | {"shared"}
    assert house.on_disk() == (len(distinct), 9)
    for namespace, name in left.items():
        house.images.delete(namespace, name)
    house.sweeper.run()
    assert house.on_disk() == (0, 0)


def _work_until_killed(root: str, ready: str) -> None:
    house = House(Path(root))
    threading.Thread(target=lambda: [house.sweeper.run() for _ in range(10**6)], daemon=True).start()
    for number in range(10**6):
        house.pull("ns", f"i{number}")
        if number == 3:
            Path(ready).touch()


def test_a_kill_at_any_moment_leaves_what_was_promised(tmp_path: Path) -> None:
    """Images are whole after the restart, and the next run removes the pieces."""
    context = multiprocessing.get_context("spawn")
    for attempt in range(3):
        root, ready = tmp_path / str(attempt), tmp_path / f"ready{attempt}"
        victim = context.Process(target=_work_until_killed, args=(str(root), str(ready)))
        victim.start()
        while not ready.exists():
            time.sleep(0.01)
        time.sleep(0.05 * attempt + 0.013)
        os.kill(victim.pid or 0, signal.SIGKILL)
        victim.join()
        house = House(root)
        house.sweeper.run()
        images = house.images.list("ns")
        assert len(images) >= 3
        for image in images:
            house.check("ns", [image.target.digest], f"{image.name}-n2")
        house.sweeper.run()
        blobs, folders = house.on_disk()
        # The lease of the pull that was cut short lasts: its things stay, as a client may come back for them.
        assert len(images) * 4 + 1 <= blobs <= len(images) * 4 + 6
        assert len(images) * 3 <= folders <= len(images) * 3 + 4
        house.db.close()
