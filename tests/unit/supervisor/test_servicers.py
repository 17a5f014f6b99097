"""Which services answer."""

from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from proto.containerd.services.introspection.v1.introspection_pb2 import PluginsRequest
from proto.containerd.services.introspection.v1.introspection_pb2_grpc import IntrospectionStub
from supervisor.daemon import Daemon
from tests.fakes.supervisor_config import private_config

SERVICES = (
    "containers content diff events images introspection leases namespaces sandbox snapshots streaming tasks transfer "
    "version"
)


@pytest.mark.parametrize("pattern", ["type==io.containerd.grpc.v1"])
async def test_every_service_of_containerd_is_there_and_healthy(tmp_path: Path, pattern: str) -> None:
    daemon = Daemon(private_config(tmp_path))
    await daemon.start()
    try:
        async with grpc.aio.insecure_channel(f"unix:{tmp_path}/s.sock") as channel:
            answer = await IntrospectionStub(channel).Plugins(PluginsRequest(filters=[pattern]))
            names = {plugin.id for plugin in answer.plugins}
            assert set(SERVICES.split()) <= names
            health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
            assert health.status == health_pb2.HealthCheckResponse.SERVING
    finally:
        await daemon.stop()
