"""Which services answer on the API's socket, each with the parts it speaks for; and the list of plugins."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from proto.containerd.services.containers.v1.containers_pb2_grpc import add_ContainersServicer_to_server
from proto.containerd.services.content.v1.content_pb2_grpc import add_ContentServicer_to_server
from proto.containerd.services.diff.v1.diff_pb2_grpc import add_DiffServicer_to_server
from proto.containerd.services.events.v1.events_pb2_grpc import add_EventsServicer_to_server
from proto.containerd.services.images.v1.images_pb2_grpc import add_ImagesServicer_to_server
from proto.containerd.services.introspection.v1.introspection_pb2_grpc import add_IntrospectionServicer_to_server
from proto.containerd.services.leases.v1.leases_pb2_grpc import add_LeasesServicer_to_server
from proto.containerd.services.namespaces.v1.namespace_pb2_grpc import add_NamespacesServicer_to_server
from proto.containerd.services.sandbox.v1.sandbox_pb2_grpc import (
    add_ControllerServicer_to_server,
    add_StoreServicer_to_server,
)
from proto.containerd.services.snapshots.v1.snapshots_pb2_grpc import add_SnapshotsServicer_to_server
from proto.containerd.services.streaming.v1.streaming_pb2_grpc import add_StreamingServicer_to_server
from proto.containerd.services.tasks.v1.tasks_pb2_grpc import add_TasksServicer_to_server
from proto.containerd.services.transfer.v1.transfer_pb2_grpc import add_TransferServicer_to_server
from proto.containerd.services.version.v1.version_pb2_grpc import add_VersionServicer_to_server
from proto.errdefs import FailedPrecondition
from supervisor import __version__
from supervisor.config import Config
from supervisor.core.events import EventExchange
from supervisor.core.plugins import Plugin
from supervisor.metrics.calls import Calls
from supervisor.paths import Paths
from supervisor.runtime.checkpoint import Checkpoints
from supervisor.runtime.info import RuntimeInfos
from supervisor.runtime.sandboxes import Sandboxes
from supervisor.runtime.tasks import Tasks
from supervisor.server.grpc import GrpcServer
from supervisor.services.containers import ContainersService
from supervisor.services.content import ContentService
from supervisor.services.diff import DiffService
from supervisor.services.events import EventsService
from supervisor.services.images import ImagesService
from supervisor.services.introspection import IntrospectionService, load_identity
from supervisor.services.leases import LeasesService
from supervisor.services.namespaces import NamespacesService
from supervisor.services.plugins import (
    DIFF,
    GRPC,
    RUNTIME,
    SANDBOX_CONTROLLER,
    SANDBOX_STORE,
    SHIM,
    STREAMING,
    TRANSFER,
    TTRPC,
    base_plugins,
    grpc_plugin,
    host_platform,
)
from supervisor.services.sandbox import CONTROLLER, SandboxControllerService, SandboxStoreService
from supervisor.services.snapshots import SnapshotsService
from supervisor.services.streaming import StreamingService
from supervisor.services.tasks import TasksService
from supervisor.services.transfer import TransferService
from supervisor.services.version import VersionService
from supervisor.stores import Stores
from supervisor.transfer.local import Transfers
from supervisor.transfer.resources import Resources
from supervisor.transfer.resources import Stores as TransferStores
from supervisor.transfer.streams import Streams


class Runtime(Protocol):
    """What runs tasks and sandboxes."""

    tasks: Tasks
    sandboxes: Sandboxes


Service = tuple[Callable[[Any, Any], None], object, str]

_PREFIX = "containerd.services."


def build_server(
    config: Config,
    paths: Paths,
    stores: Stores,
    exchange: EventExchange,
    runtime: Runtime,
    info: RuntimeInfos,
    calls: Calls,
) -> GrpcServer:
    """The API's server with every service on it, not listening yet."""
    server = GrpcServer(calls, max_receive=config.max_receive, max_send=config.max_send)
    services: list[Service] = [
        *_record_services(stores, exchange, runtime.sandboxes),
        *_image_services(config, stores),
        (
            add_TasksServicer_to_server,
            TasksService(runtime.tasks, stores.containers, Checkpoints(stores.content), runtime.sandboxes),
            "tasks.v1.Tasks",
        ),
        (add_VersionServicer_to_server, VersionService(__version__, ""), "version.v1.Version"),
    ]
    names = [_PREFIX + name for _, _, name in services]
    plugins = _plugins(config, paths, stores, info, [*names, f"{_PREFIX}introspection.v1.Introspection"])
    check_plugins(config, plugins)
    introspection = IntrospectionService(plugins, load_identity(paths.identity))
    services.append((add_IntrospectionServicer_to_server, introspection, "introspection.v1.Introspection"))
    for register, servicer, name in services:
        server.add(register, servicer, _PREFIX + name)
    return server


