"""containerd.services.sandbox.v1: the Store, on top of a SandboxStore, and a Controller.

Records of sandboxes are kept for whoever makes them. Running one is a controller's work, and a controller is chosen by
the record's `sandboxer`; there is one, `shim`, as in containerd. The rpc names of Store and Controller overlap, hence
two classes.
"""

from typing import TypeAlias

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.timestamp_pb2 import Timestamp

from proto.containerd.services.sandbox.v1 import sandbox_pb2 as api
from proto.containerd.services.sandbox.v1 import sandbox_pb2_grpc
from proto.containerd.types import sandbox_pb2
from proto.errdefs import Fault, InvalidArgument, NotFound
from supervisor.core.containers import RuntimeInfo
from supervisor.core.events import EventPublisher
from supervisor.core.sandboxes import Sandbox, SandboxStore
from supervisor.core.typed import TypedValue
from supervisor.events import topics
from supervisor.runtime.sandboxes import Sandboxes, SandboxOptions
from supervisor.server.namespace import namespace_of

Context: TypeAlias = grpc.aio.ServicerContext

CONTROLLER = "shim"


class SandboxStoreService(sandbox_pb2_grpc.StoreServicer):
    """The Store service."""

    def __init__(self, store: SandboxStore) -> None:
        self._store = store

    async def Create(self, request: api.StoreCreateRequest, context: Context) -> api.StoreCreateResponse:
        created = self._store.create(namespace_of(context), sandbox_from_proto(request.sandbox))
        return api.StoreCreateResponse(sandbox=sandbox_to_proto(created))

    async def Update(self, request: api.StoreUpdateRequest, context: Context) -> api.StoreUpdateResponse:
        wanted = sandbox_from_proto(request.sandbox)
        updated = self._store.update(namespace_of(context), wanted, list(request.fields))
        return api.StoreUpdateResponse(sandbox=sandbox_to_proto(updated))

    async def Delete(self, request: api.StoreDeleteRequest, context: Context) -> api.StoreDeleteResponse:
        self._store.delete(namespace_of(context), request.sandbox_id)
        return api.StoreDeleteResponse()

    async def List(self, request: api.StoreListRequest, context: Context) -> api.StoreListResponse:
        found = self._store.list(namespace_of(context), list(request.filters))
        return api.StoreListResponse(list=[sandbox_to_proto(sandbox) for sandbox in found])

    async def Get(self, request: api.StoreGetRequest, context: Context) -> api.StoreGetResponse:
        found = self._store.get(namespace_of(context), request.sandbox_id)
        return api.StoreGetResponse(sandbox=sandbox_to_proto(found))


