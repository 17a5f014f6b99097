"""containerd.services.version.v1: who is below us."""

from google.protobuf import empty_pb2

from engine.supervisor_client.channel import Channel
from proto.containerd.services.version.v1 import version_pb2, version_pb2_grpc


class Version:
    """The peer's version."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._stub = version_pb2_grpc.VersionStub(channel.grpc)

    async def get(self, *, patient: bool = False, timeout: float | None = None) -> version_pb2.VersionResponse:
        """Version and revision; `patient` waits until the peer listens."""
        return await self._channel.unary(self._stub.Version, empty_pb2.Empty(), patient=patient, timeout=timeout)
