"""containerd.services.introspection.v1: which plugins there are, and who this daemon is."""

import asyncio
import os
import uuid
from collections.abc import Sequence
from typing import TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty
from google.rpc.status_pb2 import Status

from proto.containerd.services.introspection.v1 import introspection_pb2 as api
from proto.containerd.services.introspection.v1 import introspection_pb2_grpc
from proto.errdefs import FailedPrecondition, NotFound, Unimplemented
from supervisor.core.filters import Adaptor, parse_filters, present
from supervisor.core.plugins import Plugin
from supervisor.services.convert import platform_to_proto, typed_from_proto, typed_to_proto

Context: TypeAlias = grpc.aio.ServicerContext


class IntrospectionService(introspection_pb2_grpc.IntrospectionServicer):
    """The Introspection service. Needs no namespace of the caller."""

    def __init__(self, plugins: Sequence[Plugin], identity: str) -> None:
        self._plugins = list(plugins)
        self._identity = identity

    async def Plugins(self, request: api.PluginsRequest, context: Context) -> api.PluginsResponse:
        matches = parse_filters(list(request.filters))
        return api.PluginsResponse(
            plugins=[plugin_to_proto(plugin) for plugin in self._plugins if matches(_adapt(plugin))]
        )

    async def Server(self, request: Empty, context: Context) -> api.ServerResponse:
        return api.ServerResponse(uuid=self._identity, pid=os.getpid(), pidns=os.stat("/proc/self/ns/pid").st_ino)

    async def PluginInfo(self, request: api.PluginInfoRequest, context: Context) -> api.PluginInfoResponse:
        plugin = self._find(request.type, request.id)
        response = api.PluginInfoResponse(plugin=plugin_to_proto(plugin))
        if request.HasField("options"):
            if plugin.error is not None:
                raise FailedPrecondition("cannot get extra info, plugin not successfully loaded: failed precondition")
            if plugin.info is None:
                raise Unimplemented("plugin does not provided extra information: not implemented")
            # A runtime is asked by running its shim: not on the event loop.
            answer = await asyncio.to_thread(plugin.info, typed_from_proto(request.options))
            response.extra.CopyFrom(typed_to_proto(answer))
        return response

    def _find(self, kind: str, plugin_id: str) -> Plugin:
        for plugin in self._plugins:
            if (plugin.type, plugin.id) == (kind, plugin_id):
                return plugin
        raise NotFound(f"plugin {kind}.{plugin_id} not found: not found")


def plugin_to_proto(plugin: Plugin) -> api.Plugin:
    return api.Plugin(
        type=plugin.type,
        id=plugin.id,
        requires=plugin.requires,
        platforms=map(platform_to_proto, plugin.platforms),
        exports=plugin.exports,
        capabilities=plugin.capabilities,
        init_err=None if plugin.error is None else Status(code=plugin.error.code, message=str(plugin.error)),
    )


def _adapt(plugin: Plugin) -> Adaptor:
    def field(path: Sequence[str]) -> str | None:
        match path:
            case ["type", *_]:
                return present(plugin.type)
            case ["id", *_]:
                return present(plugin.id)
        return None

    return field


def load_identity(folder: str) -> str:
    """The daemon's UUID: made once, kept in `<folder>/uuid`."""
    path = os.path.join(folder, "uuid")
    try:
        with open(path, encoding="ascii") as file:
            return str(uuid.UUID(file.read().strip()))
    except (FileNotFoundError, ValueError):
        identity = str(uuid.uuid4())
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(identity)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)
    return identity