class SandboxControllerService(sandbox_pb2_grpc.ControllerServicer):
    """The Controller service, with the one controller `shim`."""

    def __init__(self, sandboxes: Sandboxes, store: SandboxStore, exchange: EventPublisher) -> None:
        self._sandboxes = sandboxes
        self._store = store
        self._exchange = exchange

    async def Create(self, request: api.ControllerCreateRequest, context: Context) -> api.ControllerCreateResponse:
        _check(request.sandboxer)
        namespace = namespace_of(context)
        record = sandbox_from_proto(request.sandbox) if request.HasField("sandbox") else None
        if record is None:  # clients of 1.7 name the record only
            record = self._store.get(namespace, request.sandbox_id)
        options = SandboxOptions(
            runtime=record.runtime.name,
            spec=record.spec.value if record.spec is not None else b"",
            runtime_options=_runtime_options(record),
            rootfs=list(request.rootfs),
            options=request.options if request.HasField("options") and request.options.type_url else None,
            netns=request.netns_path,
            annotations=dict(request.annotations),
        )
        await self._sandboxes.create(namespace, request.sandbox_id, options)
        self._exchange.publish(namespace, topics.SANDBOX_CREATE, topics.sandbox_create(request.sandbox_id))
        return api.ControllerCreateResponse(sandbox_id=request.sandbox_id)

    async def Start(self, request: api.ControllerStartRequest, context: Context) -> api.ControllerStartResponse:
        _check(request.sandboxer)
        namespace = namespace_of(context)
        try:
            started = await self._sandboxes.start(namespace, request.sandbox_id)
        except Fault as fault:
            raise type(fault)(f'failed to start sandbox "{request.sandbox_id}": {fault}') from fault
        self._exchange.publish(namespace, topics.SANDBOX_START, topics.sandbox_start(request.sandbox_id))
        return api.ControllerStartResponse(
            sandbox_id=request.sandbox_id, pid=started.pid, created_at=started.created_at
        )

    async def Platform(
        self, request: api.ControllerPlatformRequest, context: Context
    ) -> api.ControllerPlatformResponse:
        _check(request.sandboxer)
        platform = await self._sandboxes.platform(namespace_of(context), request.sandbox_id)
        return api.ControllerPlatformResponse(platform=platform)

    async def Stop(self, request: api.ControllerStopRequest, context: Context) -> api.ControllerStopResponse:
        _check(request.sandboxer)
        await self._sandboxes.stop(namespace_of(context), request.sandbox_id, request.timeout_secs)
        return api.ControllerStopResponse()

    async def Wait(self, request: api.ControllerWaitRequest, context: Context) -> api.ControllerWaitResponse:
        _check(request.sandboxer)
        namespace = namespace_of(context)
        end, first = await self._sandboxes.wait(namespace, request.sandbox_id)
        if first:
            event = topics.sandbox_exit(request.sandbox_id, end.exit_status, end.exited_at)
            self._exchange.publish(namespace, topics.SANDBOX_EXIT, event)
        return api.ControllerWaitResponse(exit_status=end.exit_status, exited_at=end.exited_at)

    async def Status(self, request: api.ControllerStatusRequest, context: Context) -> api.ControllerStatusResponse:
        _check(request.sandboxer)
        status = await self._sandboxes.status(namespace_of(context), request.sandbox_id, verbose=request.verbose)
        return api.ControllerStatusResponse(
            sandbox_id=status.sandbox_id,
            pid=status.pid,
            state=status.state,
            info=status.info,
            created_at=status.created_at,
            exited_at=status.exited_at,
            extra=status.extra,
        )

    async def Shutdown(
        self, request: api.ControllerShutdownRequest, context: Context
    ) -> api.ControllerShutdownResponse:
        _check(request.sandboxer)
        await self._sandboxes.shutdown(namespace_of(context), request.sandbox_id)
        return api.ControllerShutdownResponse()

    async def Metrics(self, request: api.ControllerMetricsRequest, context: Context) -> api.ControllerMetricsResponse:
        _check(request.sandboxer)
        metrics = await self._sandboxes.metrics(namespace_of(context), request.sandbox_id)
        return api.ControllerMetricsResponse(metrics=metrics)

    async def Update(self, request: api.ControllerUpdateRequest, context: Context) -> api.ControllerUpdateResponse:
        """A shim has nothing to change: what may change of a sandbox is its record, which is the Store's."""
        _check(request.sandboxer)
        if not request.HasField("sandbox"):
            raise InvalidArgument("sandbox can not be nil")
        await self._sandboxes.status(namespace_of(context), request.sandbox_id, verbose=False)
        return api.ControllerUpdateResponse()


def _check(sandboxer: str) -> None:
    if not sandboxer:
        raise InvalidArgument("invalid argument: sandbox controller name can not be empty")
    if sandboxer != CONTROLLER:
        raise NotFound(f"not found: failed to get sandbox controller by {sandboxer}")


def _runtime_options(record: Sandbox) -> Any | None:
    """The options for `shim start`; an Empty, as clients send it for none, is none."""
    options = record.runtime.options
    if options is None or not options.type_url or options.type_url.endswith("Empty"):
        return None
    return _any(options)


def sandbox_from_proto(message: sandbox_pb2.Sandbox) -> Sandbox:
    """The record, without its times."""
    runtime = message.runtime
    return Sandbox(
        id=message.sandbox_id,
        runtime=RuntimeInfo(runtime.name, _typed(runtime.options) if runtime.HasField("options") else None),
        spec=_typed(message.spec) if message.HasField("spec") else None,
        sandboxer=message.sandboxer,
        labels=dict(message.labels),
        extensions={name: _typed(value) for name, value in message.extensions.items()},
    )


def sandbox_to_proto(sandbox: Sandbox) -> sandbox_pb2.Sandbox:
    """The record as clients see it."""
    message = sandbox_pb2.Sandbox(
        sandbox_id=sandbox.id,
        runtime=sandbox_pb2.Sandbox.Runtime(name=sandbox.runtime.name),
        labels=sandbox.labels,
        created_at=_timestamp(sandbox.created_at),
        updated_at=_timestamp(sandbox.updated_at),
        extensions={name: _any(value) for name, value in sandbox.extensions.items()},
        sandboxer=sandbox.sandboxer,
    )
    if sandbox.runtime.options is not None:
        message.runtime.options.CopyFrom(_any(sandbox.runtime.options))
    if sandbox.spec is not None:
        message.spec.CopyFrom(_any(sandbox.spec))
    return message


def _typed(value: Any) -> TypedValue:
    return TypedValue(value.type_url, value.value)


def _any(value: TypedValue) -> Any:
    return Any(type_url=value.type_url, value=value.value)


def _timestamp(nanoseconds: int) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromNanoseconds(nanoseconds)
    return timestamp
