"""Everything that keeps state on disk, built once: database, blobs, snapshot drivers, and the stores on top."""

import logging
from collections.abc import Mapping

from proto.errdefs import Fault
from supervisor.config import Config
from supervisor.content.store import DiskBlobStore
from supervisor.core.events import EventPublisher
from supervisor.core.snapshots import Snapshotter
from supervisor.metadata.claims import Claims
from supervisor.metadata.containers import ContainerTable
from supervisor.metadata.content import NamespacedContent
from supervisor.metadata.db import Database
from supervisor.metadata.images import ImageTable
from supervisor.metadata.leases import LeaseTable
from supervisor.metadata.namespaces import NamespaceTable
from supervisor.metadata.sandboxes import SandboxTable
from supervisor.metadata.scheduler import Scheduler
from supervisor.metadata.snapshots import NamespacedSnapshots
from supervisor.metadata.sweep import Sweeper
from supervisor.paths import Paths
from supervisor.snapshots.native import NativeSnapshotter
from supervisor.snapshots.overlay import OverlaySnapshotter
from supervisor.snapshots.support import overlay_fault

logger = logging.getLogger(__name__)


class Stores:
    """The stores of one daemon."""

    def __init__(self, config: Config, paths: Paths, publisher: EventPublisher) -> None:
        self.db = Database(paths.metadata)
        claims = Claims()
        self.blobs = DiskBlobStore(paths.content)
        overlay = _root(config, paths, "overlayfs")
        fault = overlay_fault(overlay)
        self.unsupported: Mapping[str, Fault] = {} if fault is None else {"overlayfs": fault}
        drivers: dict[str, Snapshotter] = {"native": NativeSnapshotter(_root(config, paths, "native"), self.db)}
        if fault is None:
            drivers["overlayfs"] = OverlaySnapshotter(
                overlay, self.db, config.overlay_options, upperdir_label=config.overlay_upperdir_label
            )
        else:
            logger.warning("no snapshotter overlayfs: %s", fault)
        self.drivers: Mapping[str, Snapshotter] = drivers
        self.content = NamespacedContent(self.db, self.blobs, publisher, claims)
        self.snapshots = NamespacedSnapshots(self.db, self.drivers, publisher, claims)
        self.containers = ContainerTable(self.db)
        self.images = ImageTable(self.db, publisher)
        self.leases = LeaseTable(self.db)
        self.namespaces = NamespaceTable(self.db)
        self.sandboxes = SandboxTable(self.db)
        sweeper = Sweeper(self.db, self.blobs, self.drivers, publisher, claims)
        self.collector = Scheduler(sweeper.run, config.gc)
        self.db.on_mutation(self.collector.mutated)

    def close(self) -> None:
        """Write back and close the database."""
        self.db.close()


def _root(config: Config, paths: Paths, name: str) -> str:
    return config.snapshot_roots.get(name) or paths.snapshotter(name)
