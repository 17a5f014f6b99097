"""containerd.services.version.v1: what clients compare themselves with.

The version says which generation of containerd's API this is, with our own behind the plus: clients parse it as a
semantic version.
"""

from typing import TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty

from proto.containerd.services.version.v1 import version_pb2 as api
from proto.containerd.services.version.v1 import version_pb2_grpc

Context: TypeAlias = grpc.aio.ServicerContext

API_GENERATION = "v2.2.0"


class VersionService(version_pb2_grpc.VersionServicer):
    """The Version service. Needs no namespace of the caller."""

    def __init__(self, own_version: str, revision: str) -> None:
        self._response = api.VersionResponse(version=f"{API_GENERATION}+wherry.{own_version}", revision=revision)

    async def Version(self, request: Empty, context: Context) -> api.VersionResponse:
        return self._response
