"""containerd.services.sandbox.v1: the Store, on top of a SandboxStore, and a Controller.

Records of sandboxes are kept for whoever makes them. Running one is a controller's work, and a controller is chosen by
the record's `sandboxer`; this daemon has none yet, and every call to it says so. The rpc names of Store and Controller
overlap, hence two classes.
"""

from typing import TypeAlias

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.timestamp_pb2 import Timestamp

from proto.containerd.services.sandbox.v1 import sandbox_pb2 as api
from proto.containerd.services.sandbox.v1 import sandbox_pb2_grpc
from proto.containerd.types import sandbox_pb2
from proto.errdefs import Unimplemented
from supervisor.core.containers import RuntimeInfo
from supervisor.core.sandboxes import Sandbox, SandboxStore
from supervisor.core.typed import TypedValue
from supervisor.server.namespace import namespace_of

Context: TypeAlias = grpc.aio.ServicerContext


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
    """The Controller service, without controllers."""

    async def Create(self, request: api.ControllerCreateRequest, _context: Context) -> api.ControllerCreateResponse:
        raise _no_controller(request.sandboxer)

    async def Start(self, request: api.ControllerStartRequest, _context: Context) -> api.ControllerStartResponse:
        raise _no_controller(request.sandboxer)

    async def Platform(
        self, request: api.ControllerPlatformRequest, _context: Context
    ) -> api.ControllerPlatformResponse:
        raise _no_controller(request.sandboxer)

    async def Stop(self, request: api.ControllerStopRequest, _context: Context) -> api.ControllerStopResponse:
        raise _no_controller(request.sandboxer)

    async def Wait(self, request: api.ControllerWaitRequest, _context: Context) -> api.ControllerWaitResponse:
        raise _no_controller(request.sandboxer)

    async def Status(self, request: api.ControllerStatusRequest, _context: Context) -> api.ControllerStatusResponse:
        raise _no_controller(request.sandboxer)

    async def Shutdown(
        self, request: api.ControllerShutdownRequest, _context: Context
    ) -> api.ControllerShutdownResponse:
        raise _no_controller(request.sandboxer)

    async def Metrics(self, request: api.ControllerMetricsRequest, _context: Context) -> api.ControllerMetricsResponse:
        raise _no_controller(request.sandboxer)

    async def Update(self, request: api.ControllerUpdateRequest, _context: Context) -> api.ControllerUpdateResponse:
        raise _no_controller(request.sandboxer)


def _no_controller(sandboxer: str) -> Unimplemented:
    return Unimplemented(f'no sandbox controller "{sandboxer or "shim"}" in this daemon: not implemented')


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
