"""The server on its socket."""

import os
import stat
from pathlib import Path

import grpc
from google.protobuf.empty_pb2 import Empty
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from proto.containerd.services.version.v1 import version_pb2_grpc
from supervisor.server.grpc import GrpcServer
from supervisor.services.version import VersionService

NAME = "containerd.services.version.v1.Version"


async def test_it_serves_health_and_reflection_and_cleans_up(tmp_path: Path) -> None:
    """On a socket that is root's and its group's, without the socket's being taken from anybody."""
    path = tmp_path / "run" / "s.sock"
    server = GrpcServer()
    server.add(version_pb2_grpc.add_VersionServicer_to_server, VersionService("1", "r"), NAME)
    server.listen(str(path), os.getuid(), os.getgid())
    await server.start()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    async with grpc.aio.insecure_channel(f"unix:{path}") as channel:
        answer = await version_pb2_grpc.VersionStub(channel).Version(Empty())
        assert answer.version == "v2.2.0+wherry.1"
        check = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert check.status == health_pb2.HealthCheckResponse.SERVING
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        async for response in reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(asked):
            assert NAME in {service.name for service in response.list_services_response.service}
    await server.stop(0)
    await server.wait_for_termination()
    assert not path.exists()
