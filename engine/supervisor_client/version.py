"""containerd.services.version.v1: who is below us."""

import re

from google.protobuf import empty_pb2

from engine.supervisor_client.channel import Channel
from proto.containerd.services.version.v1 import version_pb2, version_pb2_grpc
from proto.errdefs import FailedPrecondition

_OLDEST = 7  # of containerd 1: the first with a transfer service, by which all images come and go


class Version:
    """The peer's version."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._stub = version_pb2_grpc.VersionStub(channel.grpc)

    async def get(self, *, patient: bool = False, timeout: float | None = None) -> version_pb2.VersionResponse:
        """Version and revision; `patient` waits until the peer listens."""
        return await self._channel.unary(self._stub.Version, empty_pb2.Empty(), patient=patient, timeout=timeout)


def require_transfers(version: str, address: str) -> None:
    """Refuse a containerd that cannot move images, before anything is served."""
    found = re.match(r"v?1\.(\d+)", version)
    if found is not None and int(found[1]) < _OLDEST:
        raise FailedPrecondition(
            f"containerd {version} at {address} has no transfer service, by which images come and go: containerd "
            f"1.{_OLDEST} or newer is needed"
        )
