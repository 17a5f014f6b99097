"""The supervisor's metadata part alone, on a socket of its own: for real clients, without runtime or transfer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from proto.containerd.services.containers.v1 import containers_pb2_grpc
from proto.containerd.services.content.v1 import content_pb2_grpc
from proto.containerd.services.events.v1 import events_pb2_grpc
from proto.containerd.services.images.v1 import images_pb2_grpc
from proto.containerd.services.introspection.v1 import introspection_pb2_grpc
from proto.containerd.services.leases.v1 import leases_pb2_grpc
from proto.containerd.services.namespaces.v1 import namespace_pb2_grpc
from proto.containerd.services.snapshots.v1 import snapshots_pb2_grpc
from proto.containerd.services.version.v1 import version_pb2_grpc
from supervisor.content.store import DiskBlobStore
from supervisor.core.snapshots import Snapshotter
from supervisor.events.exchange import Exchange
from supervisor.metadata.claims import Claims
from supervisor.metadata.containers import ContainerTable
from supervisor.metadata.content import NamespacedContent
from supervisor.metadata.db import Database
from supervisor.metadata.images import ImageTable
from supervisor.metadata.leases import LeaseTable
from supervisor.metadata.namespaces import NamespaceTable
from supervisor.metadata.scheduler import Scheduler
from supervisor.metadata.snapshots import NamespacedSnapshots
from supervisor.metadata.sweep import Sweeper
from supervisor.server.grpc import GrpcServer
from supervisor.services.containers import ContainersService
from supervisor.services.content import ContentService
from supervisor.services.events import EventsService
from supervisor.services.images import ImagesService
from supervisor.services.introspection import IntrospectionService, load_identity
from supervisor.services.leases import LeasesService
from supervisor.services.namespaces import NamespacesService
from supervisor.services.plugins import base_plugins, grpc_plugin
from supervisor.services.snapshots import SnapshotsService
from supervisor.services.version import VersionService
from supervisor.snapshots.native import NativeSnapshotter
from supervisor.snapshots.overlay import OverlaySnapshotter


@dataclass(slots=True)
class MetadataServer:
    """The parts, for tests that look behind the socket."""

    root: Path
    socket: Path
    db: Database
    exchange: Exchange
    blobs: DiskBlobStore
    drivers: dict[str, Snapshotter]
    claims: Claims
    sweeper: Sweeper
    collector: Scheduler


def build(root: Path) -> MetadataServer:
    """Everything but the server."""
    db = Database(str(root / "io.containerd.metadata.v1.sqlite" / "meta.db"))
    exchange, claims = Exchange(), Claims()
    blobs = DiskBlobStore(str(root / "io.containerd.content.v1.content"))
    drivers: dict[str, Snapshotter] = {
        "overlayfs": OverlaySnapshotter(str(root / "io.containerd.snapshotter.v1.overlayfs"), db),
        "native": NativeSnapshotter(str(root / "io.containerd.snapshotter.v1.native"), db),
    }
    sweeper = Sweeper(db, blobs, drivers, exchange, claims)
    collector = Scheduler(sweeper.run)
    db.on_mutation(collector.mutated)
    return MetadataServer(root, root / "c.sock", db, exchange, blobs, drivers, claims, sweeper, collector)


@contextlib.asynccontextmanager
async def serving(root: Path) -> AsyncIterator[MetadataServer]:
    """The server, answering."""
    parts = build(root)
    db, exchange = parts.db, parts.exchange
    server = GrpcServer()
    content = NamespacedContent(db, parts.blobs, exchange, parts.claims)
    snapshots = NamespacedSnapshots(db, parts.drivers, exchange, parts.claims)
    plugins = base_plugins({name: str(root) for name in parts.drivers}, {})
    plugins += [grpc_plugin(f"containerd.services.{name}.v1.X") for name in ("containers", "content", "images")]
    for register, service in (
        (containers_pb2_grpc.add_ContainersServicer_to_server, ContainersService(ContainerTable(db), exchange)),
        (content_pb2_grpc.add_ContentServicer_to_server, ContentService(content)),
        (events_pb2_grpc.add_EventsServicer_to_server, EventsService(exchange)),
        (images_pb2_grpc.add_ImagesServicer_to_server, ImagesService(ImageTable(db, exchange), parts.collector)),
        (
            introspection_pb2_grpc.add_IntrospectionServicer_to_server,
            IntrospectionService(plugins, load_identity(str(root / "identity"))),
        ),
        (leases_pb2_grpc.add_LeasesServicer_to_server, LeasesService(LeaseTable(db), parts.collector)),
        (namespace_pb2_grpc.add_NamespacesServicer_to_server, NamespacesService(NamespaceTable(db), exchange)),
        (snapshots_pb2_grpc.add_SnapshotsServicer_to_server, SnapshotsService(snapshots)),
        (version_pb2_grpc.add_VersionServicer_to_server, VersionService("0.0.0", "test")),
    ):
        server.add(register, service, type(service).__name__)
    server.listen(str(parts.socket))
    collecting = asyncio.get_running_loop().create_task(parts.collector.serve(), name="collector")
    await server.start()
    try:
        yield parts
    finally:
        exchange.close()
        await server.stop(1)
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
        db.close()