def check_plugins(config: Config, plugins: Sequence[Plugin]) -> None:
    """Refuse to start without a plugin that the configuration requires, or with one that it wants away."""
    known = {f"{plugin.type}.{plugin.id}" for plugin in plugins}
    for name in config.required_plugins:
        if name not in known:
            raise FailedPrecondition(f"required plugin {name} is not part of this daemon")
    for name in config.disabled_plugins:
        if name in known:
            raise FailedPrecondition(f"plugin {name} cannot be disabled in this daemon")


def _record_services(stores: Stores, exchange: EventExchange, sandboxes: Sandboxes) -> Iterator[Service]:
    """Who keeps records, and tells of their changes."""
    yield (
        add_ContainersServicer_to_server,
        ContainersService(stores.containers, exchange),
        "containers.v1.Containers",
    )
    yield (
        add_NamespacesServicer_to_server,
        NamespacesService(stores.namespaces, exchange),
        "namespaces.v1.Namespaces",
    )
    yield add_LeasesServicer_to_server, LeasesService(stores.leases, stores.collector), "leases.v1.Leases"
    yield add_StoreServicer_to_server, SandboxStoreService(stores.sandboxes), "sandbox.v1.Store"
    controller = SandboxControllerService(sandboxes, stores.sandboxes, exchange)
    yield add_ControllerServicer_to_server, controller, "sandbox.v1.Controller"
    yield add_EventsServicer_to_server, EventsService(exchange), "events.v1.Events"


def _image_services(config: Config, stores: Stores) -> Iterator[Service]:
    """Images and what they are made of."""
    streams = Streams()
    resources = Resources(
        TransferStores(stores.content, stores.images, stores.snapshots, stores.leases),
        hosts_dir=config.hosts_folder,
        max_concurrent_downloads=config.max_concurrent_downloads,
        max_concurrent_unpacks=config.max_concurrent_unpacks,
        max_concurrent_uploads=config.max_concurrent_uploads,
    )
    yield add_TransferServicer_to_server, TransferService(Transfers(resources), streams), "transfer.v1.Transfer"
    yield add_ContentServicer_to_server, ContentService(stores.content), "content.v1.Content"
    yield add_DiffServicer_to_server, DiffService(stores.content), "diff.v1.Diff"
    yield add_ImagesServicer_to_server, ImagesService(stores.images, stores.collector), "images.v1.Images"
    yield add_SnapshotsServicer_to_server, SnapshotsService(stores.snapshots), "snapshots.v1.Snapshots"
    yield add_StreamingServicer_to_server, StreamingService(streams), "streaming.v1.Streaming"


def _plugins(config: Config, paths: Paths, stores: Stores, info: RuntimeInfos, services: list[str]) -> list[Plugin]:
    roots = {name: config.snapshot_roots.get(name) or paths.snapshotter(name) for name in ("overlayfs", "native")}
    here = (host_platform(),)
    return [
        *base_plugins(roots, {}, stores.unsupported, {name: one.capabilities for name, one in stores.drivers.items()}),
        Plugin(DIFF, "walking", platforms=here),
        Plugin(SHIM, "manager"),
        Plugin(
            RUNTIME,
            "task",
            requires=(SHIM,),
            platforms=here,
            exports={"log-uri-schemes": "binary,fifo,file"},
            info=info,
        ),
        Plugin(SANDBOX_CONTROLLER, CONTROLLER, requires=(SHIM,)),
        Plugin(SANDBOX_STORE, "local"),
        Plugin(STREAMING, "manager"),
        Plugin(TRANSFER, "local"),
        Plugin(TTRPC, "events"),
        *sorted({plugin.id: plugin for plugin in map(grpc_plugin, services)}.values(), key=lambda plugin: plugin.id),
        Plugin(GRPC, "healthcheck"),
    ]
