"""What the transfers of one daemon share: the stores, the limits on work at once, and the choice of an unpacker."""

import asyncio
from dataclasses import dataclass

from supervisor.core.content import ContentStore
from supervisor.core.digests import Platform
from supervisor.core.images import ImageStore
from supervisor.core.leases import LeaseStore
from supervisor.core.snapshots import SnapshotStore
from supervisor.registry import platforms
from supervisor.transfer.endpoints import ImageStoreEnd
from supervisor.transfer.graph import Graph
from supervisor.transfer.unpack import KeyedLocks, Unpacker

DEFAULT_SNAPSHOTTER = "overlayfs"
_NO_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Stores:
    """What transfers read and write."""

    content: ContentStore
    images: ImageStore
    snapshots: SnapshotStore
    leases: LeaseStore


class Resources:
    """One for all transfers; a limit of 0 on downloads or uploads means none."""

    def __init__(
        self,
        stores: Stores,
        *,
        hosts_dir: str = "",
        max_concurrent_downloads: int = 3,
        max_concurrent_unpacks: int = 3,
        max_concurrent_uploads: int = 3,
    ) -> None:
        self.stores = stores
        self.hosts_dir = hosts_dir
        self.downloads = asyncio.Semaphore(max_concurrent_downloads or _NO_LIMIT)  # of all pulls together
        self.unpacks = asyncio.Semaphore(max_concurrent_unpacks or 1)
        self.uploads = asyncio.Semaphore(max_concurrent_uploads or _NO_LIMIT)
        self.locks = KeyedLocks()

    def graph(self, namespace: str) -> Graph:
        """A namespace's blobs."""
        return Graph(self.stores.content, namespace)

    def unpacker_for(self, graph: Graph, end: ImageStoreEnd, platform: Platform) -> Unpacker | None:
        """The unpacker that the destination asks for, for an image of this platform; None where it asks for none."""
        for wish in end.unpacks:
            wanted = wish.platform if wish.platform.os or wish.platform.architecture else platforms.host()
            if platforms.rank(platforms.host(), platform) is not None and platforms.rank(wanted, platform) is not None:
                snapshotter = wish.snapshotter or DEFAULT_SNAPSHOTTER
                return Unpacker(graph, self.stores.snapshots, snapshotter, self.locks, self.unpacks)
        return None
